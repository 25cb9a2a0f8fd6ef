// The keyboard, on one card.

import { closeButton, openDialog } from "./dialog.js";
import { h } from "./dom.js";

const KEYS = [
  ["Ctrl K", "go to a channel, or act as somebody"], ["Alt 1 … 9", "act as the first, second, … person"], ["Alt ↑ ↓", "previous or next channel"],
  ["J K or ↓ ↑", "next or previous message"], ["T or Enter", "open the thread of the message"], ["Esc", "close the form, the picture or the thread"],
  ["C", "write"], ["/", "write a command"], ["↑ in an empty line", "what you sent before"], ["Shift Enter", "new line"], ["Ctrl Enter", "send the form"], ["?", "this card"],
];

let open = null;

export function openHelp() {
  if (open) return;
  open = openDialog([h("header", { class: "modal-head" }, h("h2", {}, "Keyboard"), closeButton(() => open.close())),
    h("dl", { class: "keys" }, KEYS.map(([keys, words]) => h("div", {}, h("dt", {}, h("kbd", {}, keys)), h("dd", {}, words))))],
  { className: "small", label: "Keyboard", onclose: () => { open = null; } });
}
