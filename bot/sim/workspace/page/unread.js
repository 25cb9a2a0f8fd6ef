// What each person has not read yet, channel by channel.

import { mentions, state } from "./store.js";

const keyOf = (user, id) => `read ${user} ${id}`;

export const lastRead = (id, user = state.me) => sessionStorage.getItem(keyOf(user, id));

export function markRead(id, ts) {
  if (!ts || document.hidden) return;
  const known = lastRead(id);
  if (!known || known < ts) sessionStorage.setItem(keyOf(state.me, id), ts);
}

// { count, mentioned } of what others wrote since.
export function unread(id) {
  const since = lastRead(id);
  const fresh = (state.messages.get(id) ?? []).filter((message) => message.user !== state.me && (!since || message.ts > since) && message.subtype !== "tombstone");
  return { count: fresh.length, mentioned: fresh.some((message) => mentions(message.text)) };
}
