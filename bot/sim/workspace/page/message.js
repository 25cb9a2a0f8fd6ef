// One message: who, when, what, and what hangs on it.

import { api, said } from "./api.js";
import { renderBlocks } from "./blocks.js";
import { h } from "./dom.js";
import { byName, sign } from "./emoji.js";
import { icon } from "./icons.js";
import { picture } from "./lightbox.js";
import { mrkdwn } from "./mrkdwn.js";
import { notice } from "./notice.js";
import { avatar } from "./people.js";
import { hashOf, openThread, permalink } from "./route.js";
import { app, channel, channelName, mentions, nameOf, person, state } from "./store.js";
import { ago, fullTimeOf, timeOf } from "./times.js";

export const authorOf = (message) => person(message.user) ?? (message.bot_id ? app() : null) ?? { id: message.user, name: message.bot_profile?.name ?? message.user };
export const isReply = (message) => Boolean(message.thread_ts && message.thread_ts !== message.ts);

export function messageNode(message, { continued = false, place = "channel" } = {}) {
  if (message.subtype === "tombstone") return tombstone(message, place);
  const author = authorOf(message);
  const isCard = message.bot_id && (message.blocks?.length ?? 0) > 0;
  const body = h("div", { class: "message-body" },
    !continued && h("div", { class: "byline" }, h("span", { class: "author" }, nameOf(author)), (message.bot_id || author.is_bot) && h("span", { class: "app-badge" }, "APP"), stamp(message)),
    message.ephemeral && h("p", { class: "only-you" }, icon("eye", { size: 14 }), "Only visible to you",
      h("button", { class: "linkish", type: "button", data: { focus: `dismiss-${message.ts}` }, onclick: () => dismiss(message) }, "Dismiss")),
    message.subtype === "thread_broadcast" && place === "channel" && h("p", { class: "broadcast" }, "replied to a thread: ",
      h("a", { href: hashOf({ channel: message.channel, ts: message.ts, thread: message.thread_ts }) }, excerpt(message.root))),
    h("div", { class: isCard ? "content card-like" : "content" }, content(message)),
    message.reactions?.length ? reactions(message) : null,
    place === "channel" && message.reply_count ? replies(message) : null);
  const gutter = h("div", { class: "gutter" }, continued ? h("time", { class: "gutter-time", "aria-hidden": "true" }, timeOf(message.ts)) : avatar(author));
  return h("article", {
    class: ["message", continued && "continued", message.ephemeral && "ephemeral", mentions(message.text) && "for-me"].filter(Boolean).join(" "),
    tabindex: "-1", data: { ts: message.ts, channel: message.channel, thread: message.thread_ts ?? message.ts, focus: `message-${message.ts}`, author: author.id ?? "" },
    "aria-label": `${nameOf(author)}, ${timeOf(message.ts)}`,
  }, gutter, body, !message.ephemeral && tools(message, place));
}

function stamp(message) {
  const thread = isReply(message) ? message.thread_ts : null;
  const time = h("time", { datetime: new Date(Number.parseFloat(message.ts) * 1000).toISOString(), title: fullTimeOf(message.ts) }, timeOf(message.ts));
  return message.ephemeral ? h("span", { class: "stamp" }, time) : h("a", { class: "stamp", href: hashOf({ channel: message.channel, ts: message.ts, thread }), tabindex: "-1" }, time);
}

function content(message) {
  const surface = messageSurface(message);
  const blocks = message.blocks ?? [];
  const edited = message.edited && !message.bot_id && h("span", { class: "edited", title: fullTimeOf(message.edited.ts) }, "(edited)");
  return [
    blocks.length ? renderBlocks(blocks, surface) : message.text && h("div", { class: "text" }, mrkdwn(message.text), edited),
    blocks.length > 0 && edited,
    (message.attachments ?? []).map((one) => attachment(one, surface)),
    (message.files ?? []).map(file),
    message.edited && message.bot_id && h("span", { class: "edited", title: fullTimeOf(message.edited.ts) }, `edited ${timeOf(message.edited.ts)}`),
  ];
}

function messageSurface(message) {
  return {
    key: `${message.channel}-${message.ts}`,
    channel: message.channel,
    press: async (action) => {
      const answer = await api.press({ user: state.me, channel: message.channel, ts: message.ts, ...action });
      // The workspace leaves an ephemeral message itself when the app did not answer.
      if (!answer.ok && !answer.ephemeral) notice(said(answer));
      return answer;
    },
    suggest: (query) => api.suggest({ user: state.me, channel: message.channel, ts: message.ts, ...query }),
  };
}

function attachment(one, surface) {
  const color = { good: "var(--good)", warning: "var(--warn)", danger: "var(--bad)" }[one.color] ?? (/^#?[0-9a-f]{6}$/i.test(one.color ?? "") ? `#${one.color.replace("#", "")}` : "var(--line-strong)");
  return h("div", { class: "attachment", vars: { "--bar": color } },
    one.pretext && h("div", { class: "text" }, mrkdwn(one.pretext)), one.title && h("p", { class: "heading" }, one.title),
    one.blocks ? renderBlocks(one.blocks, surface) : h("div", { class: "text" }, mrkdwn(one.text ?? one.fallback ?? "")),
    one.fields && h("div", { class: "fields" }, one.fields.map((field) => h("div", { class: "text" }, h("strong", {}, field.title ?? ""), h("br"), mrkdwn(field.value ?? "")))),
    one.footer && h("div", { class: "context" }, one.footer));
}

function file(one) {
  const src = one.url_private ?? `/user/files/${one.id}`;
  const title = one.title || one.name;
  if (one.mimetype?.startsWith("image/")) {
    return h("figure", { class: "figure" }, title && h("figcaption", {}, title),
      picture({ src: local(src), alt: one.alt_txt ?? title ?? "", width: one.original_w, height: one.original_h, title }));
  }
  return h("a", { class: "file", href: local(src), target: "_blank", rel: "noreferrer noopener", download: one.name },
    icon("file", { size: 22 }), h("span", {}, h("strong", {}, title), h("small", {}, [one.filetype?.toUpperCase(), sizeOf(one.size)].filter(Boolean).join(" · "))));
}

// The page's policy allows its own origin only; a file's address may name this machine differently.
const local = (url) => {
  const parsed = new URL(url, location.href);
  return /^(127\.0\.0\.1|localhost)$/.test(parsed.hostname) ? parsed.pathname + parsed.search : url;
};

const sizeOf = (bytes) => (!bytes ? "" : bytes < 1024 ? `${bytes} B` : bytes < 1024 * 1024 ? `${Math.round(bytes / 1024)} KB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`);

function reactions(message) {
  return h("div", { class: "reactions" }, message.reactions.map((one) =>
    h("span", { class: "reaction", title: one.users?.map((user) => nameOf(person(user))).join(", ") },
      byName(one.name) ? sign(byName(one.name), one.name) : `:${one.name}:`, String(one.count))));
}

function replies(message) {
  const faces = (message.reply_users ?? []).slice(0, 4).map((user) => avatar(person(user) ?? app(), "tiny"));
  const count = `${message.reply_count} ${message.reply_count === 1 ? "reply" : "replies"}`;
  return h("button", { class: "replies", type: "button", data: { focus: `replies-${message.ts}` }, onclick: () => openThread(message.channel, message.ts) },
    h("span", { class: "faces" }, faces), h("span", { class: "replies-count" }, count), h("span", { class: "replies-last" }, `Last reply ${ago(message.latest_reply ?? message.ts)}`));
}

function tools(message, place) {
  const thread = isReply(message) ? message.thread_ts : message.ts;
  const copy = async () => {
    await navigator.clipboard?.writeText(permalink(message.channel, message.ts, isReply(message) ? thread : null));
    notice("Link copied", { tone: "good" });
  };
  return h("div", { class: "tools", role: "group", "aria-label": "On this message" },
    place === "channel" && h("button", { class: "button quiet square", type: "button", title: "Reply in thread", "aria-label": "Reply in thread", tabindex: "-1", onclick: () => openThread(message.channel, thread) }, icon("reply")),
    h("button", { class: "button quiet square", type: "button", title: "Copy link", "aria-label": "Copy link", tabindex: "-1", onclick: copy }, icon("link")));
}

async function dismiss(message) {
  const answer = await api.dismiss({ user: state.me, channel: message.channel, ts: message.ts });
  if (!answer.ok) notice(said(answer));
}

function tombstone(message, place) {
  return h("article", { class: "message tombstone", tabindex: "-1", data: { ts: message.ts, channel: message.channel, thread: message.ts, focus: `message-${message.ts}` } },
    h("div", { class: "gutter" }), h("div", { class: "message-body" }, "This message was deleted.", place === "channel" && message.reply_count ? replies(message) : null));
}

const excerpt = (root) => (root ? (root.text ?? "").replace(/<[^>]*\|?([^>]*)>/g, "$1").replace(/^(.{78}).{2,}$/s, "$1…") : channelName(channel(state.route.channel)));
