// What the page itself has to say: notices that one can dismiss, and words for screen readers.

import { h } from "./dom.js";
import { icon } from "./icons.js";

const SHOWN = 8_000;

export function notice(text, { tone = "bad", action = null } = {}) {
  const node = h("div", { class: "notice", data: { tone } }, h("span", {}, text),
    action && h("button", { class: "button quiet", type: "button", onclick: () => { node.remove(); action.run(); } }, action.label),
    h("button", { class: "button quiet square", type: "button", "aria-label": "Dismiss", onclick: () => node.remove() }, icon("close", { size: 14 })));
  document.getElementById("notices").append(node);
  setTimeout(() => node.remove(), SHOWN);
}

export function announce(text) {
  const live = document.getElementById("live");
  live.append(h("p", {}, text));
  while (live.children.length > 5) live.firstChild.remove();
}
