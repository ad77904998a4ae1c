// All stickers with their drawings; what was taught can be forgotten, one drawing or a whole sticker.

import { ask, byId, count, make, picture, toast } from "./dom.js";
import { hue } from "./hues.js";

let chosen = null; // the drawing that is asked about

export function renderAlbum(state) {
  const drawings = state.stickers.reduce((sum, sticker) => sum + sticker.drawings.length, 0);
  byId("album-count").textContent = `${count(state.stickers.length, "sticker", "stickers")}, ${count(drawings, "drawing", "drawings")}`;
  const undo = byId("undo-change");
  undo.hidden = !state.undo;
  undo.textContent = `Undo ${state.undo}`;
  byId("stickers").replaceChildren(...state.stickers.map(sticker));
  if (!state.stickers.length) byId("stickers").append(make("p", { class: "dim" }, "The album is empty. Teach it something."));
}

export async function undoChange() {
  try {
    await ask("POST", "/api/undo", "{}");
  } catch (error) {
    toast(error.message);
  }
}

function sticker({ label, drawings }) {
  const row = make("div", { class: "row" });
  const bar = make("div", { class: "actions" });
  const choose = (id) => {
    chosen = chosen === id ? null : id;
    row.replaceChildren(...drawings.map((drawing) => thumb(drawing, label, choose)));
    const one = drawings.find((drawing) => drawing.id === chosen);
    bar.hidden = !one;
    queueMicrotask(() => bar.scrollIntoView({ block: "nearest" }));
    if (!one) return;
    bar.replaceChildren(
      make("button", { class: "danger", onclick: () => forget(`/api/drawings/${one.id}`, "Forgotten.") }, "Forget this drawing"),
      make("button", { class: "danger", onclick: () => forget(`/api/stickers/${encodeURIComponent(label)}`, `“${label}” is forgotten.`) }, `Forget all of ${label}`));
  };
  const kept = chosen;
  chosen = null;
  choose(drawings.some(({ id }) => id === kept) ? kept : null);
  if (chosen === null) chosen = kept;
  return make("section", { class: "sticker", hue: hue(label) },
    make("h3", {}, make("span", { class: "dot" }), label, make("small", {}, `${drawings.length}`)), row, bar);
}

function thumb({ id }, label, choose) {
  return make("button", { class: "thumb", "aria-pressed": chosen === id, "aria-label": `Drawing of ${label}`, onclick: () => choose(id) }, picture(id, label));
}

async function forget(path, text) {
  try {
    await ask("DELETE", path);
    chosen = null;
    toast(text, { text: "Undo", run: undoChange });
  } catch (error) {
    toast(error.message);
  }
}
