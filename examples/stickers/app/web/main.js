// The page: what it knows comes from the board's events, so several pages (a touch screen and phones) show the same.

import { renderAlbum, undoChange } from "./album.js";
import { byId, make, picture } from "./dom.js";
import { Guess } from "./guess.js";
import { hue, setHues } from "./hues.js";
import { renderFacts, renderMap } from "./inside.js";
import { Keyboard } from "./keyboard.js";
import { Pad } from "./pad.js";
import { Teach } from "./teach.js";

const LINGER = 500; // ms for which a finished progress bar stays

let state = null;
let answer = null;

const pad = new Pad(byId("pad"), (isDrawing) => {
  byId("hint").hidden = !pad.isEmpty;
  byId("undo-stroke").disabled = byId("clear").disabled = pad.isEmpty;
  guess.update(isDrawing);
  if (!isDrawing) teach.render();
});
const guess = new Guess(pad, (given) => {
  answer = given;
  if (state && !byId("inside").hidden) renderMap(state, answer);
});
const teach = new Teach(pad);
const keyboard = new Keyboard(byId("name"), byId("keys"), () => {});

function show(given) {
  state = given;
  setHues(state.stickers.map(({ label }) => label));
  teach.setState(state);
  byId("wall").replaceChildren(...state.stickers.map(({ label, drawings }) => {
    return make("figure", { class: "near", hue: hue(label) }, picture(drawings[0].id, label), make("figcaption", {}, label));
  }));
  const isCredited = state.stickers.some(({ drawings }) => drawings.some(({ starter }) => starter));
  for (const credit of document.querySelectorAll(".credit")) credit.hidden = !isCredited;
  renderAlbum(state);
  renderMap(state, answer);
  renderFacts(state);
  guess.update(false);
}

function listen() {
  const events = new EventSource("/api/events");
  const on = (kind, handler) => events.addEventListener(kind, ({ data }) => handler(JSON.parse(data)));
  on("state", show);
  on("progress", progress);
  events.onopen = () => { byId("offline").hidden = true; };
  events.onerror = () => {
    byId("offline").hidden = false;
    if (events.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
  };
}

let hiding = 0;

function progress({ what, done, of }) {
  const bar = byId("progress");
  bar.hidden = false;
  bar.setAttribute("aria-valuemax", of);
  bar.setAttribute("aria-valuenow", done);
  bar.setAttribute("aria-valuetext", `${what}: ${done} of ${of}`);
  bar.firstElementChild.style.width = `${(100 * done) / of}%`;
  clearTimeout(hiding);
  if (done === of) hiding = setTimeout(() => { bar.hidden = true; }, LINGER);
}

const tabs = [...document.querySelectorAll("[role=tab]")];

function open(tab) {
  for (const each of tabs) {
    const isOpen = each === tab;
    each.setAttribute("aria-selected", isOpen);
    each.tabIndex = isOpen ? 0 : -1;
    byId(each.getAttribute("aria-controls")).hidden = !isOpen;
  }
  if (state && tab.id === "tab-inside") renderMap(state, answer);
}

for (const [i, tab] of tabs.entries()) {
  tab.addEventListener("click", () => open(tab));
  tab.addEventListener("keydown", ({ key }) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[key];
    if (!step) return;
    const next = tabs[(i + step + tabs.length) % tabs.length];
    open(next);
    next.focus();
  });
}

byId("undo-stroke").addEventListener("click", () => pad.undo());
byId("clear").addEventListener("click", () => pad.clear());
byId("undo-change").addEventListener("click", undoChange);
byId("teach-this").addEventListener("click", () => {
  open(byId("tab-teach"));
  teach.add();
});

document.addEventListener("keydown", (event) => {
  if (event.key === "z" && (event.ctrlKey || event.metaKey) && event.target.tagName !== "INPUT") {
    event.preventDefault();
    pad.undo();
  }
});

// Colours: the system's until somebody chooses.
const dark = matchMedia("(prefers-color-scheme: dark)");

function colour(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  pad.paint();
}

colour(localStorage.getItem("theme"));
dark.addEventListener("change", () => pad.paint());
byId("theme").addEventListener("click", () => {
  const theme = (document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark" ? "light" : "dark";
  localStorage.setItem("theme", theme);
  colour(theme);
});

const asked = new URLSearchParams(location.search);
if (asked.has("keyboard")) keyboard.want(true);
if (asked.has("token")) history.replaceState(null, "", "/"); // it is in a cookie now, and need not stand in a screenshot
byId("name").blur();
teach.render();
listen();
