// Dialogs: the browser's own, which keeps the focus inside, makes the rest inert and gives the focus back.

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { plain, textNodes } from "./mrkdwn.js";

// Shows `content`; `onclose(how)` is called once with "dismissed" or what `dialog.close(how)` was given.
export function openDialog(content, { className = "", label = "", onclose, ondismiss } = {}) {
  const dialog = h("dialog", { class: `dialog ${className}`, "aria-label": label }, content);
  let downOutside = false;
  const dismiss = () => (ondismiss ? ondismiss() : dialog.close("dismissed"));
  dialog.addEventListener("cancel", (event) => { event.preventDefault(); dismiss(); });
  // The browser closes a dialog on a second Escape whatever the page says.
  dialog.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    dismiss();
  });
  dialog.addEventListener("pointerdown", (event) => { downOutside = event.target === dialog; });
  dialog.addEventListener("click", (event) => { if (event.target === dialog && downOutside) dismiss(); });
  dialog.addEventListener("close", () => { dialog.remove(); onclose?.(dialog.returnValue); });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

export const closeButton = (onclick, label = "Close") =>
  h("button", { class: "button quiet square close", type: "button", "aria-label": label, onclick }, icon("close"));

// A `confirm` object as a question.
export function confirmed(confirm) {
  return new Promise((resolve) => {
    const done = (how) => dialog.close(how);
    const dialog = openDialog([
      h("h2", {}, plain(confirm.title?.text ?? "Are you sure?")),
      h("div", { class: "dialog-text" }, textNodes(confirm.text)),
      h("div", { class: "dialog-buttons" },
        h("button", { class: "button", type: "button", onclick: () => done("no") }, plain(confirm.deny?.text ?? "Cancel")),
        h("button", { class: "button", type: "button", autofocus: true, data: { style: confirm.style === "danger" ? "danger" : "primary" }, onclick: () => done("yes") },
          plain(confirm.confirm?.text ?? "Yes"))),
    ], { className: "small confirm", label: confirm.title?.text ?? "Are you sure?", onclose: (how) => resolve(how === "yes") });
  });
}
