// What the page knows, and who wants to hear of changes. Views read it; only loaders and actions write it.

import { api } from "./api.js";

export const state = {
  workspace: { name: "Harbour" },
  people: [],
  channels: [],
  groups: [],
  commands: [],
  me: null,
  route: { kind: "channel", channel: null, ts: null, thread: null },
  messages: new Map(),   // channel → what the person acted as sees of it
  hasMore: new Set(),
  thread: [],            // the open thread, root first
  home: null,
  views: [],
  connected: null,       // is the app connected? null: not known yet
  online: true,          // is the stream?
};

const listeners = new Map();

export function on(topics, listener) {
  for (const topic of [topics].flat()) {
    if (!listeners.has(topic)) listeners.set(topic, new Set());
    listeners.get(topic).add(listener);
  }
}

export function tell(topic, detail) {
  for (const listener of listeners.get(topic) ?? []) listener(detail);
}

export const person = (id) => state.people.find((one) => one.id === id);
export const channel = (id) => state.channels.find((one) => one.id === id);
export const group = (id) => state.groups.find((one) => one.id === id);
export const app = () => state.people.find((one) => one.is_bot);
export const humans = () => state.people.filter((one) => !one.is_bot);
export const me = () => person(state.me);
export const myGroups = (user = state.me) => state.groups.filter((one) => one.users.includes(user)).map((one) => one.id);

export function channelName(one) {
  if (!one) return "unknown";
  return one.is_im ? nameOf(person(one.user === state.me ? app()?.id : one.user) ?? app()) : one.name;
}
export const nameOf = (one) => one?.real_name || one?.name || "Somebody";

// Does this text speak to `user`, by name or by group?
export function mentions(text, user = state.me) {
  if (!text) return false;
  if (text.includes(`<@${user}`)) return true;
  return myGroups(user).some((id) => text.includes(`<!subteam^${id}`));
}

export async function loadRoster() {
  const [workspace, people, groups, commands] = await Promise.all(
    [api.workspace(), api.people(), api.groups(), api.commands()]);
  if (people.people) state.people = people.people;
  if (groups.groups) state.groups = groups.groups;
  if (commands.commands) state.commands = commands.commands;
  if (workspace.name) {
    state.workspace = workspace;
    state.connected = workspace.connected ?? state.connected;
  }
  tell("roster");
  return Boolean(people.people);
}

export async function loadChannels() {
  const user = state.me;
  const answer = await api.channels(user);
  if (!answer.channels || user !== state.me) return;
  state.channels = answer.channels;
  tell("roster");
}

const limits = new Map();
export async function loadMessages(id, { more = false } = {}) {
  const user = state.me;
  if (more) limits.set(id, (limits.get(id) ?? 200) + 400);
  const answer = await api.messages({ channel: id, user, limit: limits.get(id) ?? 200 });
  // Somebody else is acted as by now: their own answer is on its way.
  if (!answer.messages || user !== state.me) return;
  state.messages.set(id, answer.messages);
  state.hasMore[answer.has_more ? "add" : "delete"](id);
  tell("messages", id);
}

export async function loadThread() {
  const { channel: id, thread } = state.route;
  const user = state.me;
  if (!thread) return;
  const answer = await api.messages({ channel: id, user, thread_ts: thread, limit: 1000 });
  if (user !== state.me || thread !== state.route.thread || id !== state.route.channel) return;
  state.thread = answer.messages ?? [];
  tell("thread");
}

export async function loadViews() {
  const user = state.me;
  const answer = await api.views(user);
  if (!answer.views || user !== state.me) return;
  state.views = answer.views;
  state.home = answer.home ?? null;
  tell("views");
}

// Calls `load` soon, once for all who ask within a moment, and never twice at the same time for one key.
const waiting = new Map();
export function soon(key, load) {
  const known = waiting.get(key);
  if (known) {
    known.again = true;
    return;
  }
  const entry = { again: false };
  waiting.set(key, entry);
  setTimeout(async () => {
    entry.again = false;
    try {
      await load();
    } finally {
      waiting.delete(key);
      if (entry.again) soon(key, load);
    }
  }, 25);
}
