// A keyboard on the page, for screens that have none: a kiosk browser brings no other.

import { byId, make } from "./dom.js";

const ROWS = ["1234567890", "qwertyuiop", "asdfghjkl'", "zxcvbnm-"];

export class Keyboard {
  // done: called with the key of that name.
  constructor(input, button, done) {
    this.input = input;
    this.place = byId("keyboard");
    this.button = button;
    this.wanted = false;
    const keys = ROWS.map((row) => make("div", {}, ...[...row].map((letter) => this.#key(letter, () => this.#type(letter)))));
    keys.at(-1).append(this.#key("⌫", () => this.#back(), "delete"));
    keys.push(make("div", {}, this.#key("space", () => this.#type(" "), "space"), this.#key("done", () => { input.blur(); done(); }, "done")));
    this.place.replaceChildren(...keys);
    button.addEventListener("click", () => this.want(!this.wanted));
    input.addEventListener("focus", () => this.#show(this.wanted));
    input.addEventListener("blur", () => this.#show(false));
  }

  // Whether the page's own keyboard is used, or the system's.
  want(wanted) {
    this.wanted = wanted;
    this.input.inputMode = wanted ? "none" : "text";
    this.button.setAttribute("aria-pressed", wanted);
    this.input.blur();
    if (wanted) this.input.focus();
  }

  #show(visible) {
    this.place.hidden = !visible;
  }

  #key(text, press, name = "") {
    const hold = (event) => event.preventDefault(); // the input keeps the focus
    return make("button", { type: "button", class: name, "aria-label": name || text, onpointerdown: hold, onclick: press }, text);
  }

  #type(letter) {
    const { input } = this;
    if (input.value.length < input.maxLength) input.setRangeText(letter, input.selectionStart, input.selectionEnd, "end");
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }

  #back() {
    const { input } = this;
    const start = input.selectionStart === input.selectionEnd ? Math.max(0, input.selectionStart - 1) : input.selectionStart;
    input.setRangeText("", start, input.selectionEnd, "end");
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }
}
