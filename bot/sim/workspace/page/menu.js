// A small menu that hangs on a button: arrows move, Enter chooses, Escape and a click elsewhere close it.

import { h } from "./dom.js";

let shut = null;

export function openMenu(anchor, entries) {
  shut?.();
  const items = entries.map((entry) => h("button", { class: "menu-item", type: "button", role: "menuitem", tabindex: "-1", onclick: () => { close(); entry.choose(); } },
    h("span", {}, entry.label), entry.about && h("small", {}, entry.about)));
  const menu = h("div", { class: "menu", role: "menu", onkeydown: (event) => move(event, items, close) }, items);
  const away = (event) => { if (!menu.contains(event.target) && event.target !== anchor) close(false); };
  function close(back = true) {
    menu.remove();
    anchor.setAttribute("aria-expanded", "false");
    removeEventListener("pointerdown", away, true);
    shut = null;
    if (back) anchor.focus();
  }
  shut = close;
  anchor.setAttribute("aria-expanded", "true");
  (anchor.closest("dialog") ?? document.body).append(menu);
  place(menu, anchor);
  addEventListener("pointerdown", away, true);
  items[0]?.focus();
}

function place(menu, anchor) {
  const at = anchor.getBoundingClientRect();
  const size = menu.getBoundingClientRect();
  const left = Math.max(8, Math.min(at.left, innerWidth - size.width - 8));
  const fitsBelow = at.bottom + size.height + 12 < innerHeight;
  menu.style.setProperty("left", `${left}px`);
  menu.style.setProperty("top", `${fitsBelow ? at.bottom + 4 : Math.max(8, at.top - size.height - 4)}px`);
}

function move(event, items, close) {
  const steps = { ArrowDown: 1, ArrowUp: -1 };
  const at = items.indexOf(document.activeElement);
  if (event.key in steps) items.at((at + steps[event.key] + items.length) % items.length).focus();
  else if (event.key === "Home") items[0].focus();
  else if (event.key === "End") items.at(-1).focus();
  else if (event.key === "Escape" || event.key === "Tab") close();
  else return;
  event.preventDefault();
  event.stopPropagation();
}
