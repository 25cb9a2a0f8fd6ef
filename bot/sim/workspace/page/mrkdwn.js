// Slack's mrkdwn → nodes. Everything that is not markup becomes a text node.

import { h } from "./dom.js";
import { PICTOGRAPH, byName, sign } from "./emoji.js";
import { inside } from "./route.js";
import { channel, channelName, group, nameOf, person, state, myGroups } from "./store.js";
import { formatDate, fullTimeOf } from "./times.js";

const ENTITIES = { "&lt;": "<", "&gt;": ">", "&amp;": "&" };
export const unescape = (text) => text.replace(/&(?:lt|gt|amp);/g, (entity) => ENTITIES[entity]);

// A text object (or a bare string) as nodes.
export function textNodes(text) {
  if (!text) return [];
  if (typeof text === "string") return mrkdwn(text);
  return text.type === "mrkdwn" ? mrkdwn(text.text ?? "", { links: !text.verbatim }) : plain(text.text ?? "", text.emoji !== false);
}

export function plain(text, emoji = true) {
  return unescape(text).split("\n").flatMap((line, number) => [number > 0 && h("br"), ...inlinePlain(line, emoji)]).filter(Boolean);
}

export function mrkdwn(source, options = {}) {
  return source.split(/```/).flatMap((part, number, parts) => {
    // An odd part between two fences is code; an unclosed fence is text.
    if (number % 2 === 1 && number < parts.length - 1) return [h("pre", { class: "code", tabindex: "0" }, codeNodes(part.replace(/^\n|\n$/g, "")))];
    const text = number % 2 === 1 ? `\`\`\`${part}` : part;
    return lines(number > 0 ? text.replace(/^\n/, "") : text, options);
  });
}

function lines(text, options) {
  const nodes = [];
  let quote = null;
  let needsBreak = false;
  for (const line of text.split("\n")) {
    const quoted = line.match(/^(?:&gt;|>) ?(.*)$/);
    if (quoted) {
      if (quote) quote.append(h("br"));
      else nodes.push((quote = h("blockquote")));
      quote.append(...inline(quoted[1], options));
      needsBreak = false;
      continue;
    }
    quote = null;
    if (needsBreak) nodes.push(line === "" ? h("span", { class: "gap" }) : h("br"));
    nodes.push(...inline(line, options));
    // The gap of an empty line is a block: it ends its line by itself.
    needsBreak = line !== "" || !nodes.length;
  }
  if (nodes.at(-1)?.className === "gap") nodes.pop();
  return nodes;
}

const EDGE = "[\\s.,;:!?()\\[\\]{}\"'/\\\\|·–—+&-]";
const styled = (mark) => new RegExp(`(?<=^|${EDGE}|[*_~])\\${mark}(?=\\S)([^\\n\\${mark}]*?[^\\s\\${mark}])\\${mark}(?=$|${EDGE}|[*_~])`);
const RULES = [
  [/`([^`\n]+)`/, (match) => [h("code", {}, codeNodes(match[1]))]],
  [/<([^<>\n]+)>/, (match) => angled(match[1])],
  [styled("*"), (match, options) => [h("strong", {}, inline(match[1], options))]],
  [styled("_"), (match, options) => [h("em", {}, inline(match[1], options))]],
  [styled("~"), (match, options) => [h("s", {}, inline(match[1], options))]],
  [/:([a-z0-9_+-]+(?:::skin-tone-\d)?):/, (match) => (byName(match[1]) ? [sign(byName(match[1]), match[1])] : null)],
  [PICTOGRAPH, (match) => [sign(match[0])]],
  [/https?:\/\/[^\s<>|]+[^\s<>|.,;:!?)"'\]]/, (match, options) => (options.links === false ? null : [anchor(unescape(match[0]))])],
];

function inline(text, options = {}) {
  const nodes = [];
  let rest = text;
  let before = "";
  while (rest) {
    const found = first(rest, before);
    if (!found) break;
    const [match, make] = found;
    const made = make(match, options);
    const end = match.index + match[0].length;
    if (made) nodes.push(unescape(rest.slice(0, match.index)), ...made);
    // No markup after all, such as the middle of 10:30:15.
    else nodes.push(unescape(rest.slice(0, end)));
    before = rest.slice(0, end).at(-1);
    rest = rest.slice(end);
  }
  if (rest) nodes.push(unescape(rest));
  return nodes;
}

// The rule that matches earliest; `before` is the character that stood before `text`.
function first(text, before) {
  let best = null;
  for (const [rule, make] of RULES) {
    const match = text.match(rule);
    if (!match || (best && match.index >= best[0].index)) continue;
    if (match.index === 0 && /^[*_~]/.test(match[0]) && /\w/.test(before)) continue;
    best = [match, make];
  }
  return best;
}

// Inside code, links and mentions still are what they are; nothing else is.
function codeNodes(text) {
  return text.split(/(<[^<>\n]+>)/).flatMap((part) => (/^<[^<>]+>$/.test(part) ? angled(part.slice(1, -1)) : [unescape(part)]));
}

function inlinePlain(text, emoji) {
  const nodes = [];
  let rest = text;
  while (emoji && rest) {
    const found = [/:([a-z0-9_+-]+):/, PICTOGRAPH].map((rule) => rest.match(rule)).filter(Boolean).sort((a, b) => a.index - b.index)[0];
    if (!found) break;
    const known = found[0].startsWith(":") ? byName(found[1]) : found[0];
    nodes.push(rest.slice(0, found.index), known ? sign(known) : found[0]);
    rest = rest.slice(found.index + found[0].length);
  }
  return rest ? [...nodes, rest] : nodes;
}

// What stands between < and >.
function angled(inner) {
  const [target, ...labels] = inner.split("|");
  const label = labels.length ? unescape(labels.join("|")) : null;
  if (target.startsWith("@")) return [personMention(target.slice(1), label)];
  if (target.startsWith("#")) return [channelMention(target.slice(1), label)];
  if (target.startsWith("!")) return [special(target.slice(1), label)];
  if (/^(https?:|mailto:|\/|#)/i.test(target)) return [anchor(unescape(target), label)];
  return [unescape(`<${inner}>`)];
}

export function personMention(id, label = null) {
  const name = person(id) ? nameOf(person(id)) : label ?? id;
  return h("span", { class: id === state.me ? "mention mine" : "mention", data: { person: id } }, `@${name.replace(/^@/, "")}`);
}

export function groupMention(id, label = null) {
  const handle = group(id)?.handle ?? label?.replace(/^@/, "") ?? id;
  const members = group(id)?.users.map((user) => nameOf(person(user))).join(", ");
  return h("span", { class: myGroups().includes(id) ? "mention mine" : "mention", title: members }, `@${handle}`);
}

export function channelMention(id, label = null) {
  const known = channel(id);
  const name = known ? channelName(known) : label ?? id;
  return known ? h("a", { class: "mention", href: `#/${id}` }, `#${name}`) : h("span", { class: "mention" }, `#${name}`);
}

function special(target, label) {
  const [kind, ...parts] = target.split("^");
  if (kind === "subteam") return groupMention(parts[0], label);
  if (kind === "date") {
    const [epoch, format, link] = parts;
    const time = h("time", { datetime: isoOf(epoch), title: isoOf(epoch) && fullTimeOf(epoch) }, formatDate(epoch, format ?? "", label));
    return link ? anchor(link, time) : time;
  }
  if (["here", "channel", "everyone"].includes(kind)) return h("span", { class: "mention mine" }, `@${kind}`);
  return label ?? `<!${target}>`;
}

function isoOf(epoch) {
  const date = new Date(Number(epoch) * 1000);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

export function anchor(url, label = null) {
  const content = label ?? url.replace(/^mailto:/, "");
  const hash = inside(url);
  if (hash) return h("a", { href: hash }, content);
  if (!/^(https?:\/\/|mailto:|\/)/i.test(url)) return h("span", {}, content);
  return h("a", { href: url, target: "_blank", rel: "noreferrer noopener" }, content);
}

// A message as one line of plain words, for lists and screen readers.
export function words(text = "") {
  const box = h("div", {}, mrkdwn(text));
  for (const drawn of box.querySelectorAll("svg")) drawn.replaceWith("");
  for (const line of box.querySelectorAll("br, .gap")) line.replaceWith(" ");
  return box.textContent.replace(/\s+/g, " ").trim();
}

