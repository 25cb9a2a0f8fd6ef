// Suggestions above the composer: commands with their hints, people and groups after @, channels after #.

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { avatar } from "./people.js";
import { humans, nameOf, state, app } from "./store.js";

let lists = 0;

export class Completion {
  constructor(input, { inThread, onpick }) {
    Object.assign(this, { input, inThread, onpick, options: [], at: 0, from: 0 });
    this.node = h("div", { class: "completion", role: "listbox", id: `completion-${++lists}`, "aria-label": "Suggestions", hidden: true });
    input.setAttribute("aria-controls", this.node.id);
  }

  update() {
    const caret = this.input.selectionStart;
    const before = this.input.value.slice(0, caret);
    const [from, options] = this.#find(before);
    Object.assign(this, { from, options, at: Math.min(this.at, Math.max(0, options.length - 1)) });
    if (options.length) this.#draw();
    else this.close();
  }

  #find(before) {
    if (before.startsWith("/") && !this.inThread) return [0, commandOptions(before)];
    const typed = before.match(/(?:^|\s)([@#])([\w.-]*)$/);
    if (!typed) return [0, []];
    const [, mark, start] = typed;
    return [before.length - start.length - 1, mark === "@" ? nameOptions(start.toLowerCase()) : channelOptions(start.toLowerCase())];
  }

  #draw() {
    this.node.replaceChildren(...this.options.map((option, number) => h("div", {
      class: "option", role: "option", id: `${this.node.id}-${number}`, "aria-selected": String(number === this.at && !option.isHint),
      onpointerdown: (event) => { event.preventDefault(); this.#pick(option); },
    }, option.content)));
    this.node.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    if (!this.options[this.at].isHint) this.input.setAttribute("aria-activedescendant", `${this.node.id}-${this.at}`);
  }

  close() {
    this.node.hidden = true;
    this.options = [];
    this.at = 0;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }

  #pick(option) {
    if (option.isHint) return;
    const caret = this.input.selectionStart;
    const after = this.input.value.slice(caret);
    this.input.value = `${this.input.value.slice(0, this.from)}${option.insert} ${after.replace(/^ /, "")}`;
    const end = this.from + option.insert.length + 1;
    this.input.setSelectionRange(end, end);
    this.at = 0;
    this.onpick();
    this.input.focus();
  }

  // True if the key was meant for the list.
  key(event) {
    const pickable = this.options.filter((option) => !option.isHint);
    if (this.node.hidden) return false;
    if (event.key === "Escape") this.close();
    else if (!pickable.length) return false;
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      this.at = (this.at + (event.key === "ArrowDown" ? 1 : -1) + pickable.length) % pickable.length;
      this.#draw();
    } else if (event.key === "Tab" || (event.key === "Enter" && !event.shiftKey && !this.#isComplete(pickable))) this.#pick(pickable[this.at] ?? pickable[0]);
    else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  }

  // What is typed already is what would be put in: Enter sends then.
  #isComplete(pickable) {
    return this.input.value.slice(this.from, this.input.selectionStart) === (pickable[this.at] ?? pickable[0])?.insert;
  }
}

function commandOptions(before) {
  const [typed, ...rest] = before.split(/\s/);
  const hinting = state.commands.filter((one) => (rest.length ? one.command === typed : one.command.startsWith(typed)));
  return hinting.map((one) => ({
    insert: one.command, isHint: rest.length > 0,
    content: [h("span", { class: "option-icon" }, icon("wave")), h("span", { class: "option-words" },
      h("span", {}, h("strong", {}, one.command), " ", h("span", { class: "usage" }, one.usage_hint ?? "")), h("small", {}, one.description ?? ""))],
  }));
}

function nameOptions(start) {
  const fits = (...names) => names.some((name) => name?.toLowerCase().startsWith(start));
  const people = [...humans(), app()].filter((one) => one && fits(one.name, one.real_name)).map((one) => ({
    insert: `@${one.name}`, content: [avatar(one, "tiny"), h("span", { class: "option-words" }, h("span", {}, h("strong", {}, nameOf(one)), " ", h("span", { class: "usage" }, `@${one.name}`)))] }));
  const groups = state.groups.filter((one) => fits(one.handle)).map((one) => ({
    insert: `@${one.handle}`, content: [h("span", { class: "option-icon" }, icon("at")), h("span", { class: "option-words" }, h("span", {}, h("strong", {}, `@${one.handle}`), " ", h("span", { class: "usage" }, one.name ?? "")))] }));
  return [...people, ...groups].slice(0, 8);
}

function channelOptions(start) {
  return state.channels.filter((one) => !one.is_im && one.name.startsWith(start)).slice(0, 8).map((one) => ({
    insert: `#${one.name}`, content: [h("span", { class: "option-icon" }, icon("hash")), h("span", { class: "option-words" }, h("strong", {}, one.name))] }));
}
