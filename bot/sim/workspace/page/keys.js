// Keys that work anywhere on the page.

import { mainComposer, mainList } from "./conversation.js";
import { isTyping } from "./dom.js";
import { openHelp } from "./help.js";
import { actAs } from "./people.js";
import { openQuick } from "./quick.js";
import { closeThread, go, openThread } from "./route.js";
import { humans, state } from "./store.js";
import { threadList } from "./thread.js";

export function listenToKeys() {
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    if ((anywhere(event) || elsewhere(event))) event.preventDefault();
  });
}

// With a modifier: while typing, too, but not behind a dialog.
function anywhere(event) {
  if (document.querySelector("dialog[open]")) return false;
  const number = event.altKey && !event.ctrlKey && !event.metaKey && event.code.match(/^Digit([1-9])$/)?.[1];
  if (number) {
    const one = humans()[number - 1];
    if (one) actAs(one.id);
    return Boolean(one);
  }
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") return openQuick() ?? true;
  if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) return nextChannel(event.key === "ArrowDown" ? 1 : -1);
  return false;
}

function nextChannel(by) {
  const all = state.channels.filter((one) => !one.is_archived);
  const at = all.findIndex((one) => one.id === state.route.channel);
  if (all.length) go({ channel: all.at((at + by + all.length) % all.length).id });
  return true;
}

// Plain letters: only while nothing is being typed.
function elsewhere(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || document.querySelector("dialog[open], .menu")) return false;
  const list = listOf(event.target);
  const onMessage = event.target.classList?.contains("message");
  switch (event.key) {
    case "?": openHelp(); return true;
    case "j": list?.step(1); return true;
    case "k": list?.step(-1); return true;
    case "ArrowDown": if (!onMessage) return false; list?.step(1); return true;
    case "ArrowUp": if (!onMessage) return false; list?.step(-1); return true;
    case "t": return openThreadOf(event.target.closest?.(".message"));
    case "Enter": return onMessage && openThreadOf(event.target);
    case "c": mainComposer.focus(); return true;
    case "/": document.dispatchEvent(new CustomEvent("compose", { detail: "/" })); return true;
    case "Escape": document.getElementById("app").classList.remove("rail-open"); closeThread(); return true;
    default: return false;
  }
}

const listOf = (target) => (target.closest?.("#thread") ? threadList() : mainList());

function openThreadOf(message) {
  if (!message || message.classList.contains("ephemeral")) return false;
  openThread(message.dataset.channel, message.dataset.thread);
  return true;
}
