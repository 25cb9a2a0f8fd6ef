// Layout blocks → nodes. Interactive parts are made in elements.js.

import { chart } from "./chart.js";
import { h } from "./dom.js";
import { image, makeElement, wordsOf } from "./elements.js";
import { sign } from "./emoji.js";
import { picture } from "./lightbox.js";
import { markdown } from "./markdown.js";
import { mrkdwn, plain, textNodes } from "./mrkdwn.js";
import { richText } from "./rich_text.js";

const BLOCKS = {
  header: (block) => h("p", { class: "heading", role: "heading", "aria-level": "3" }, plain(block.text?.text ?? "")),
  divider: () => h("hr"),
  section, context, actions, context_actions: actions, image: picture_, input, table, data_table: table, plan, task_card: task,
  card, carousel, alert,
  container: (block, surface) => h("div", { class: "container" }, renderBlocks(block.blocks ?? [], surface)),
  rich_text: (block) => h("div", { class: "rich" }, richText(block)),
  markdown: (block) => h("div", { class: "rich" }, markdown(block.text ?? "")),
  data_visualization: chart,
  video: (block) => h("p", {}, h("a", { href: safe(block.title_url ?? block.video_url), target: "_blank", rel: "noreferrer noopener" }, wordsOf(block.title) || "Video")),
  file: (block) => h("p", { class: "unknown" }, `File ${block.external_id ?? ""}`),
};

const safe = (url) => (/^https?:/i.test(url ?? "") ? url : null);

export const renderBlocks = (blocks, surface) => blocks.map((block) => renderBlock(block, surface));

export function renderBlock(block, surface) {
  const make = BLOCKS[block.type];
  const content = make ? make(block, surface) : h("p", { class: "unknown" }, `[${block.type} is not shown here]`);
  return h("div", { class: `block block-${block.type}`, data: { block: block.block_id ?? "" } }, content);
}

function section(block, surface) {
  const accessory = block.accessory && h("div", { class: "accessory" },
    block.accessory.type === "image" ? image(block.accessory) : makeElement(block.accessory, block, surface));
  return h("div", { class: accessory ? "section with-accessory" : "section" },
    h("div", { class: "section-text" },
      block.text && h("div", { class: "text" }, textNodes(block.text)),
      block.fields && h("div", { class: "fields" }, block.fields.map((field) => h("div", { class: "text" }, textNodes(field))))),
    accessory);
}

function context(block) {
  return h("div", { class: "context" }, (block.elements ?? []).map((element) =>
    (element.type === "image" ? h("img", { class: "context-image", src: element.image_url, alt: element.alt_text ?? "" }) : h("span", {}, textNodes(element)))));
}

function actions(block, surface) {
  return h("div", { class: "actions", role: "group", "aria-label": "Actions" }, (block.elements ?? []).map((element) => makeElement(element, block, surface)));
}

function picture_(block) {
  const src = block.image_url ?? block.slack_file?.url ?? "";
  return h("figure", { class: "figure" }, block.title && h("figcaption", {}, plain(block.title.text)),
    picture({ src, alt: block.alt_text ?? "", width: block.image_width, height: block.image_height, title: wordsOf(block.title) }));
}

// A field of a form: label, element, hint and, after a refused submission, what is wrong with it.
function input(block, surface) {
  const id = `field-${surface.key}-${block.block_id}`;
  const error = surface.errors?.[block.block_id];
  const isGroup = ["checkboxes", "radio_buttons"].includes(block.element?.type);
  const described = [block.hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ") || null;
  const labels = { id, "aria-describedby": described, "aria-invalid": error ? "true" : null, "aria-required": block.optional ? null : "true" };
  const label = [plain(block.label?.text ?? ""), block.optional && h("span", { class: "optional" }, " (optional)")];
  const element = makeElement(block.element ?? {}, block, surface, labels);
  return h(isGroup ? "fieldset" : "div", { class: error ? "input has-error" : "input", "aria-describedby": isGroup ? described : null },
    isGroup ? h("legend", {}, label) : h("label", { for: id }, label), element,
    error && h("p", { class: "error", id: `${id}-error` }, sign("⚠️"), error),
    block.hint && h("p", { class: "hint", id: `${id}-hint` }, plain(block.hint.text)));
}

function table(block) {
  const rows = block.rows ?? [];
  const alignment = (number) => block.column_settings?.[number]?.align ?? (isFigure(rows, number) ? "right" : "left");
  const cell = (tag, content, number) => h(tag, { class: `align-${alignment(number)}`, scope: tag === "th" ? "col" : null }, cellNodes(content));
  const [head, ...body] = rows;
  return h("div", { class: "table-scroll", tabindex: "0", role: "region", "aria-label": wordsOf(block.caption) || "Table" }, h("table", {},
    block.caption && h("caption", {}, wordsOf(block.caption)),
    h("thead", {}, h("tr", {}, (head ?? []).map((one, number) => cell("th", one, number)))),
    h("tbody", {}, body.map((row) => h("tr", {}, row.map((one, number) => cell("td", one, number)))))));
}

const isFigure = (rows, number) => number > 0 && rows.slice(1).every((row) => /^[-+−–±\d.,\s%×a-zµ/()]*$/i.test(cellWords(row[number])) && /\d|^[-–—]?$/.test(cellWords(row[number])));

function cellWords(cell) {
  if (cell === null || cell === undefined) return "";
  if (typeof cell !== "object") return String(cell);
  if (cell.elements) return cell.elements.map(cellWords).join("");
  return String(cell.text?.text ?? cell.text ?? cell.value ?? "");
}

function cellNodes(cell) {
  if (cell?.type === "rich_text") return richText(cell);
  if (cell?.type === "mrkdwn") return mrkdwn(cell.text);
  return plain(cellWords(cell));
}

const STATUS = { pending: ["⚪", "waiting"], in_progress: ["🔄", "in progress"], complete: ["✅", "done"], error: ["❌", "failed"] };

function plan(block, surface) {
  const tasks = block.tasks ?? [];
  return h("div", { class: "plan" }, h("p", { class: "heading", role: "heading", "aria-level": "3" }, plain(wordsOf(block.title))),
    h("ol", {}, tasks.map((one) => h("li", {}, task(one, surface)))));
}

function task(block) {
  const [mark, label] = STATUS[block.status] ?? STATUS.pending;
  const inner = (part) => part && h("div", { class: "rich" }, part.type === "rich_text" ? richText(part) : textNodes(part));
  return h("div", { class: "task-card", data: { status: block.status ?? "pending" } }, sign(mark, label),
    h("div", {}, h("span", { class: "task-title" }, plain(wordsOf(block.title))), h("span", { class: "sr" }, ` (${label})`), inner(block.details), inner(block.output)));
}

function card(block, surface) {
  return h("div", { class: "card" },
    block.hero_image && picture({ src: block.hero_image.image_url ?? "", alt: block.hero_image.alt_text ?? "" }),
    block.title && h("p", { class: "heading" }, textNodes(block.title)), block.subtitle && h("p", { class: "context" }, textNodes(block.subtitle)),
    block.body && h("p", {}, textNodes(block.body)),
    block.actions && h("div", { class: "actions" }, block.actions.map((element) => makeElement(element, block, surface))));
}

function carousel(block, surface) {
  return h("div", { class: "carousel", tabindex: "0", role: "region", "aria-label": "Cards" }, (block.elements ?? []).map((one) => card(one, surface)));
}

function alert(block) {
  return h("div", { class: "alert", role: "note", data: { level: block.level ?? "default" } }, textNodes(block.text));
}
