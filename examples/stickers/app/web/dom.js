// Elements and what is asked of the board.  Texts of people only ever become text, never markup.

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

// An element: `make("button", {class: "main", onclick: f}, "Learn")`.
export function make(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function draw(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "hue") element.style.setProperty("--hue", value);
    else if (name.startsWith("aria-")) element.setAttribute(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

// A taught drawing as the model saw it: 28 x 28 pixels.
export function picture(id, label) {
  return frame(make("img", { src: `/api/drawings/${id}.png`, alt: `drawing of ${label}`, loading: "lazy", draggable: "false" }));
}

// The white border of a sticker.
export const frame = (pixels) => make("span", { class: "drawing" }, pixels);

// The board's answer; throws an Error whose message can be shown.
export async function ask(method, path, body = null, type = "application/json") {
  let response;
  try {
    response = await fetch(path, { method, body, headers: body ? { "Content-Type": type } : {} });
  } catch {
    throw new Error("The board does not answer.");
  }
  const data = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(sentence(data.error || `It did not work (${response.status}).`));
  return data;
}

export function sentence(text) {
  return text[0].toUpperCase() + text.slice(1) + (/[.!?…]$/.test(text) ? "" : ".");
}

export const percent = (share) => `${Math.round(100 * share)} %`;

export const count = (number, one, many) => `${number} ${number === 1 ? one : many}`;

export function duration(seconds) {
  return seconds < 1 ? `${Math.max(1, Math.round(1000 * seconds))} ms` : `${seconds.toFixed(1)} s`;
}

let hiding = 0;

// A short message at the bottom, with something to do about it.
export function toast(text, action = null) {
  const place = byId("toast");
  place.replaceChildren(text);
  if (action) place.append(make("button", { onclick: () => { place.hidden = true; action.run(); } }, action.text));
  place.hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => { place.hidden = true; }, 7000);
}
