// A list of messages that changes in place: nodes are kept by timestamp and replaced only where something changed,
// the reader's place and focus stay, and who reads the end stays at the end.

import { h, swap } from "./dom.js";
import { icon } from "./icons.js";
import { authorOf, messageNode } from "./message.js";
import { nameOf, state } from "./store.js";
import { ago, dayKeyOf, dayOf } from "./times.js";

// Messages of one author this close together need no second byline.
const TOGETHER = 5 * 60;
// Nearer than this to the end, the reader is at the end.
const AT_END = 48;

export class MessageList {
  constructor({ place, label, onend }) {
    this.place = place;
    this.onend = onend;
    this.rows = new Map();
    this.pinned = true;
    this.unseen = 0;
    this.content = h("div", { class: "rows" });
    this.scroller = h("div", { class: "scroller", role: "feed", "aria-label": label, tabindex: "-1", onscroll: () => this.#scrolled(), onfocusin: (event) => this.#rove(event) }, this.content);
    this.pill = h("button", { class: "pill", type: "button", hidden: true, onclick: () => this.toEnd(true) });
    this.node = h("div", { class: "list" }, this.scroller, this.pill);
    this.observer = new ResizeObserver(() => this.pinned && this.#jumpToEnd());
    this.observer.observe(this.content);
    this.observer.observe(this.scroller);
  }

  // `before`: nodes above the first message; `newFrom`: where the mark "New" stands.
  show(messages, { before = null, newFrom = null } = {}) {
    const anchor = this.pinned ? null : this.#anchor();
    const held = this.newest;
    const wanted = this.#wanted(messages, before, newFrom);
    let next = this.content.firstChild;
    for (const { key, signature, build } of wanted) {
      const old = this.rows.get(key)?.node;
      const row = this.#row(key, signature, build);
      // A row that was replaced stands where the old one stood.
      if (old === next && old) next = row;
      if (row === next) next = next.nextSibling;
      else this.content.insertBefore(row, next);
    }
    const keys = new Set(wanted.map((one) => one.key));
    for (const [key, row] of this.rows) {
      if (keys.has(key)) continue;
      row.node.remove();
      this.rows.delete(key);
    }
    this.newest = messages.at(-1)?.ts ?? null;
    const fresh = messages.filter((one) => held && one.ts > held);
    if (this.pinned || fresh.some((one) => one.user === state.me && !one.ephemeral)) this.toEnd();
    else {
      this.unseen += fresh.length;
      this.#restore(anchor);
    }
    this.#drawPill();
  }

  #wanted(messages, before, newFrom) {
    const wanted = before ? [{ key: "before", signature: before.key, build: before.build }] : [];
    let previous = null;
    let isMarked = false;
    for (const [number, message] of messages.entries()) {
      const newDay = this.place === "channel" && (!previous || dayKeyOf(previous.ts) !== dayKeyOf(message.ts));
      if (newDay) wanted.push({ key: `day ${dayKeyOf(message.ts)}`, signature: dayOf(message.ts), build: () => h("div", { class: "day", role: "separator" }, h("span", {}, dayOf(message.ts))) });
      const marks = newFrom && !isMarked && number > 0 && message.ts > newFrom && message.user !== state.me;
      if (marks) {
        isMarked = true;
        wanted.push({ key: "new", signature: "", build: () => h("div", { class: "new-mark", role: "separator" }, h("span", {}, "New")) });
      }
      if (this.place === "thread" && number === 1) {
        const count = messages.length - 1;
        const words = `${count} ${count === 1 ? "reply" : "replies"}`;
        wanted.push({ key: "count", signature: words, build: () => h("div", { class: "thread-count" }, words) });
      }
      const continued = !newDay && !marks && isContinuation(previous, message) && !(this.place === "thread" && number === 1);
      const signature = JSON.stringify([message, continued, state.me, state.people.length, nameOf(authorOf(message)), message.reply_count && ago(message.latest_reply)]);
      wanted.push({ key: message.ts, signature, build: () => messageNode(message, { continued, place: this.place }) });
      previous = message;
    }
    return wanted;
  }

  #row(key, signature, build) {
    const known = this.rows.get(key);
    if (known?.signature === signature) return known.node;
    const node = build();
    if (known) {
      if (known.node.tabIndex === 0) node.tabIndex = 0;
      for (const mark of ["target"]) if (known.node.classList.contains(mark)) node.classList.add(mark);
      swap(known.node, node);
    } else if (this.newest && key > this.newest) node.classList.add("arriving");
    this.rows.set(key, { signature, node });
    return node;
  }

  // The first message in sight, and how far it is from the top.
  #anchor() {
    const top = this.scroller.getBoundingClientRect().top;
    for (const [key, { node }] of this.rows) {
      const at = node.getBoundingClientRect();
      if (at.bottom > top + 4 && node.dataset.ts) return { key, offset: at.top - top };
    }
    return null;
  }

  #restore(anchor) {
    const row = anchor && this.rows.get(anchor.key);
    if (!row) return;
    const offset = row.node.getBoundingClientRect().top - this.scroller.getBoundingClientRect().top;
    this.scroller.scrollTop += offset - anchor.offset;
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    this.pinned = scrollHeight - scrollTop - clientHeight < AT_END;
    if (this.pinned) {
      this.unseen = 0;
      this.onend?.();
    }
    this.#drawPill();
  }

  #drawPill() {
    this.pill.hidden = this.pinned;
    const words = this.unseen ? `${this.unseen} new ${this.unseen === 1 ? "message" : "messages"}` : "Jump to newest";
    if (this.pill.dataset.words === words) return;
    this.pill.dataset.words = words;
    this.pill.replaceChildren(icon("down", { size: 16 }), words);
  }

  #jumpToEnd() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
  }

  toEnd(smooth = false) {
    this.pinned = true;
    this.unseen = 0;
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (smooth && !isCalm) this.scroller.scrollTo({ top: this.scroller.scrollHeight, behavior: "smooth" });
    else this.#jumpToEnd();
    this.#drawPill();
  }

  // Brings a message into sight and marks it for a moment; false if it is not here.
  reveal(ts, { focus = false } = {}) {
    const row = this.rows.get(ts);
    if (!row) return false;
    this.pinned = false;
    row.node.scrollIntoView({ block: "center" });
    row.node.classList.add("target");
    setTimeout(() => this.rows.get(ts)?.node.classList.remove("target"), 3_000);
    if (focus) this.#focus(row.node);
    this.#scrolled();
    return true;
  }

  // j and k: the neighbour of the message in focus, or the last one.
  step(by) {
    const all = [...this.content.querySelectorAll(".message")];
    const at = all.indexOf(document.activeElement?.closest?.(".message"));
    const next = at < 0 ? all.at(-1) : all[Math.max(0, Math.min(all.length - 1, at + by))];
    if (!next) return;
    this.#focus(next);
    next.scrollIntoView({ block: "nearest" });
  }

  #focus(node) {
    node.focus({ preventScroll: true });
  }

  // Tab leads to the message that was last in focus, and from it to its buttons.
  #rove(event) {
    const message = event.target.closest(".message");
    if (!message || message.tabIndex === 0) return;
    for (const other of this.content.querySelectorAll('.message[tabindex="0"]')) other.tabIndex = -1;
    message.tabIndex = 0;
  }

  clear() {
    this.content.replaceChildren();
    this.rows.clear();
    this.newest = null;
    this.pinned = true;
    this.unseen = 0;
  }
}

const isContinuation = (previous, message) =>
  previous && !previous.ephemeral === !message.ephemeral && authorOf(previous).id === authorOf(message).id
  && message.subtype !== "thread_broadcast" && previous.subtype !== "tombstone"
  && Number.parseFloat(message.ts) - Number.parseFloat(previous.ts) < TOGETHER
  && !message.ephemeral;
