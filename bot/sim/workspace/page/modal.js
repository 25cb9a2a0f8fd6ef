// The forms an app opens for the person acted as: the one on top is shown, others wait under it.

import { api, said } from "./api.js";
import { closeButton, openDialog } from "./dialog.js";
import { h } from "./dom.js";
import { Form } from "./form.js";
import { icon } from "./icons.js";
import { plain } from "./mrkdwn.js";
import { announce, notice } from "./notice.js";
import { loadViews, state } from "./store.js";

const forms = new Map();   // view id → Form, as long as the view is open
let dialog = null;
let shown = null;

export function drawModal() {
  const open = state.views.filter((view) => view.type === "modal");
  for (const id of forms.keys()) if (!open.some((view) => view.id === id)) forms.delete(id);
  const top = open.at(-1);
  if (!top) return shut();
  if (!forms.has(top.id)) forms.set(top.id, new Form(top));
  else forms.get(top.id).update(top);
  if (!dialog) dialog = openDialog([], { className: "modal", ondismiss: () => close(), onclose: () => { dialog = null; shown = null; } });
  dialog.setAttribute("aria-label", top.title?.text ?? "Form");
  dialog.dataset.view = top.id;
  const frame = JSON.stringify([top.id, top.title, top.submit, top.close, open.length]);
  if (shown === frame) return;
  const isNew = !shown?.includes(top.id);
  shown = frame;
  dialog.replaceChildren(...parts(top, open.length));
  if (isNew) arrive(top);
}

function shut() {
  if (!dialog) return;
  const gone = dialog;
  dialog = null;
  shown = null;
  gone.close();
}

function parts(view, depth) {
  const form = forms.get(view.id);
  const submit = view.submit && h("button", { class: "button submit", type: "button", data: { style: "primary" }, onclick: () => send(view) }, plain(view.submit.text));
  const hasFields = (view.blocks ?? []).some((block) => block.type === "input");
  return [
    h("header", { class: "modal-head" },
      depth > 1 && h("button", { class: "button quiet square", type: "button", "aria-label": "Back", onclick: () => close() }, icon("back")),
      h("h2", {}, plain(view.title?.text ?? "")), closeButton(() => close(true))),
    h("div", { class: "modal-body", onkeydown: (event) => enter(event, view) }, form.node),
    h("footer", { class: "modal-foot" }, h("span", { class: "private" }, icon("lock", { size: 14 }), "Only you see this form"),
      h("button", { class: "button", type: "button", onclick: () => close() }, plain(view.close?.text ?? (depth > 1 ? "Back" : hasFields ? "Cancel" : "Close"))), submit),
  ];
}

function arrive(view) {
  const body = dialog.querySelector(".modal-body");
  const first = body.querySelector('[data-autofocus="1"]') ?? body.querySelector("input, textarea, select, summary, button") ?? dialog.querySelector(".modal-foot .button:last-child");
  first?.focus();
  announce(`Form: ${view.title?.text ?? ""}`);
}

// Enter in a line sends the form; in a text of several lines Ctrl+Enter does.
function enter(event, view) {
  if (event.key !== "Enter" || event.isComposing || !view.submit) return;
  const isLine = event.target.matches('input:not([type="checkbox"]):not([type="radio"])');
  if (!isLine && !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  send(view);
}

async function send(view) {
  const form = forms.get(view.id);
  const frame = dialog;
  if (!form || frame.getAttribute("aria-busy")) return;
  const missing = form.missing();
  if (Object.keys(missing).length) return form.refuse(missing);
  form.refuse({});
  frame.setAttribute("aria-busy", "true");
  const answer = await api.submit({ user: state.me, view_id: view.id, values: form.values });
  frame.removeAttribute("aria-busy");
  if (answer.errors) form.refuse(answer.errors);
  else if (!answer.ok) notice(said(answer));
  await loadViews();
}

async function close(all = false) {
  const view = state.views.at(-1);
  if (!view) return shut();
  const answer = await api.close({ user: state.me, view_id: view.id, ...(all === true ? { all: true } : {}) });
  if (!answer.ok) shut();
  await loadViews();
}
