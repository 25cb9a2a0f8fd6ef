// Where one writes: messages, and commands with their hints. Enter sends, Shift+Enter breaks the line.

import { api, said } from "./api.js";
import { Completion } from "./completion.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { notice } from "./notice.js";
import { channel, channelName, me, nameOf, state } from "./store.js";

const drafts = new Map();
const sent = new Map();   // person → what they sent, oldest first

export class Composer {
  constructor({ inThread = false } = {}) {
    this.inThread = inThread;
    this.at = 0;
    this.note = h("div", { class: "composer-note", role: "status" });
    this.input = h("textarea", {
      class: "composer-input", rows: "1", spellcheck: "true", autocomplete: "off", "aria-autocomplete": "list", role: "combobox", "aria-expanded": "false",
      oninput: () => this.#typed(), onkeydown: (event) => this.#key(event), onblur: () => setTimeout(() => this.completion.close(), 150),
    });
    this.send = h("button", { class: "button square send", type: "button", "aria-label": "Send", onclick: () => this.#send() }, icon("send"));
    this.completion = new Completion(this.input, { inThread, onpick: () => this.#typed() });
    this.node = h("div", { class: "composer" }, this.note, this.completion.node, h("div", { class: "composer-box" }, this.input, this.send),
      h("p", { class: "composer-keys" }, h("kbd", {}, "Enter"), " sends · ", h("kbd", {}, "Shift Enter"), " new line", !inThread && [" · ", h("kbd", {}, "/"), " commands"]));
  }

  #draftKey() {
    return `${state.me} ${state.route.channel} ${this.inThread ? state.route.thread : ""}`;
  }

  // Shows the draft of this person in this place.
  refresh() {
    const where = channel(state.route.channel);
    const label = this.inThread ? "Reply" : `Message ${where?.is_im ? "" : "#"}${channelName(where)}`;
    this.input.placeholder = `${label} as ${nameOf(me()).split(" ")[0]}`;
    this.input.setAttribute("aria-label", label);
    this.input.disabled = Boolean(where?.is_archived);
    const key = this.#draftKey();
    if (this.key === key) return;
    this.key = key;
    this.#set(drafts.get(key) ?? "");
    this.note.replaceChildren();
  }

  focus() {
    this.input.focus();
  }

  #set(text) {
    this.input.value = text;
    this.#typed();
  }

  #typed() {
    drafts.set(this.#draftKey(), this.input.value);
    this.input.style.setProperty("height", "auto");
    this.input.style.setProperty("height", `${Math.min(this.input.scrollHeight, 220)}px`);
    this.send.disabled = !this.input.value.trim();
    this.completion.update();
    if (this.inThread && this.input.value.startsWith("/") && !this.note.firstChild) this.#refuseCommand();
    else if (this.inThread && !this.input.value.startsWith("/")) this.note.replaceChildren();
  }

  #refuseCommand() {
    const where = channel(state.route.channel);
    this.note.replaceChildren(h("span", {}, `${this.input.value.split(/\s/)[0] || "Commands"} cannot be used in a thread. Apps take commands in the channel only.`),
      h("button", { class: "linkish", type: "button", onclick: () => {
        const text = this.input.value;
        this.#set("");
        document.dispatchEvent(new CustomEvent("compose", { detail: text }));
      } }, `Write it in #${channelName(where)}`));
  }

  #key(event) {
    if (event.isComposing || this.completion.key(event)) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.#send();
    } else if (event.key === "ArrowUp" && this.#isAtHistory()) this.#recall(event, 1);
    else if (event.key === "ArrowDown" && this.at > 0) this.#recall(event, -1);
    else if (event.key === "Escape") this.input.blur();
  }

  #isAtHistory() {
    return this.input.value === "" || this.at > 0;
  }

  #recall(event, by) {
    const past = sent.get(state.me) ?? [];
    const at = Math.max(0, Math.min(past.length, this.at + by));
    if (at === this.at) return;
    event.preventDefault();
    this.#set(at ? past.at(-at) : "");
    this.at = at;
    this.completion.close();
    this.input.setSelectionRange(this.input.value.length, this.input.value.length);
  }

  async #send() {
    const text = this.input.value.trim();
    if (!text) return;
    if (this.inThread && text.startsWith("/")) {
      this.#refuseCommand();
      return;
    }
    const { channel: id, thread } = state.route;
    const user = state.me;
    const key = this.#draftKey();
    this.#remember(user, text);
    this.#set("");
    this.node.setAttribute("aria-busy", "true");
    const answer = text.startsWith("/") ? await this.#command(user, id, text) : await api.message({ user, channel: id, text, ...(this.inThread ? { thread_ts: thread } : {}) });
    this.node.removeAttribute("aria-busy");
    if (answer.ok || answer.ephemeral) return;
    // What was written is not lost.
    drafts.set(key, text);
    if (key === this.#draftKey() && !this.input.value) this.#set(text);
    this.note.replaceChildren(said(answer));
    notice(said(answer));
  }

  #command(user, id, text) {
    const [, command, rest] = text.match(/^(\/\S*)\s*([\s\S]*)$/);
    if (state.commands.some((one) => one.command === command)) return api.command({ user, channel: id, command, text: rest });
    return { ok: false, message: `${command} is not a command here. There is ${state.commands.map((one) => one.command).join(", ") || "none"}.` };
  }

  #remember(user, text) {
    const past = sent.get(user) ?? [];
    sent.set(user, [...past.filter((one) => one !== text), text].slice(-50));
    this.at = 0;
    this.note.replaceChildren();
  }
}
