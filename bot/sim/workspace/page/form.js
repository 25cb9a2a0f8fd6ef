// The state of a view's fields, and the blocks of a view drawn so that what one typed outlives an update.

import { api, said } from "./api.js";
import { renderBlock } from "./blocks.js";
import { h } from "./dom.js";
import { notice } from "./notice.js";
import { state } from "./store.js";

export class Form {
  constructor(view) {
    this.values = {};
    this.errors = {};
    this.rows = new Map();
    this.node = h("div", { class: "view-blocks" });
    this.update(view);
  }

  update(view) {
    this.view = view;
    const surface = {
      key: view.id, isForm: view.type === "modal", errors: this.errors,
      keep: (block, action, value) => { (this.values[block] ??= {})[action] = value; },
      kept: (block, action) => this.values[block]?.[action],
      press: async (action) => {
        const answer = await api.press({ user: state.me, view_id: this.view.id, values: this.values, ...action });
        if (!answer.ok) notice(said(answer));
        return answer;
      },
      suggest: (query) => api.suggest({ user: state.me, view_id: this.view.id, ...query }),
    };
    const blocks = view.blocks ?? [];
    const kept = new Map();
    const nodes = blocks.map((block, number) => {
      const key = block.block_id ?? `block ${number}`;
      const signature = JSON.stringify([block, this.errors[block.block_id] ?? null]);
      const known = this.rows.get(key);
      const row = known?.signature === signature ? known : { signature, node: renderBlock(block, surface) };
      kept.set(key, row);
      return row.node;
    });
    this.rows = kept;
    for (const block of Object.keys(this.values)) if (!blocks.some((one) => one.block_id === block)) delete this.values[block];
    this.#place(nodes);
  }

  // Moves only what has to move: a field that stays keeps its focus.
  #place(nodes) {
    const held = document.activeElement?.dataset?.focus;
    let next = this.node.firstChild;
    for (const node of nodes) {
      if (node === next) next = next.nextSibling;
      else this.node.insertBefore(node, next);
    }
    while (next) {
      const gone = next;
      next = next.nextSibling;
      gone.remove();
    }
    if (held && !this.node.ownerDocument.activeElement?.dataset?.focus) [...this.node.querySelectorAll("[data-focus]")].find((one) => one.dataset.focus === held)?.focus();
  }

  // What stands in the way of sending it, by block.
  missing() {
    const inputs = (this.view.blocks ?? []).filter((block) => block.type === "input");
    return Object.fromEntries(inputs.map((block) => [block.block_id, complaint(block, this.values[block.block_id]?.[block.element?.action_id])]).filter(([, words]) => words));
  }

  refuse(errors) {
    this.errors = errors;
    this.update(this.view);
    const first = this.node.querySelector(".has-error :is(input, textarea, select, summary)");
    first?.focus();
  }
}

function complaint(block, kept) {
  const value = kept?.value ?? kept?.selected_option ?? kept?.selected_date ?? kept?.selected_time ?? kept?.selected_date_time ?? kept?.selected_user
    ?? kept?.selected_conversation ?? kept?.selected_channel ?? kept?.selected_options ?? kept?.selected_users ?? kept?.selected_conversations ?? kept?.selected_channels;
  const isEmpty = value === null || value === undefined || value === "" || value.length === 0;
  if (isEmpty) return block.optional ? null : "Please fill in this field.";
  const { type, min_length: least, min_value: low, max_value: high } = block.element;
  if (least && value.length < least) return `Please write at least ${least} characters.`;
  if (type === "number_input" && Number.isNaN(Number(value))) return "Please enter a number.";
  if (type === "number_input" && low !== undefined && Number(value) < Number(low)) return `At least ${low}, please.`;
  if (type === "number_input" && high !== undefined && Number(value) > Number(high)) return `At most ${high}, please.`;
  if (type === "email_text_input" && !/^\S+@\S+\.\S+$/.test(value)) return "Please enter an e-mail address.";
  if (type === "url_text_input" && !/^https?:\/\/\S+$/.test(value)) return "Please enter an address that begins with https://";
  return null;
}
