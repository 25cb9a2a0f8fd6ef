// A picture, large. Escape, a click, or the button closes it.

import { closeButton, openDialog } from "./dialog.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";

export function openPicture(src, alt) {
  const dialog = openDialog(h("figure", {},
    h("img", { src, alt, onclick: () => dialog.close() }),
    h("figcaption", {}, h("span", {}, alt),
      h("a", { class: "button quiet", href: src, target: "_blank", rel: "noreferrer noopener" }, "Open the file", icon("external", { size: 14 })),
      closeButton(() => dialog.close()))),
  { className: "lightbox", label: alt || "Picture" });
}

// A picture in a message: a button that opens it large.
export function picture({ src, alt, width, height, title }) {
  const node = h("img", { src, alt, width, height, loading: "lazy", decoding: "async" });
  // Room is kept before it loads, so that nothing jumps; most pictures here are plots of this shape.
  node.style.setProperty("aspect-ratio", width && height ? `${width} / ${height}` : "auto 12 / 5");
  node.addEventListener("error", () => button.replaceWith(h("span", { class: "lost" }, icon("file"), alt || "This picture could not be loaded.")));
  const button = h("button", { class: "picture", type: "button", "aria-label": `Enlarge: ${alt || title || "picture"}`, onclick: () => openPicture(src, alt || title || "") }, node);
  return button;
}
