// Light, dark, or as the system has it.

import { h } from "./dom.js";
import { icon } from "./icons.js";

const NEXT = { auto: "light", light: "dark", dark: "auto" };
const LOOK = { auto: ["auto", "Theme: as the system"], light: ["sun", "Theme: light"], dark: ["moon", "Theme: dark"] };

const current = () => localStorage.getItem("theme") ?? "auto";

export function applyTheme(theme = current()) {
  document.documentElement.dataset.theme = theme;
}

export function themeButton() {
  const button = h("button", { class: "button quiet square", type: "button", onclick: () => {
    localStorage.setItem("theme", NEXT[current()]);
    applyTheme();
    draw();
  } });
  const draw = () => {
    const [name, label] = LOOK[current()] ?? LOOK.auto;
    button.replaceChildren(icon(name));
    button.setAttribute("aria-label", label);
    button.title = label;
  };
  draw();
  return button;
}
