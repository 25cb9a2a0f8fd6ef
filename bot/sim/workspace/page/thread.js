// The thread pane at the right (on a phone: over everything).

import { Composer } from "./composer.js";
import { h } from "./dom.js";
import { closeButton } from "./dialog.js";
import { header } from "./header.js";
import { MessageList } from "./list.js";
import { closeThread } from "./route.js";
import { channel, channelName, state } from "./store.js";

const pane = document.getElementById("thread");
const composer = new Composer({ inThread: true });
let list = null;
let shown = null;
let revealed = null;

export const threadList = () => (pane.hidden ? null : list);
export const threadComposer = composer;

export function drawThread() {
  const { kind, channel: id, thread, ts } = state.route;
  const isOpen = kind === "channel" && Boolean(thread);
  pane.hidden = !isOpen;
  document.getElementById("app").classList.toggle("thread-open", isOpen);
  if (!isOpen) {
    shown = null;
    return;
  }
  const key = `${state.me} ${id} ${thread}`;
  if (shown !== key) {
    shown = key;
    revealed = null;
    list = new MessageList({ place: "thread", label: "Messages in the thread" });
    pane.replaceChildren(header({ title: "Thread", about: `#${channelName(channel(id))}`, extra: closeButton(closeThread, "Close the thread") }), list.node, composer.node);
  }
  composer.refresh();
  if (state.thread[0] && state.thread[0].ts !== thread) return;
  list.show(state.thread);
  if (ts && ts !== thread && revealed !== ts && list.reveal(ts)) revealed = ts;
}
