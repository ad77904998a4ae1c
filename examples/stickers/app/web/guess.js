// What the model thinks the drawing is, while it is being drawn.

import { ask, byId, make, percent, picture, toast } from "./dom.js";
import { hue } from "./hues.js";

const PAUSE = 150; // ms between two questions about a stroke that goes on
const SHOWN = 4; // bars

export class Guess {
  // answered: called with every answer, or null when the sheet is empty.
  constructor(pad, answered) {
    this.pad = pad;
    this.answered = answered;
    this.asking = false;
    this.again = false;
    this.timer = 0;
  }

  // The drawing has changed.  One question at a time; the last state of the sheet is always asked about.
  update(isDrawing) {
    clearTimeout(this.timer);
    if (this.pad.isEmpty) this.#show(null);
    else if (this.asking) this.again = true;
    else this.timer = setTimeout(() => this.#ask(), isDrawing ? PAUSE : 0);
  }

  async #ask() {
    this.asking = true;
    this.again = false;
    try {
      const answer = await ask("POST", "/api/ask", await this.pad.picture(), "image/png");
      this.#show(this.pad.isEmpty ? null : answer);
    } catch (error) {
      toast(error.message);
    }
    this.asking = false;
    if (this.again) this.update(false);
  }

  #show(answer) {
    byId("invite").hidden = answer !== null;
    byId("answer").hidden = answer === null;
    const pill = byId("pill");
    pill.hidden = answer === null;
    this.answered(answer);
    if (!answer) return;
    const best = answer.shares[0];
    byId("lead").textContent = !best ? "I know no stickers yet" : answer.isNew ? "I have seen nothing quite like this. Perhaps a" : "I think this is";
    const word = byId("word");
    if (word.textContent !== answer.label) word.textContent = answer.label;
    word.style.setProperty("--hue", hue(answer.label));
    pill.textContent = best ? `${answer.label} ${percent(best.share)}` : answer.label;
    pill.style.setProperty("--hue", hue(answer.label));
    byId("answer").classList.toggle("is-new", answer.isNew);
    byId("bars").replaceChildren(...answer.shares.slice(0, SHOWN).map(bar));
    byId("because").hidden = byId("near").hidden = !answer.near.length;
    byId("near").replaceChildren(...answer.near.map(({ id, label }) => {
      return make("figure", { class: "near", hue: hue(label) }, picture(id, label), make("figcaption", {}, label));
    }));
  }
}

function bar({ label, share }) {
  const filled = make("i");
  filled.style.width = `${100 * share}%`;
  return make("div", { class: "bar", role: "listitem", hue: hue(label) },
    make("span", { class: "bar-name" }, label), make("span", { class: "bar-track", "aria-hidden": "true" }, filled),
    make("span", { class: "bar-share" }, percent(share)));
}
