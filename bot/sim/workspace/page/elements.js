// The interactive elements of Block Kit. Each is made from its data and a `surface`:
//   surface.press(action) → promise, resolved when the app has answered (messages, Home, `dispatch_action`)
//   surface.keep(block_id, action_id, value)   remembers a field's state (forms)
//   surface.kept(block_id, action_id)          what was remembered
//   surface.isForm                             fields do not press by themselves

import { h } from "./dom.js";
import { confirmed } from "./dialog.js";
import { icon } from "./icons.js";
import { openMenu } from "./menu.js";
import { textNodes, unescape } from "./mrkdwn.js";
import { inside } from "./route.js";
import { channelName, humans, nameOf, state } from "./store.js";

// Presses that the app has not answered yet; they survive the redrawing of their message.
const pending = new Set();
const keyOf = (surface, block, element) => [surface.key, block.block_id, element.action_id, element.value ?? ""].join(" ");
export const wordsOf = (text) => unescape(typeof text === "string" ? text : text?.text ?? "");

const MAKERS = {
  button, workflow_button: button, overflow, image, static_select: select, users_select: select, conversations_select: select,
  channels_select: select, external_select: suggested, multi_static_select: many, multi_users_select: many,
  multi_conversations_select: many, multi_channels_select: many, datepicker: typed, timepicker: typed, datetimepicker: typed,
  checkboxes: choices, radio_buttons: choices, plain_text_input: typed, email_text_input: typed, url_text_input: typed,
  number_input: typed,
};

export function makeElement(element, block, surface, labels = {}) {
  const make = MAKERS[element.type];
  if (make) return make(element, block, surface, labels);
  return h("span", { class: "unknown" }, `[${element.type} is not shown here]`);
}

async function press(element, block, surface, value, node) {
  if (element.confirm && !(await confirmed(element.confirm))) return false;
  const key = keyOf(surface, block, element);
  pending.add(key);
  node?.setAttribute("aria-busy", "true");
  await surface.press({ action_id: element.action_id, block_id: block.block_id, value });
  pending.delete(key);
  node?.removeAttribute("aria-busy");
  return true;
}

// A field has a new value: a form remembers it, everything else tells the app.
async function change(element, block, surface, kept, value, node) {
  surface.keep?.(block.block_id, element.action_id, { type: element.type, ...kept });
  if (surface.isForm && block.type === "input" && !block.dispatch_action) return true;
  return press(element, block, surface, value, node);
}

function button(element, block, surface) {
  const isPending = pending.has(keyOf(surface, block, element));
  const attributes = {
    class: "button", data: { style: element.style ?? "plain", focus: `${block.block_id}/${element.action_id}`, action: element.action_id },
    "aria-label": element.accessibility_label, "aria-busy": isPending && "true",
  };
  const content = h("span", {}, textNodes(element.text));
  const tell = () => press(element, block, surface, element.value, node);
  if (element.url) {
    const hash = inside(element.url);
    const leave = { href: hash ?? element.url, target: hash ? null : "_blank", rel: "noreferrer noopener", onclick: tell };
    const safe = /^(https?:|mailto:)/i.test(element.url) || hash;
    const node = h("a", { ...attributes, ...(safe ? leave : {}) }, content, !hash && icon("external", { size: 14 }));
    return node;
  }
  const node = h("button", { ...attributes, type: "button", onclick: () => node.getAttribute("aria-busy") || tell() }, content);
  return node;
}

function overflow(element, block, surface) {
  const choose = async (option) => {
    if (option.url) {
      const hash = inside(option.url);
      if (hash) location.hash = hash;
      else window.open(option.url, "_blank", "noreferrer");
    }
    await press(element, block, surface, option.value, node);
  };
  const node = h("button", {
    class: "button quiet square", type: "button", "aria-label": "More actions", "aria-haspopup": "menu",
    data: { focus: `${block.block_id}/${element.action_id}`, action: element.action_id },
    onclick: () => openMenu(node, element.options.map((option) => ({ label: wordsOf(option.text), about: wordsOf(option.description), choose: () => choose(option) }))),
  }, icon("more"));
  return node;
}

export function image(element) {
  return h("img", { class: "accessory-image", src: element.image_url ?? element.slack_file?.url, alt: element.alt_text ?? "", loading: "lazy" });
}

// What can be chosen from, as [{ label?, options: [{ value, text }] }].
function offered(element) {
  const kind = element.type.replace(/^multi_/, "");
  if (kind === "users_select") return [{ options: humans().map((one) => ({ value: one.id, text: nameOf(one), raw: one.id })) }];
  if (kind === "conversations_select" || kind === "channels_select") {
    const fit = state.channels.filter((one) => kind === "conversations_select" || !one.is_im);
    return [{ options: fit.map((one) => ({ value: one.id, text: `${one.is_im ? "" : "#"}${channelName(one)}`, raw: one.id })) }];
  }
  const named = (options) => (options ?? []).map((option) => ({ value: option.value, text: wordsOf(option.text), raw: option }));
  if (element.option_groups) return element.option_groups.map((one) => ({ label: wordsOf(one.label), options: named(one.options) }));
  return [{ options: named(element.options) }];
}

const SLOTS = { users: "user", conversations: "conversation", channels: "channel", static: "option", external: "option" };

function slotOf(type) {
  const [, multi, kind] = type.match(/^(multi_)?(\w+)_select$/);
  const name = multi ? `${SLOTS[kind]}s` : SLOTS[kind];
  return { selected: `selected_${name}`, initial: `initial_${name}` };
}

const valueOf = (raw) => (raw && typeof raw === "object" ? raw.value : raw);

function select(element, block, surface, labels) {
  const slot = slotOf(element.type);
  const groups = offered(element);
  const kept = surface.kept?.(block.block_id, element.action_id);
  const preset = element.initial_conversation ?? (element.default_to_current_conversation ? surface.channel : null);
  const chosen = valueOf(kept ? kept[slot.selected] : element[slot.initial] ?? preset);
  const options = ({ options: list }) => list.map((one) => h("option", { value: one.value, selected: one.value === chosen }, one.text));
  const isRequired = block.type === "input" && !block.optional;
  const node = h("select", {
    class: "field", ...labels, data: { focus: `${block.block_id}/${element.action_id}`, action: element.action_id },
    "aria-label": labels.id ? null : wordsOf(element.placeholder) || "Choose",
    onchange: () => {
      const raw = groups.flatMap((one) => one.options).find((one) => one.value === node.value)?.raw ?? null;
      change(element, block, surface, { [slot.selected]: raw }, node.value, node);
    },
  },
  h("option", { value: "", selected: !chosen, disabled: isRequired || block.type !== "input", hidden: isRequired || block.type !== "input" }, wordsOf(element.placeholder) || "Choose an option"),
  groups.map((one) => (one.label ? h("optgroup", { label: one.label }, options(one)) : options(one))));
  const found = groups.flatMap((one) => one.options).find((one) => one.value === chosen);
  if (found && !kept) surface.keep?.(block.block_id, element.action_id, { type: element.type, [slot.selected]: found.raw });
  return h("span", { class: "select" }, node, icon("chevron", { size: 16 }));
}

// `external_select`: the app is asked while the person types.
function suggested(element, block, surface, labels) {
  const list = h("datalist", { id: `list-${block.block_id}-${element.action_id}` });
  let found = [];
  const look = async () => {
    const answer = await surface.suggest?.({ action_id: element.action_id, block_id: block.block_id, value: node.value });
    found = [...(answer?.options ?? []), ...(answer?.option_groups ?? []).flatMap((one) => one.options)];
    list.replaceChildren(...found.map((option) => h("option", { value: wordsOf(option.text) })));
  };
  const choose = () => {
    const option = found.find((one) => wordsOf(one.text) === node.value);
    if (option) change(element, block, surface, { selected_option: option }, option.value, node);
    else if (node.value.length >= (element.min_query_length ?? 3)) look();
  };
  const kept = surface.kept?.(block.block_id, element.action_id)?.selected_option ?? element.initial_option;
  const node = h("input", { class: "field", ...labels, list: list.id, value: kept ? wordsOf(kept.text) : "", placeholder: wordsOf(element.placeholder), onfocus: look, oninput: choose });
  return h("span", { class: "stack" }, node, list);
}

function many(element, block, surface, labels) {
  const slot = slotOf(element.type);
  const kept = surface.kept?.(block.block_id, element.action_id);
  const start = (kept ? kept[slot.selected] : element[slot.initial]) ?? [];
  const chosen = new Set(start.map(valueOf));
  const groups = offered(element);
  const tellAll = () => {
    const raws = groups.flatMap((one) => one.options).filter((one) => chosen.has(one.value));
    summary.textContent = raws.length ? raws.map((one) => one.text).join(", ") : wordsOf(element.placeholder) || "Choose some";
    change(element, block, surface, { [slot.selected]: raws.map((one) => one.raw) }, raws.map((one) => one.value), node);
  };
  const box = (one) => h("label", { class: "choice" }, h("input", {
    type: "checkbox", checked: chosen.has(one.value),
    onchange: (event) => { chosen[event.target.checked ? "add" : "delete"](one.value); tellAll(); },
  }), h("span", {}, one.text));
  const names = groups.flatMap((one) => one.options).filter((one) => chosen.has(one.value)).map((one) => one.text);
  const summary = h("summary", { class: "field", "aria-describedby": labels["aria-describedby"] }, names.length ? names.join(", ") : wordsOf(element.placeholder) || "Choose some");
  const node = h("details", { class: "many", id: labels.id, data: { action: element.action_id } }, summary, h("div", { class: "many-list", role: "group" },
    groups.map((one) => [one.label && h("p", { class: "many-label" }, one.label), one.options.map(box)])));
  if (start.length && !kept) surface.keep?.(block.block_id, element.action_id, { type: element.type, [slot.selected]: start });
  return node;
}

function choices(element, block, surface) {
  const isMany = element.type === "checkboxes";
  const kept = surface.kept?.(block.block_id, element.action_id);
  const start = isMany ? (kept ? kept.selected_options : element.initial_options) ?? [] : [kept ? kept.selected_option : element.initial_option].filter(Boolean);
  const chosen = new Set(start.map((option) => option.value));
  const group = `choice-${surface.key}-${block.block_id}-${element.action_id}`;
  const choose = (option, isOn) => {
    if (!isMany) chosen.clear();
    chosen[isOn ? "add" : "delete"](option.value);
    const options = element.options.filter((one) => chosen.has(one.value));
    const state = isMany ? { selected_options: options } : { selected_option: options[0] ?? null };
    change(element, block, surface, state, isMany ? options.map((one) => one.value) : option.value, node);
  };
  const row = (option) => h("label", { class: "choice" },
    h("input", {
      type: isMany ? "checkbox" : "radio", name: group, checked: chosen.has(option.value),
      data: { focus: `${group}/${option.value}` }, onchange: (event) => choose(option, event.target.checked),
    }),
    h("span", {}, textNodes(option.text), option.description && h("small", {}, textNodes(option.description))));
  const node = h("div", { class: "choices", role: isMany ? "group" : "radiogroup", data: { action: element.action_id } }, element.options.map(row));
  if (start.length && !kept) surface.keep?.(block.block_id, element.action_id, isMany ? { type: element.type, selected_options: start } : { type: element.type, selected_option: start[0] });
  return node;
}

const TYPED = {
  plain_text_input: ["text", "value"], email_text_input: ["email", "value"], url_text_input: ["url", "value"],
  number_input: ["text", "value"], datepicker: ["date", "selected_date"], timepicker: ["time", "selected_time"],
  datetimepicker: ["datetime-local", "selected_date_time"],
};

function typed(element, block, surface, labels) {
  const [type, slot] = TYPED[element.type];
  const initial = element[slot === "value" ? "initial_value" : slot.replace("selected", "initial")];
  const kept = surface.kept?.(block.block_id, element.action_id);
  const start = (kept ? kept[slot] : initial) ?? "";
  const convert = (value) => (slot === "selected_date_time" && value ? Math.round(new Date(value).getTime() / 1000) : value || null);
  const isText = slot === "value";
  const tell = () => change(element, block, surface, { [slot]: convert(node.value) }, node.value, node);
  const keepOnly = () => surface.keep?.(block.block_id, element.action_id, { type: element.type, [slot]: convert(node.value) });
  const node = h(element.multiline ? "textarea" : "input", {
    class: "field", ...labels, type: element.multiline ? null : type, rows: element.multiline ? 4 : null,
    value: slot === "selected_date_time" && start ? localOf(start) : String(start), placeholder: wordsOf(element.placeholder) || null,
    inputmode: element.type === "number_input" ? "decimal" : null, autocomplete: "off",
    minlength: element.min_length, maxlength: element.max_length, "aria-label": labels.id ? null : wordsOf(element.placeholder) || element.type,
    data: { focus: `${block.block_id}/${element.action_id}`, action: element.action_id, autofocus: element.focus_on_load ? "1" : "" },
    oninput: isText ? keepOnly : null, onchange: isText && !block.dispatch_action ? keepOnly : tell,
  });
  if (start !== "" && !kept) keepOnly();
  return node;
}

function localOf(epoch) {
  const date = new Date(epoch * 1000);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

