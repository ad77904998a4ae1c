// A lesson: a name, a few drawings, and what the model says before and after it has learned them.

import { ask, byId, count, duration, frame, make, percent, sentence, toast } from "./dom.js";
import { hue } from "./hues.js";

const ADVISED = 5; // places shown in the tray

export class Teach {
  // learned: called with the board's result.
  constructor(pad) {
    this.pad = pad;
    this.drawings = []; // {picture: base64 of a PNG file, url: of the same}
    this.most = 12;
    this.busy = false;
    this.name = byId("name");
    this.name.addEventListener("input", () => this.render());
    byId("add").addEventListener("click", () => this.add());
    byId("lesson").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#learn();
    });
  }

  setState(state) {
    this.most = state.limits.atOnce;
    byId("known").replaceChildren(...state.stickers.map(({ label }) => {
      return make("button", { type: "button", hue: hue(label), onclick: () => this.#choose(label) }, label);
    }));
    this.render();
  }

  #choose(label) {
    this.name.value = label;
    this.render();
  }

  // The drawing on the sheet goes to the tray.
  async add() {
    if (this.pad.isEmpty || this.drawings.length >= this.most) return;
    const canvas = this.pad.render();
    const url = canvas.toDataURL("image/png");
    this.drawings.push({ picture: url.slice(url.indexOf(",") + 1), canvas });
    this.pad.clear();
    this.again();
  }

  // Back to the form, after a lesson's result was shown.
  again() {
    byId("lesson").hidden = false;
    byId("lesson-done").hidden = true;
    this.render();
  }

  render() {
    const number = this.drawings.length;
    const slots = this.drawings.map((drawing, i) => {
      const remove = make("button", { type: "button", class: "remove", "aria-label": `Take drawing ${i + 1} away`, onclick: () => this.#remove(i) }, "×");
      return make("div", { class: "slot full", role: "listitem" }, frame(drawing.canvas), remove);
    });
    for (let i = number; i < ADVISED; i++) slots.push(make("div", { class: "slot", "aria-hidden": "true" }, `${i + 1}`));
    byId("tray").replaceChildren(...slots);
    const name = this.name.value.trim();
    byId("add").disabled = this.pad.isEmpty || number >= this.most || this.busy;
    byId("add").classList.toggle("main", number < 3);
    const learn = byId("learn");
    learn.disabled = !number || !name || this.busy;
    learn.classList.toggle("main", number >= 3 || this.pad.isEmpty);
    learn.textContent = number ? `Learn ${count(number, "drawing", "drawings")}` : "Learn";
    byId("advice").textContent = !name ? "Give it a name, then draw it a few times." : number >= this.most ? "That is enough for one lesson."
      : number === 0 ? "Now draw it on the sheet, and add the drawing." : number < 3 ? "Draw another one, a little different." : "That will do; more make it surer.";
    for (const chip of byId("known").children) chip.setAttribute("aria-pressed", chip.textContent === name);
  }

  #remove(index) {
    this.drawings.splice(index, 1);
    this.render();
  }

  async #learn() {
    if (this.busy || byId("learn").disabled) {
      if (!this.drawings.length && this.name.value.trim()) toast("Draw it first, and add the drawing.");
      return;
    }
    this.busy = true;
    this.render();
    try {
      const drawings = this.drawings.map(({ picture }) => picture);
      const result = await ask("POST", "/api/lessons", JSON.stringify({ label: this.name.value, drawings }));
      this.#show(result);
      this.drawings = [];
      this.name.value = "";
    } catch (error) {
      toast(error.message);
    }
    this.busy = false;
    this.render();
  }

  #show(result) {
    const { label, before, after, exam, seconds } = result;
    const rows = this.drawings.map(({ canvas }, i) => make("div", { class: "change" }, frame(canvas),
      make("span", { class: before[i].said === label ? "right" : "wrong" }, before[i].said), make("span", { "aria-hidden": "true" }, "→"),
      after.length ? make("b", { class: after[i].said === label ? "right" : "wrong" }, after[i].said) : make("b", { class: "right" }, label),
      make("span", { class: "dim" }, !after.length ? "" : after[i].said === label ? percent(after[i].share) : `${label} ${percent(after[i].share)}`)));
    const right = (answers) => answers.filter(({ said }) => said === label).length;
    const text = after.length
      ? `${sentence(`Before, it named ${right(before)} of ${before.length} right; now ${right(after)}`)} Each was asked about without having been learned itself.`
      : "Teach it a second drawing to see how well it knows this.";
    const [was, is] = exam;
    const done = byId("lesson-done");
    done.replaceChildren(
      make("h2", {}, "Learned ", make("b", { class: "word", hue: hue(label) }, label), ` in ${duration(seconds)}`),
      make("div", { class: "changes" }, ...rows), make("p", { class: "dim" }, text),
      is.asked ? make("p", { class: "dim" }, `Drawings of the first stickers that it never learned: ${was.right} of ${was.asked} right before, ${is.right} of ${is.asked} now.`) : "",
      make("div", { class: "actions" }, make("button", { type: "button", onclick: () => { this.again(); this.name.focus(); } }, "Teach another"),
        make("button", { type: "button", class: "main", onclick: () => { this.again(); byId("tab-guess").click(); } }, "Try it")));
    byId("lesson").hidden = true;
    done.hidden = false;
    done.focus();
  }
}
