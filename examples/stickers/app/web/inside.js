// What the model remembers, seen from above, and how well it does.

import { byId, draw, duration, make, percent } from "./dom.js";
import { hue } from "./hues.js";

const [WIDTH, HEIGHT, EDGE] = [400, 250, 26];

// answer: about the drawing on the sheet, or null.
export function renderMap(state, answer) {
  const dots = state.stickers.flatMap(({ label, drawings }) => drawings.map((drawing) => ({ ...drawing, label })));
  const place = placing([...dots.map(({ point }) => point), ...(answer ? [answer.point] : [])]);
  const nodes = [];
  if (answer) {
    const [x, y] = place(answer.point);
    const near = new Set(answer.near.map(({ id }) => id));
    for (const dot of dots.filter(({ id }) => near.has(id))) {
      const [x2, y2] = place(dot.point);
      nodes.push(draw("line", { x1: x, y1: y, x2, y2, hue: hue(dot.label) }));
    }
  }
  for (const dot of dots) {
    const [cx, cy] = place(dot.point);
    nodes.push(draw("circle", { cx, cy, r: 5, hue: hue(dot.label) }));
  }
  for (const { label, drawings } of state.stickers) {
    const middle = [0, 1].map((axis) => drawings.reduce((sum, { point }) => sum + point[axis], 0) / drawings.length);
    const [x, y] = place(middle);
    nodes.push(draw("text", { x: Math.min(WIDTH - 36, Math.max(36, x)), y: y - 11, hue: hue(label) }, label));
  }
  if (answer) {
    const [cx, cy] = place(answer.point);
    nodes.push(draw("circle", { cx, cy, r: 8, class: "now" }));
  }
  byId("map").replaceChildren(...nodes);
  byId("map-text").textContent = answer
    ? "The ring is your drawing; lines lead to the five remembered ones nearest to it, which vote."
    : `Each dot is a remembered drawing: ${state.numbers} numbers, flattened to two. Draw, and see where yours lands.`;
}

// From points of any range to places on the map, the same scale both ways.
function placing(points) {
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const [left, right, top, bottom] = points.length ? [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)] : [0, 1, 0, 1];
  const scale = Math.min((WIDTH - 2 * EDGE) / Math.max(right - left, 1e-3), (HEIGHT - 2 * EDGE) / Math.max(bottom - top, 1e-3));
  return ([x, y]) => [WIDTH / 2 + (x - (left + right) / 2) * scale, HEIGHT / 2 + (y - (top + bottom) / 2) * scale].map((v) => Math.round(v * 10) / 10);
}

export function renderFacts(state) {
  const own = state.stickers.flatMap(({ label, drawings }) => drawings.filter(({ starter }) => !starter).map((drawing) => ({ ...drawing, label })))
    .sort((a, b) => a.id - b.id);
  const known = own.filter(({ said, label }) => said === label).length;
  const { right, asked } = state.exam;
  const facts = [];
  if (asked) {
    facts.push(fact(percent(right / asked), `of ${asked} drawings that it never learned are named right`, right / asked));
  }
  if (own.length) {
    const strip = make("div", { class: "strip", "aria-hidden": "true" }, ...own.map(({ said, label }) => make("i", { class: said === label ? "hit" : "miss" })));
    facts.push(make("div", { class: "fact" }, make("b", {}, `${known} of ${own.length}`),
      make("span", {}, "of your drawings it knew before you taught them, in the order you did"), strip));
  }
  if (state.seconds) facts.push(make("div", { class: "fact" }, make("b", {}, duration(state.seconds)), make("span", {}, "took the last thing that it learned")));
  byId("facts").replaceChildren(...facts);
}

function fact(number, text, share) {
  const filled = make("i");
  filled.style.width = `${100 * share}%`;
  return make("div", { class: "fact" }, make("b", {}, number), make("span", {}, text), make("div", { class: "bar-track", "aria-hidden": "true" }, filled));
}
