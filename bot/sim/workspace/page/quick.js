// Ctrl+K: go anywhere, act as anybody, by a few letters.

import { openDialog } from "./dialog.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { actAs, avatar, roleOf } from "./people.js";
import { app, channelName, humans, nameOf, state } from "./store.js";

let open = null;

function targets() {
  const goto = (hash) => () => { location.hash = hash; };
  return [
    ...state.channels.map((one) => ({ words: channelName(one), about: one.is_im ? "direct messages" : "channel", lead: icon(one.is_im ? "reply" : one.is_private ? "lock" : "hash"), run: goto(`#/${one.id}`) })),
    { words: "Mentions", about: "what asks for you", lead: icon("at"), run: goto("#/mentions") },
    { words: nameOf(app()), about: "App Home", lead: avatar(app(), "tiny"), run: goto("#/home") },
    ...humans().map((one) => ({ words: nameOf(one), about: ["act as", roleOf(one)].filter(Boolean).join(" · "), lead: avatar(one, "tiny"), run: () => actAs(one.id) })),
  ];
}

// Letters in order, those at the beginning of a word first.
function score(words, typed) {
  const text = words.toLowerCase();
  if (text.startsWith(typed)) return 0;
  if (text.includes(` ${typed}`) || text.includes(`-${typed}`)) return 1;
  if (text.includes(typed)) return 2;
  let from = 0;
  for (const letter of typed) {
    from = text.indexOf(letter, from) + 1;
    if (!from) return null;
  }
  return 3;
}

export function openQuick() {
  if (open) return;
  const all = targets();
  let fit = all;
  let at = 0;
  const list = h("div", { class: "quick-list", role: "listbox", id: "quick-list", "aria-label": "Places and people" });
  const choose = (target) => { dialog.close(); target.run(); };
  const draw = () => {
    list.replaceChildren(...fit.map((target, number) => h("div", { class: "option", role: "option", id: `quick-${number}`, "aria-selected": String(number === at), onclick: () => choose(target) },
      h("span", { class: "option-icon" }, target.lead), h("span", { class: "option-words" }, h("strong", {}, target.words), " ", h("span", { class: "usage" }, target.about)))));
    if (!fit.length) list.append(h("p", { class: "faint" }, "Nothing by that name."));
    input.setAttribute("aria-activedescendant", `quick-${at}`);
    list.children[at]?.scrollIntoView({ block: "nearest" });
  };
  const input = h("input", {
    class: "quick-input", type: "text", placeholder: "Go to a channel, or act as somebody", "aria-label": "Go to", role: "combobox", "aria-expanded": "true", "aria-controls": "quick-list", autocomplete: "off",
    oninput: () => {
      const typed = input.value.trim().toLowerCase().replace(/^[#@]/, "");
      fit = all.map((target) => [score(target.words, typed), target]).filter(([rank]) => rank !== null).sort(([a], [b]) => a - b).map(([, target]) => target);
      at = 0;
      draw();
    },
    onkeydown: (event) => {
      if (event.key === "Enter" && fit[at]) choose(fit[at]);
      else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        at = (at + (event.key === "ArrowDown" ? 1 : -1) + fit.length) % (fit.length || 1);
        draw();
      } else return;
      event.preventDefault();
    },
  });
  const dialog = openDialog([h("div", { class: "quick-head" }, icon("search"), input, h("kbd", {}, "Esc")), list], { className: "quick", label: "Go to", onclose: () => { open = null; } });
  open = dialog;
  draw();
  input.focus();
}
