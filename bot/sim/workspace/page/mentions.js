// Who was spoken to, by name or by group, in channels and in threads: so that whoever is asked finds the question.

import { api } from "./api.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { words } from "./mrkdwn.js";
import { avatar } from "./people.js";
import { hashOf } from "./route.js";
import { channel, channelName, humans, mentions, nameOf, person, soon, state, tell } from "./store.js";
import { ago } from "./times.js";

// Threads of these many newest roots are looked through when the page opens.
const LOOKED_THROUGH = 8;
const found = new Map();   // "channel ts" → { channel, ts, thread, text, by, for: Set }
const seen = new Map();    // person → Set of keys, kept across reloads

function seenBy(user) {
  if (!seen.has(user)) seen.set(user, new Set(JSON.parse(sessionStorage.getItem(`seen ${user}`) ?? "[]")));
  return seen.get(user);
}

function markSeen(user, keys) {
  for (const key of keys) seenBy(user).add(key);
  sessionStorage.setItem(`seen ${user}`, JSON.stringify([...seenBy(user)].slice(-500)));
}

const forMe = (user) => [...found.entries()].filter(([, one]) => one.for.has(user)).sort(([, a], [, b]) => (a.ts < b.ts ? 1 : -1));
export const mentionCount = (user = state.me) => forMe(user).filter(([key]) => !seenBy(user).has(key)).length;

// A card that names a group among its details does not ask for it; what stands in the running text does.
const textOf = (message) => [message.text, ...(message.blocks ?? []).map((block) => block.text?.text)].filter(Boolean).join("\n");

// Takes note of whom these messages speak to; a message that was edited may no longer speak to anybody.
function note(id, messages) {
  for (const message of messages) {
    if (message.ephemeral) continue;
    const key = `${id} ${message.ts}`;
    const text = textOf(message);
    const spokenTo = humans().filter((one) => one.id !== message.user && mentions(text, one.id)).map((one) => one.id);
    if (!spokenTo.length) found.delete(key);
    else found.set(key, { channel: id, ts: message.ts, thread: message.thread_ts && message.thread_ts !== message.ts ? message.thread_ts : null, text: message.text || text, by: message.user, for: new Set(spokenTo) });
  }
  readWhatIsShown();
  tell("mentions");
}

export function noteMessages(id) {
  note(id, state.messages.get(id) ?? []);
}

export function noteThread(id, thread) {
  soon(`mentions ${id} ${thread}`, async () => {
    const members = channel(id)?.members ?? [];
    const user = members.includes(state.me) ? state.me : members[0] ?? state.me;
    const answer = await api.messages({ channel: id, thread_ts: thread, user, limit: 500 });
    if (answer.messages) note(id, answer.messages);
  });
}

export function noteDeleted(id, ts) {
  if (found.delete(`${id} ${ts}`)) tell("mentions");
}

export function lookThrough(id) {
  const roots = (state.messages.get(id) ?? []).filter((message) => message.reply_count).slice(-LOOKED_THROUGH);
  for (const root of roots) noteThread(id, root.ts);
}

// Whatever stands on the screen counts as read.
export function readWhatIsShown() {
  if (document.hidden) return;
  const { kind, channel: id, thread } = state.route;
  const keys = forMe(state.me).filter(([, one]) =>
    kind === "mentions" || (one.channel === id && (one.thread ? one.thread === thread : true))).map(([key]) => key);
  markSeen(state.me, keys);
}

export function mentionsView() {
  const all = forMe(state.me);
  const row = ([, one]) => h("li", {}, h("a", { class: "mention-row", href: hashOf({ channel: one.channel, ts: one.ts, thread: one.thread }) },
    avatar(person(one.by)), h("span", { class: "mention-words" },
      h("span", { class: "mention-head" }, h("strong", {}, nameOf(person(one.by))), ` in ${one.thread ? "a thread in " : ""}#${channelName(channel(one.channel))} · ${ago(one.ts)}`),
      h("span", { class: "mention-text" }, words(one.text).slice(0, 240)))));
  return h("div", { class: "page-view" }, all.length
    ? h("ul", { class: "mention-list" }, all.map(row))
    : h("div", { class: "empty" }, icon("at", { size: 28 }), h("p", {}, "Nobody has asked for you yet."), h("p", { class: "faint" }, "Mentions of you and of your groups, in channels and threads, are collected here.")));
}
