// The bar above a conversation, a thread or a page.

import { h } from "./dom.js";
import { icon } from "./icons.js";

export const menuButton = () => h("button", {
  class: "button quiet square menu-button", type: "button", "aria-label": "Channels and people",
  onclick: () => document.getElementById("app").classList.toggle("rail-open"),
}, icon("menu"));

export const header = ({ lead, title, about, extra }) => h("header", { class: "bar" }, lead,
  h("div", { class: "bar-words" }, h("h1", {}, title), about && h("p", {}, about)), extra);
