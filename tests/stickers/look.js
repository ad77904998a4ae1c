// What is wrong with how the page looks now, in four lists: targets that a finger would miss, what lies outside the
// screen's width, text with less contrast than WCAG AA asks for, and controls that a screen reader cannot name.
() => {
  const visible = (selector) => [...document.querySelectorAll(selector)].filter((element) => element.checkVisibility());
  const name = (element) => `${element.id || element.className || element.tagName} ${element.textContent.trim().slice(0, 20)}`;
  const within = (element, test) => test(element.getBoundingClientRect());

  const context = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const luminance = (colour) => {
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    const linear = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = [...context.getImageData(0, 0, 1, 1).data].map((value) => linear(value / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    const colour = getComputedStyle(element).backgroundColor;
    return colour === "rgba(0, 0, 0, 0)" && element.parentElement ? ground(element.parentElement) : colour;
  };
  const contrast = (element) => {
    const [dark, bright] = [getComputedStyle(element).color, ground(element)].map(luminance).sort((a, b) => a - b);
    return (bright + 0.05) / (dark + 0.05);
  };
  const hasText = (element) => [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
  const texts = visible("body *:not(svg *)").filter((e) => hasText(e) && !e.closest(":disabled, [aria-hidden=true]"));

  return {
    small: visible("button:not(.remove), input").filter((e) => within(e, (box) => box.height < 40 || box.width < 40)).map(name),
    outside: visible("button, input, #pad, .panel")
      .filter((e) => !e.closest(".chips") && within(e, (box) => box.left < 0 || box.right > innerWidth + 0.5)).map(name),
    weak: texts.filter((e) => contrast(e) < 4.5).map((e) => `${name(e)}: ${contrast(e).toFixed(2)}`),
    nameless: visible("button, input, [role=img], [role=application]").filter((e) => !(e.textContent.trim() || e.ariaLabel || e.labels?.length)).map(name),
  };
}
