// Puts the page together: loads, draws, and draws again what changed.

import { drawMain, mainComposer, mainList } from "./conversation.js";
import { api } from "./api.js";
import { listenToKeys } from "./keys.js";
import { noteMessages, readWhatIsShown } from "./mentions.js";
import { drawModal } from "./modal.js";
import { startPanel } from "./panel.js";
import { closeMenu, drawRail } from "./rail.js";
import { go, listen } from "./route.js";
import { humans, loadChannels, loadMessages, loadRoster, loadThread, on, state } from "./store.js";
import { listenToStream, reload } from "./stream.js";
import { applyTheme } from "./theme.js";
import { drawThread } from "./thread.js";

// So that "3 min ago" stays true.
const MINUTE = 30_000;

applyTheme();
listen();
await begin();

async function begin() {
  while (!(await loadRoster())) await new Promise((resolve) => setTimeout(resolve, 1_000));
  const known = localStorage.getItem("me");
  state.me = humans().some((one) => one.id === known) ? known : humans()[0]?.id ?? null;
  await loadChannels();
  if (!state.route.channel && state.route.kind === "channel") state.route = { ...state.route, channel: firstChannel() };
  subscribe();
  drawAll();
  await listenToStream();
  await reload();
  document.getElementById("app").removeAttribute("aria-busy");
  if (state.route.kind === "home") api.home(state.me);
  listenToKeys();
  startPanel();
  setInterval(drawMain, MINUTE);
}

// A declaration, not a constant: `begin` runs before the end of this file is reached.
function firstChannel() {
  return state.channels.find((one) => !one.is_im && !one.is_archived)?.id ?? null;
}

function drawAll() {
  drawRail();
  drawMain();
  drawThread();
  drawModal();
}

function subscribe() {
  on("route", arrived);
  on("me", async () => {
    await loadChannels();
    drawAll();
    if (state.route.kind === "home") api.home(state.me);
    await reload();
  });
  on("roster", () => { drawRail(); drawMain(); });
  on("messages", (id) => {
    noteMessages(id);
    if (state.route.channel === id) drawMain();
    drawRail();
  });
  on("thread", drawThread);
  on("views", () => { drawModal(); if (state.route.kind === "home") drawMain(); });
  on("mentions", () => { drawRail(); if (state.route.kind === "mentions") drawMain(); });
  on("read", drawRail);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) { readWhatIsShown(); drawMain(); drawRail(); } });
  document.addEventListener("compose", (event) => compose(event.detail));
}

async function arrived() {
  if (state.route.kind === "channel" && !state.route.channel) state.route.channel = firstChannel();
  closeMenu();
  if (state.thread[0]?.ts !== state.route.thread) state.thread = [];
  readWhatIsShown();
  drawAll();
  if (state.route.kind === "home") api.home(state.me);
  if (state.route.thread) await loadThread();
  if (state.route.channel && !state.messages.has(state.route.channel)) await loadMessages(state.route.channel);
}

// Puts words into the channel's composer.
function compose(text) {
  if (state.route.kind !== "channel") go({ channel: firstChannel() });
  setTimeout(() => {
    mainComposer.input.value = text;
    mainComposer.input.dispatchEvent(new Event("input"));
    mainComposer.focus();
    mainList()?.toEnd();
  });
}
