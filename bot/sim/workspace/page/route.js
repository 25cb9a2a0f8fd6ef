// Where the page is, in the address: `#/C…`, `#/C…/ts`, `#/C…/ts/thread_ts`, `#/home`, `#/mentions`.

import { state, tell } from "./store.js";

export function parse(hash) {
  const parts = hash.replace(/^#?\/?/, "").split("/").map(decodeURIComponent);
  if (parts[0] === "home" || parts[0] === "mentions") return { kind: parts[0], channel: null, ts: null, thread: null };
  const [id = null, ts = null, thread = null] = parts;
  return { kind: "channel", channel: id || null, ts: ts && /\d/.test(ts) ? ts : null, thread };
}

export const hashOf = ({ kind, channel, ts, thread }) =>
  kind !== "channel" ? `#/${kind}` : `#/${[channel, ts ?? (thread ? thread : null), thread].filter(Boolean).join("/")}`;

export function go(route) {
  const hash = hashOf({ kind: "channel", ...route });
  if (hash === location.hash) arrive();
  else location.hash = hash;
}

export const openThread = (channel, thread, ts = thread) => go({ channel, thread, ts });

export function closeThread() {
  if (state.route.thread) go({ channel: state.route.channel });
}

// The part after # of a link to this workspace, whatever host and port it was written with; else null.
export function inside(url) {
  try {
    const parsed = new URL(url, location.href);
    const here = parsed.origin === location.origin || /^(127\.0\.0\.1|localhost)$/.test(parsed.hostname);
    return here && /^#\/([CDG][A-Z0-9]+|home|mentions)/.test(parsed.hash) && parsed.pathname === "/" ? parsed.hash : null;
  } catch {
    return null;
  }
}

function arrive() {
  state.route = parse(location.hash);
  tell("route");
}

export function listen() {
  addEventListener("hashchange", arrive);
  state.route = parse(location.hash);
}
