// The main column: a channel or a direct conversation, the App Home, or the mentions.

import { Composer } from "./composer.js";
import { h } from "./dom.js";
import { header, menuButton } from "./header.js";
import { homeView } from "./home.js";
import { icon } from "./icons.js";
import { MessageList } from "./list.js";
import { mentionsView } from "./mentions.js";
import { avatar } from "./people.js";
import { openThread } from "./route.js";
import { app, channel, channelName, loadMessages, nameOf, person, state, tell } from "./store.js";
import { lastRead, markRead } from "./unread.js";

const main = document.getElementById("main");
const composer = new Composer();
let list = null;
let shown = null;      // "user channel" of the list
let newFrom = null;
let revealed = null;

export const mainList = () => list;
export const mainComposer = composer;

export function drawMain() {
  const { kind } = state.route;
  if (kind === "home") return drawPage({ lead: menuButton(), title: nameOf(app()), about: "App Home" }, homeView());
  if (kind === "mentions") return drawPage({ lead: menuButton(), title: "Mentions", about: `What asks for ${nameOf(person(state.me))}, in channels and threads` }, mentionsView());
  drawConversation();
}

function drawPage(bar, content) {
  shown = null;
  const scroller = main.querySelector(".page-scroller");
  const top = main.dataset.page === bar.title ? scroller?.scrollTop ?? 0 : 0;
  main.dataset.page = bar.title;
  main.replaceChildren(header(bar), h("div", { class: "page-scroller" }, content));
  main.querySelector(".page-scroller").scrollTop = top;
  document.title = `${bar.title} · ${state.workspace.name}`;
}

function drawConversation() {
  const where = channel(state.route.channel);
  delete main.dataset.page;
  if (!where) {
    shown = null;
    main.replaceChildren(header({ lead: menuButton(), title: "Not here" }), h("div", { class: "empty" }, h("p", {}, `${nameOf(person(state.me))} is not in this conversation.`)));
    return;
  }
  const key = `${state.me} ${where.id}`;
  if (shown !== key) {
    shown = key;
    revealed = null;
    newFrom = lastRead(where.id);
    list = new MessageList({ place: "channel", label: `Messages in ${channelName(where)}`, onend: readToEnd });
    main.replaceChildren(h("div", { class: "bar-slot" }), list.node, composer.node);
    if (!state.messages.has(where.id)) list.content.append(h("div", { class: "loading", role: "status" }, "Loading"));
  }
  main.querySelector(".bar-slot").replaceChildren(barOf(where));
  document.title = `${where.is_im ? "" : "#"}${channelName(where)} · ${state.workspace.name}`;
  composer.refresh();
  drawMessages(where);
}

function drawMessages(where) {
  const messages = state.messages.get(where.id);
  if (!messages) return;
  list.content.querySelector(".loading")?.remove();
  list.show(messages, { before: introOf(where, messages), newFrom });
  const { ts, thread } = state.route;
  // A permalink: show the message, and the thread under it if there is one.
  const target = thread && thread !== ts ? thread : ts;
  if (target && revealed !== target && list.reveal(target, { focus: !thread })) {
    revealed = target;
    if (!thread && messages.find((one) => one.ts === ts)?.reply_count) queueMicrotask(() => openThread(where.id, ts));
  }
  readToEnd();
}

function readToEnd() {
  const { kind, channel: id } = state.route;
  if (kind !== "channel" || document.hidden) return;
  markRead(id, state.messages.get(id)?.at(-1)?.ts);
  tell("read");
}

function barOf(where) {
  const members = (where.members ?? []).map(person).filter((one) => one && !one.is_bot);
  return header({
    lead: [menuButton(), h("span", { class: "bar-icon" }, where.is_im ? avatar(app(), "small") : icon(where.is_private ? "lock" : "hash", { size: 20 }))],
    title: channelName(where),
    about: where.is_im ? "Only you and the app see this" : topicOf(where),
    extra: [
      state.connected === false && h("span", { class: "offline", title: "No bot is connected to this workspace" }, h("span", { class: "dot" }), "App not connected"),
      !where.is_im && h("span", { class: "members", title: members.map(nameOf).join(", ") },
        h("span", { class: "faces" }, members.slice(0, 4).map((one) => avatar(one, "tiny"))), h("span", {}, String(members.length)), h("span", { class: "sr" }, " members")),
    ],
  });
}

const topicOf = (where) => (typeof where.topic === "string" ? where.topic : where.topic?.value) || null;

function introOf(where, messages) {
  const hasMore = state.hasMore.has(where.id);
  return {
    key: `${hasMore} ${channelName(where)} ${messages.length === 0}`,
    build: () => (hasMore
      ? h("div", { class: "earlier" }, h("button", { class: "button", type: "button", onclick: () => loadMessages(where.id, { more: true }) }, "Show earlier messages"))
      : h("div", { class: "intro" }, h("h2", {}, where.is_im ? channelName(where) : `#${channelName(where)}`),
        h("p", {}, where.is_im ? "This is a conversation between you and the app." : "This is where the channel begins."),
        !messages.length && !where.is_im ? beginning() : null)),
  };
}

// What a newcomer may do first: the first form of the first command, ready to be sent.
function beginning() {
  const [first] = state.commands;
  if (!first) return null;
  const words = `${first.command} ${(first.usage_hint ?? "").split("|")[0]}`.trim();
  return h("p", {}, "Begin with ", h("button", { class: "suggestion", type: "button", onclick: () => document.dispatchEvent(new CustomEvent("compose", { detail: words })) }, words), ` as ${nameOf(person(state.me))}.`);
}
