// Standard Markdown of `markdown` blocks, the part that is useful in chat → nodes.

import { h } from "./dom.js";
import { byName, sign } from "./emoji.js";
import { anchor } from "./mrkdwn.js";

export function markdown(text) {
  const nodes = [];
  const lines = text.split("\n");
  while (lines.length) nodes.push(...block(lines));
  return nodes;
}

// Takes the lines of the first block off `lines`.
function block(lines) {
  const line = lines.shift();
  if (/^\s*$/.test(line)) return [];
  if (/^```/.test(line)) return [h("pre", { class: "code", tabindex: "0" }, take(lines, (one) => !/^```/.test(one), true).join("\n"))];
  const heading = line.match(/^(#{1,6})\s+(.*)$/);
  if (heading) return [h("p", { class: `heading level-${Math.min(heading[1].length, 3)}`, role: "heading", "aria-level": heading[1].length + 2 }, inline(heading[2]))];
  if (/^\s*([-*_])(\s*\1){2,}\s*$/.test(line)) return [h("hr")];
  if (/^\s*>/.test(line)) return [h("blockquote", {}, broken([line, ...take(lines, (one) => /^\s*>/.test(one))].map((one) => one.replace(/^\s*> ?/, ""))))];
  if (line.includes("|") && /^[\s|:-]+$/.test(lines[0] ?? "x") && lines[0].includes("-")) {
    lines.shift();
    return [table([line, ...take(lines, (one) => one.includes("|"))])];
  }
  const item = /^\s*(?:[-*+]|\d+[.)])\s+/;
  if (item.test(line)) {
    const items = [line, ...take(lines, (one) => item.test(one))].map((one) => task(one.replace(item, "")));
    return [h(/^\s*\d/.test(line) ? "ol" : "ul", {}, items)];
  }
  return [h("p", {}, broken([line, ...take(lines, (one) => !/^\s*$|^```|^#{1,6}\s|^\s*>/.test(one) && !item.test(one))]))];
}

function take(lines, wanted, dropNext = false) {
  const taken = [];
  while (lines.length && wanted(lines[0])) taken.push(lines.shift());
  if (dropNext) lines.shift();
  return taken;
}

const broken = (lines) => lines.flatMap((line, number) => [number > 0 && h("br"), ...inline(line)]);

function task(text) {
  const box = text.match(/^\[([ xX])\]\s+(.*)$/);
  if (!box) return h("li", {}, inline(text));
  return h("li", { class: "task" }, h("input", { type: "checkbox", disabled: true, checked: box[1] !== " " }), " ", inline(box[2]));
}

function table(lines) {
  const rows = lines.map((line) => line.trim().replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim()));
  const [head, ...body] = rows;
  return h("div", { class: "table-scroll", tabindex: "0", role: "region", "aria-label": "Table" }, h("table", {},
    h("thead", {}, h("tr", {}, head.map((cell) => h("th", { scope: "col" }, inline(cell))))),
    h("tbody", {}, body.map((row) => h("tr", {}, row.map((cell) => h("td", {}, inline(cell))))))));
}

const RULES = [
  [/\\([\\`*_{}[\]()#+.!~|-])/, (match) => [match[1]]],
  [/`([^`]+)`/, (match) => [h("code", {}, match[1])]],
  [/!?\[([^\]]*)\]\(([^()\s]+)\)/, (match) => [anchor(match[2], match[1] || null)]],
  [/\*\*(.+?)\*\*|__(.+?)__/, (match) => [h("strong", {}, inline(match[1] ?? match[2]))]],
  [/~~(.+?)~~/, (match) => [h("s", {}, inline(match[1]))]],
  [/\*([^*\s](?:[^*]*[^*\s])?)\*|(?<!\w)_([^_\s](?:[^_]*[^_\s])?)_(?!\w)/, (match) => [h("em", {}, inline(match[1] ?? match[2]))]],
  [/:([a-z0-9_+-]+):/, (match) => (byName(match[1]) ? [sign(byName(match[1]), match[1])] : [match[0]])],
  [/https?:\/\/[^\s<>()]+[^\s<>().,;:!?]/, (match) => [anchor(match[0])]],
];

function inline(text) {
  const nodes = [];
  let rest = text;
  while (rest) {
    const found = RULES.map(([rule, make]) => [rest.match(rule), make]).filter(([match]) => match)
      .sort(([a], [b]) => a.index - b.index)[0];
    if (!found) break;
    const [match, make] = found;
    nodes.push(rest.slice(0, match.index), ...make(match));
    rest = rest.slice(match.index + match[0].length);
  }
  return [...nodes, rest];
}
