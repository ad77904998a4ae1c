// A colour for each sticker, the same everywhere on the page.

const hues = new Map();

export const hue = (label) => hues.get(label) ?? 0;

const FIRST = [12, 145, 265, 38, 202, 325, 85, 232, 172, 292]; // told apart easily; then steps of the golden angle

export function setHues(labels) {
  hues.clear();
  labels.forEach((label, i) => hues.set(label, FIRST[i] ?? Math.round(i * 137.5) % 360));
}
