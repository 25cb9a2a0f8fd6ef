// `rich_text` blocks → nodes.

import { h } from "./dom.js";
import { byName, sign } from "./emoji.js";
import { anchor, channelMention, groupMention, personMention } from "./mrkdwn.js";
import { formatDate } from "./times.js";

export const richText = (block) => (block.elements ?? []).map(part);

function part(element) {
  switch (element.type) {
    case "rich_text_list":
      return h(element.style === "ordered" ? "ol" : "ul", { class: `indent-${element.indent ?? 0}`, start: element.offset ? element.offset + 1 : null },
        (element.elements ?? []).map((item) => h("li", {}, leaves(item))));
    case "rich_text_quote":
      return h("blockquote", {}, leaves(element));
    case "rich_text_preformatted":
      return h("pre", { class: "code", tabindex: "0" }, leaves(element));
    default:
      return h("p", {}, leaves(element));
  }
}

const leaves = (section) => (section.elements ?? []).flatMap(leaf);

function leaf(element) {
  switch (element.type) {
    case "text": return dressed(text(element.text ?? ""), element.style);
    case "link": return dressed([anchor(element.url ?? "", element.text ?? null)], element.style);
    case "emoji": return [byName(element.name) ? sign(byName(element.name), element.name) : `:${element.name}:`];
    case "user": return [personMention(element.user_id)];
    case "usergroup": return [groupMention(element.usergroup_id)];
    case "channel": return [channelMention(element.channel_id)];
    case "broadcast": return [h("span", { class: "mention mine" }, `@${element.range}`)];
    case "date": return [h("time", {}, formatDate(element.timestamp, element.format ?? "{date}", element.fallback))];
    case "color": return [h("code", {}, element.value)];
    default: return [element.text ?? ""];
  }
}

const text = (value) => value.split("\n").flatMap((line, number) => [number > 0 && h("br"), line]).filter((one) => one !== false);

function dressed(nodes, style = {}) {
  const tags = { bold: "strong", italic: "em", strike: "s", code: "code", underline: "u" };
  return Object.entries(tags).reduce((inner, [key, tag]) => (style[key] ? [h(tag, {}, inner)] : inner), nodes);
}
