// Where the page is, in the address: `#/C…`, `#/C…/ts`, `#/C…/ts/thread_ts`, `#/home`, `#/mentions`.
// Slack's own permalinks (`/archives/C…/p1764000000000100?thread_ts=…`) lead to the same places.

import { state, tell } from "./store.js";

export function parse(hash) {
  const parts = hash.replace(/^#?\/?/, "").split("/");
  if (parts[0] === "home" || parts[0] === "mentions") return { kind: parts[0], channel: null, ts: null, thread: null };
  const [id, ts, thread] = parts;
  return { kind: "channel", channel: id || null, ts: ts || null, thread: thread || null };
}

export const hashOf = ({ kind = "channel", channel, ts, thread }) =>
  kind === "channel" ? `#/${[channel, ts ?? thread, thread].filter(Boolean).join("/")}` : `#/${kind}`;

export function go(route) {
  const hash = hashOf(route);
  if (hash === location.hash) arrive();
  else location.hash = hash;
}

export const openThread = (channel, thread, ts = thread) => go({ channel, thread, ts });

export function closeThread() {
  if (state.route.thread) go({ channel: state.route.channel });
}

// What a link leads to inside this workspace, as a hash; null where it leads elsewhere.
export function inside(url) {
  let parsed;
  try {
    parsed = new URL(url, location.href);
  } catch {
    return null;
  }
  // One machine, two names.
  const isHere = parsed.origin === location.origin
    || (/^(127\.0\.0\.1|localhost)$/.test(parsed.hostname) && parsed.port === location.port);
  if (!isHere) return null;
  if (parsed.pathname === "/" && parsed.hash.startsWith("#/")) return parsed.hash;
  const archive = parsed.pathname.match(/^\/archives\/(\w+)(?:\/p(\d+)(\d{6}))?$/);
  if (!archive) return null;
  const [, channel, seconds, micros] = archive;
  return hashOf({ channel, ts: seconds && `${seconds}.${micros}`, thread: parsed.searchParams.get("thread_ts") });
}

export const permalink = (channel, ts, thread) => `${location.origin}/${hashOf({ channel, ts, thread })}`;

function arrive() {
  state.route = parse(location.hash);
  tell("route");
}

export function listen() {
  const hash = location.pathname === "/" ? null : inside(location.href);
  if (hash) history.replaceState(null, "", `/${hash}`);
  state.route = parse(location.hash);
  addEventListener("hashchange", arrive);
}
