// The left rail: where one can go, and as whom.

import { h } from "./dom.js";
import { openHelp } from "./help.js";
import { icon } from "./icons.js";
import { mentionCount } from "./mentions.js";
import { avatar, switcher } from "./people.js";
import { openQuick } from "./quick.js";
import { app, channelName, nameOf, state } from "./store.js";
import { themeButton } from "./theme.js";
import { unread } from "./unread.js";

const rail = document.getElementById("rail");

export function drawRail() {
  const held = rail.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
  const top = rail.querySelector(".rail-scroll")?.scrollTop ?? 0;
  const channels = state.channels.filter((one) => !one.is_im && !one.is_archived);
  const direct = state.channels.filter((one) => one.is_im);
  rail.replaceChildren(
    h("div", { class: "rail-head" },
      h("span", { class: "mark" }, icon("wave", { size: 22 })),
      h("div", {}, h("p", { class: "workspace" }, nameOfWorkspace()), h("p", { class: "demo-mark", title: "Everything here runs on this machine; nobody else sees it" }, "Local demo, not Slack")),
      themeButton()),
    h("button", { class: "find", type: "button", onclick: openQuick, data: { focus: "find" } }, icon("search", { size: 16 }), h("span", {}, "Go to"), h("kbd", {}, "Ctrl K")),
    h("div", { class: "rail-scroll" },
      place({ href: "#/mentions", lead: icon("at"), label: "Mentions", isHere: state.route.kind === "mentions", count: mentionCount(), isLoud: true }),
      group("Channels", channels.map(channelRow)),
      group("Apps", [
        place({ href: "#/home", lead: avatar(app(), "tiny"), label: nameOf(app()), about: "App Home", isHere: state.route.kind === "home" }),
        ...direct.map(channelRow)])),
    h("div", { class: "rail-foot" },
      h("div", { class: "group-head" }, h("h2", {}, "Acting as"), h("button", { class: "button quiet square", type: "button", "aria-label": "Keyboard help", title: "Keyboard (?)", onclick: openHelp }, icon("help"))),
      switcher()));
  rail.querySelector(".rail-scroll").scrollTop = top;
  if (held) [...rail.querySelectorAll("[data-focus]")].find((one) => one.dataset.focus === held)?.focus();
}

const nameOfWorkspace = () => state.workspace.name || "Harbour";
const group = (title, rows) => h("section", { class: "group" }, h("div", { class: "group-head" }, h("h2", {}, title)), h("ul", {}, rows.map((row) => h("li", {}, row))));

function channelRow(one) {
  const { count, mentioned } = unread(one.id);
  const lead = one.is_im ? icon("reply") : icon(one.is_private ? "lock" : "hash");
  return place({ href: `#/${one.id}`, lead, label: one.is_im ? "Direct messages" : channelName(one), isHere: state.route.kind === "channel" && state.route.channel === one.id, count, isLoud: mentioned || one.is_im });
}

function place({ href, lead, label, about, isHere, count, isLoud }) {
  return h("a", { class: count ? "place unread" : "place", href, "aria-current": isHere ? "page" : null, data: { focus: href }, onclick: closeMenu },
    lead, h("span", { class: "place-name" }, label), about && h("span", { class: "place-about" }, about),
    count ? h("span", { class: isLoud ? "badge" : "badge soft" }, count > 99 ? "99+" : String(count), h("span", { class: "sr" }, " unread")) : null);
}

export const closeMenu = () => document.getElementById("app").classList.remove("rail-open");
