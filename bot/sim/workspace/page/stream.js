// Listens to the workspace and fetches anew what changed. Events say that something changed, not what.

import { h } from "./dom.js";
import { words } from "./mrkdwn.js";
import { lookThrough, noteDeleted, noteThread } from "./mentions.js";
import { announce } from "./notice.js";
import { loadChannels, loadMessages, loadRoster, loadThread, loadViews, nameOf, person, soon, state, tell } from "./store.js";

let greeted = false;

// Resolves when the stream is open: what is loaded after that misses nothing.
export function listenToStream() {
  const { promise, resolve } = greeting;
  const source = new EventSource("/user/stream");
  source.onmessage = (event) => {
    const told = JSON.parse(event.data);
    HANDLERS[told.type]?.(told);
  };
  source.onopen = () => online(true);
  source.onerror = () => {
    online(false);
    resolve();
  };
  return promise;
}

const greeting = {};
greeting.promise = new Promise((resolve) => { greeting.resolve = resolve; });

function online(isOnline) {
  if (state.online === isOnline) return;
  state.online = isOnline;
  document.getElementById("offline")?.remove();
  if (!isOnline) document.body.append(h("div", { id: "offline", class: "stream-lost", role: "status" }, "Connection to the workspace lost. Trying again …"));
  tell("roster");
}

const HANDLERS = {
  hello(told) {
    presence(told);
    // Every later greeting may follow a gap.
    if (greeted) reload();
    greeted = true;
    greeting.resolve();
  },
  presence,
  message(told) {
    soon(`messages ${told.channel}`, () => loadMessages(told.channel));
    if (told.thread_ts) {
      refreshThread(told);
      if (told.change !== "deleted") noteThread(told.channel, told.thread_ts);
    } else if (told.ts === state.route.thread) refreshThread({ ...told, thread_ts: told.ts });
    if (told.change === "deleted") noteDeleted(told.channel, told.ts);
    if (told.change === "new" && told.user !== state.me) speak(told);
  },
  ephemeral(told) {
    if (told.user !== state.me) return;
    soon(`messages ${told.channel}`, () => loadMessages(told.channel));
    if (told.thread_ts) refreshThread(told);
    if (told.change === "new") speak(told, "Only visible to you: ");
  },
  view(told) {
    if (told.user === state.me) soon("views", loadViews);
  },
  home(told) {
    if (told.user === state.me) soon("views", loadViews);
  },
  channel: () => soon("channels", loadChannels),
};

function presence(told) {
  state.connected = told.connected;
  tell("roster");
}

function refreshThread(told) {
  if (told.channel === state.route.channel && told.thread_ts === state.route.thread) soon("thread", loadThread);
}

// What just arrived where the person looks, for those who listen.
function speak(told, lead = "") {
  if (told.channel !== state.route.channel || (told.thread_ts && told.thread_ts !== state.route.thread)) return;
  setTimeout(() => {
    const message = [...(state.messages.get(told.channel) ?? []), ...state.thread].find((one) => one.ts === told.ts);
    if (message) announce(`${lead}${nameOf(person(message.user))}${told.thread_ts ? " in the thread" : ""}: ${words(message.text).slice(0, 300)}`);
  }, 400);
}

// Everything that is shown, and every channel for its unread count.
export async function reload() {
  await loadRoster();
  await Promise.all([loadChannels(), loadViews()]);
  await Promise.all([loadThread(), ...state.channels.map((one) => loadMessages(one.id))]);
  for (const one of state.channels) lookThrough(one.id);
}

