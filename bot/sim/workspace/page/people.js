// Faces, and who is acted as.

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { mentionCount } from "./mentions.js";
import { humans, nameOf, state, tell } from "./store.js";

const INK = ["#2f6f4f", "#7a4b9a", "#a8480f", "#1f6390", "#8a3350", "#53661d"];

export function avatar(one, size = "") {
  const isApp = one?.is_bot;
  const initials = nameOf(one).split(/[\s._-]+/).map((word) => word[0] ?? "").join("").slice(0, 2).toUpperCase();
  const color = one?.color ? `#${one.color.replace(/^#/, "")}` : INK[(one?.id?.charCodeAt(3) ?? 0) % INK.length];
  return h("span", { class: `avatar ${size} ${isApp ? "of-app" : ""}`, "aria-hidden": "true", vars: isApp ? {} : { "--ink": color } }, isApp ? icon("wave", { size: 20 }) : initials);
}

export function actAs(id) {
  if (id === state.me || !humans().some((one) => one.id === id)) return;
  state.me = id;
  localStorage.setItem("me", id);
  state.messages.clear();
  state.thread = [];
  state.views = [];
  state.home = null;
  tell("me");
}

export function switcher() {
  const rows = humans().map((one, number) => {
    const count = mentionCount(one.id);
    const isMe = one.id === state.me;
    return h("button", {
      class: "person", type: "button", role: "radio", "aria-checked": String(isMe), tabindex: isMe ? "0" : "-1",
      data: { person: one.id, focus: `person-${one.id}` }, onclick: () => actAs(one.id),
    }, avatar(one, "small"),
    h("span", { class: "person-words" }, h("span", { class: "person-name" }, nameOf(one)),
      h("span", { class: "person-title" }, roleOf(one))),
    count && !isMe ? h("span", { class: "badge", "aria-label": `mentioned ${count} times`, title: "Mentioned, not read yet" }, String(count)) : null,
    number < 9 && h("kbd", { "aria-hidden": "true" }, `Alt ${number + 1}`));
  });
  return h("div", { class: "people", role: "radiogroup", "aria-label": "Acting as", onkeydown: step }, rows);
}

export const roleOf = (one) => [one.title, one.is_restricted && "Guest", !one.title && one.groups?.length ? one.groups.map((handle) => `@${handle}`).join(" ") : null].filter(Boolean).join(" · ");

// Arrows move within the group, as radio buttons do.
function step(event) {
  const by = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  if (!by || event.altKey) return;
  event.preventDefault();
  const all = humans();
  const next = all.at((all.findIndex((one) => one.id === state.me) + by + all.length) % all.length);
  actAs(next.id);
  document.querySelector(`[data-person="${next.id}"].person`)?.focus();
}

