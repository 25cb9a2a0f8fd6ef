// Builds DOM nodes. Text is always text: nothing that comes from data is ever parsed as HTML.

const SVG = "http://www.w3.org/2000/svg";

// h("button", { class: "quiet", onclick: press, "aria-label": "Close" }, "×")
export function h(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) set(node, name, value);
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

function set(node, name, value) {
  if (value === undefined || value === null || value === false) return;
  if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
  else if (name === "class") node.className = value;
  else if (name === "data") Object.assign(node.dataset, value);
  // The page's policy forbids style attributes; the object model is allowed.
  else if (name === "vars") for (const [key, v] of Object.entries(value)) node.style.setProperty(key, v);
  else if (name === "value" || name === "checked" || name === "selected") node[name] = value;
  else node.setAttribute(name, value === true ? "" : value);
}

export function svg(paths, { size = 20, box = 20, label = "", className = "icon" } = {}) {
  const node = document.createElementNS(SVG, "svg");
  const attributes = { viewBox: `0 0 ${box} ${box}`, width: size, height: size, class: className };
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (label) {
    node.setAttribute("role", "img");
    node.setAttribute("aria-label", label);
  } else node.setAttribute("aria-hidden", "true");
  for (const { shape = "path", ...rest } of paths) {
    const part = document.createElementNS(SVG, shape);
    for (const [key, value] of Object.entries(rest)) part.setAttribute(key, value);
    node.append(part);
  }
  return node;
}

export const isTyping = (target) =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

// Replaces `old` by `fresh` without taking the focus away from who is using it.
export function swap(old, fresh) {
  const held = old.contains(document.activeElement) ? document.activeElement : null;
  const key = held?.dataset?.focus;
  old.replaceWith(fresh);
  if (!held) return;
  const next = key && [...fresh.querySelectorAll("[data-focus]")].find((node) => node.dataset.focus === key);
  (next ?? (fresh.tabIndex >= -1 ? fresh : null))?.focus?.({ preventScroll: true });
}
