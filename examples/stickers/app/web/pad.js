// The sheet: strokes of a finger, a mouse, a pen or the keyboard, and the small picture that the model gets of them.

const LINE = 0.026; // of the sheet's side
const SIZE = 28; // pixels of the picture
const INK = 1.35; // width of its lines, as in the drawings that the network was trained on
const SMALLEST = 0.12; // of the sheet: smaller drawings are not blown up to fill the picture
const NEAR = 0.003; // of the sheet: points closer together than this are one

export class Pad {
  // changed: called when the drawing changes; its argument says whether a stroke is still being drawn.
  constructor(canvas, changed) {
    this.canvas = canvas;
    this.changed = changed;
    this.strokes = []; // each a list of [x, y], 0 to 1
    this.pointer = null;
    this.pen = { x: 0.5, y: 0.5, down: false };
    canvas.addEventListener("pointerdown", (event) => this.#begin(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, (event) => this.#end(event));
    canvas.addEventListener("keydown", (event) => this.#key(event));
    for (const name of ["focus", "blur"]) canvas.addEventListener(name, () => this.#lift());
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    new ResizeObserver(() => this.#resize()).observe(canvas);
  }

  get isEmpty() {
    return this.strokes.length === 0;
  }

  clear() {
    this.strokes = [];
    this.#after();
  }

  undo() {
    this.strokes.pop();
    this.#after();
  }

  #after() {
    this.pointer = null;
    this.pen.down = false;
    this.paint();
    this.changed(false);
  }

  #begin(event) {
    if (this.pointer !== null || (event.pointerType === "mouse" && event.button !== 0)) return;
    event.preventDefault();
    this.canvas.setPointerCapture(event.pointerId);
    this.pointer = event.pointerId;
    this.pen.down = false;
    this.strokes.push([this.#place(event)]);
    this.paint();
    this.changed(true);
  }

  #move(event) {
    if (event.pointerId !== this.pointer) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length ? events : [event]) this.#extend(this.#place(each));
    this.paint();
    this.changed(true);
  }

  #end(event) {
    if (event.pointerId !== this.pointer) return;
    this.pointer = null;
    this.changed(false);
  }

  #extend(point) {
    const stroke = this.strokes.at(-1);
    const [x, y] = stroke.at(-1);
    if (Math.hypot(point[0] - x, point[1] - y) >= NEAR) stroke.push(point);
  }

  #place(event) {
    const box = this.canvas.getBoundingClientRect();
    const within = (value) => Math.min(1, Math.max(0, value));
    return [within((event.clientX - box.left) / box.width), within((event.clientY - box.top) / box.height)];
  }

  #key(event) {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.key in steps) {
      const [dx, dy] = steps[event.key];
      const step = event.shiftKey ? 0.1 : 0.025;
      this.pen.x = Math.min(1, Math.max(0, this.pen.x + dx * step));
      this.pen.y = Math.min(1, Math.max(0, this.pen.y + dy * step));
      if (this.pen.down) this.#extend([this.pen.x, this.pen.y]);
      this.paint();
      if (this.pen.down) this.changed(true);
    } else if (event.key === " ") {
      this.pen.down = !this.pen.down;
      if (this.pen.down) this.strokes.push([[this.pen.x, this.pen.y]]);
      this.paint();
      this.changed(this.pen.down);
    } else if (event.key === "Backspace") this.undo();
    else if (event.key === "Escape") this.clear();
    else return;
    event.preventDefault();
  }

  #lift() {
    const wasDown = this.pen.down;
    this.pen.down = false;
    this.paint();
    if (wasDown) this.changed(false);
  }

  #resize() {
    const side = Math.round(this.canvas.clientWidth * devicePixelRatio);
    if (side && this.canvas.width !== side) {
      this.canvas.width = this.canvas.height = side;
      this.paint();
    }
  }

  // Also when the colours change.
  paint() {
    const { canvas } = this;
    const context = canvas.getContext("2d");
    const side = canvas.width;
    context.clearRect(0, 0, side, side);
    context.strokeStyle = getComputedStyle(canvas).color;
    trace(context, this.strokes, LINE * side, ([x, y]) => [x * side, y * side]);
    if (!canvas.matches(":focus-visible")) return;
    context.lineWidth = 2 * devicePixelRatio;
    context.strokeStyle = getComputedStyle(canvas).getPropertyValue("--accent");
    context.beginPath();
    context.arc(this.pen.x * side, this.pen.y * side, (this.pen.down ? 0.02 : 0.035) * side, 0, 7);
    context.stroke();
  }

  // What the model gets: the drawing in the middle of 28 x 28 pixels, as large as fits, white on black.
  render() {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = SIZE;
    const context = canvas.getContext("2d");
    context.fillRect(0, 0, SIZE, SIZE);
    context.strokeStyle = "#fff";
    const points = this.strokes.flat();
    const xs = points.map(([x]) => x);
    const ys = points.map(([, y]) => y);
    const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    const scale = (SIZE - 1 - INK) / Math.max(right - left, bottom - top, SMALLEST);
    const middle = [(left + right) / 2, (top + bottom) / 2];
    trace(context, this.strokes, INK, (point) => point.map((value, i) => (value - middle[i]) * scale + SIZE / 2));
    return canvas;
  }

  // The picture as a PNG file.
  picture() {
    return new Promise((resolve) => this.render().toBlob(resolve, "image/png"));
  }
}

// Smooth lines: through the middles between points, bent by the points.
function trace(context, strokes, width, place) {
  context.lineWidth = width;
  context.lineCap = context.lineJoin = "round";
  context.beginPath();
  for (const stroke of strokes) {
    const points = stroke.map(place);
    context.moveTo(...points[0]);
    for (let i = 1; i < points.length - 1; i++) {
      const [x, y] = points[i];
      context.quadraticCurveTo(x, y, (x + points[i + 1][0]) / 2, (y + points[i + 1][1]) / 2);
    }
    const [x, y] = points.at(-1);
    context.lineTo(x, points.length > 1 ? y : y + 0.001);
  }
  context.stroke();
}
