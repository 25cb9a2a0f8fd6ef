// The demo's panel: the simulated clock, where the traffic goes, and what can be broken. It draws what the demo
// says (`GET /demo/state`) and sends what is pressed (`POST /demo/control`); a workspace without a demo has none.

import { api, demoState, said } from "./api.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { notice } from "./notice.js";

const EVERY = 1_000;
const GROUPS = ["New version", "Metrics", "Slack", "Cluster", "Bot"];
const panel = document.getElementById("panel");
let state = null;
let isOpen = localStorage.getItem("panel") === "open";
let base = null;          // the simulated moment and the real one it was read at
const busy = new Set();
const rows = new Map();   // control id → { signature, node }

export async function startPanel() {
  state = await demoState();
  if (!state) return;
  panel.hidden = false;
  document.getElementById("app").classList.add("has-panel");
  setInterval(refresh, EVERY);
  setInterval(tick, 250);
  frame();
  draw();
}

async function refresh() {
  if (document.hidden) return;
  const fresh = await demoState();
  panel.classList.toggle("lost", !fresh);
  if (fresh) state = fresh;
  draw();
}

const parts = {};

function frame() {
  parts.clock = h("time", { class: "sim-clock" });
  parts.speed = h("span", { class: "sim-speed" });
  parts.traffic = h("div", { class: "traffic" });
  parts.bot = h("span", { class: "sim-bot" });
  parts.broken = h("span", { class: "sim-broken" });
  parts.toggle = h("button", { class: "panel-toggle", type: "button", "aria-controls": "panel-body", onclick: flip }, parts.broken, h("span", {}, "Break things"), icon("chevron", { size: 16 }));
  parts.body = h("div", { class: "panel-body", id: "panel-body" });
  panel.replaceChildren(h("div", { class: "panel-strip" }, h("div", { class: "sim-time" }, parts.clock, parts.speed), parts.traffic, parts.bot, parts.toggle), parts.body);
  show();
}

function flip() {
  isOpen = !isOpen;
  localStorage.setItem("panel", isOpen ? "open" : "shut");
  show();
}

function show() {
  parts.body.hidden = !isOpen;
  panel.classList.toggle("open", isOpen);
  parts.toggle.setAttribute("aria-expanded", String(isOpen));
}

function draw() {
  const { clock, traffic, bot } = state;
  if (clock) {
    base = { simulated: Date.parse(clock.now), real: performance.now(), speed: clock.speed ?? 1 };
    parts.speed.textContent = `${clock.speed}×`;
    parts.speed.title = `One real second is ${clock.speed} simulated ones`;
    tick();
  }
  if (traffic) drawTraffic(traffic);
  parts.bot.replaceChildren(h("span", { class: "dot", data: { on: String(Boolean(bot?.running)) } }), bot?.running ? `Bot running${bot.pid ? `, pid ${bot.pid}` : ""}` : "Bot is down");
  const on = (state.controls ?? []).filter((one) => one.kind === "toggle" && one.value).length;
  parts.broken.textContent = on ? String(on) : "";
  parts.broken.title = on ? `${on} faults in force` : "";
  drawControls();
}

// Between two answers the clock goes on by itself.
function tick() {
  if (!base) return;
  const now = new Date(base.simulated + (performance.now() - base.real) * base.speed);
  const isNarrow = base.speed > 1;
  parts.clock.textContent = now.toLocaleString("en-GB", { weekday: "short", hour: "2-digit", minute: "2-digit", ...(isNarrow ? {} : { second: "2-digit" }) });
  parts.clock.dateTime = now.toISOString();
  parts.clock.title = `Simulated time: ${now.toLocaleString("en-GB", { dateStyle: "full", timeStyle: "medium" })}`;
}

function drawTraffic({ stable = 100, canary = 0, rps }) {
  const words = `${stable} % stable, ${canary} % new${rps === undefined ? "" : `, ${Math.round(rps)} requests a second`}`;
  if (parts.traffic.dataset.words === words) return;
  parts.traffic.dataset.words = words;
  parts.traffic.replaceChildren(
    h("span", { class: "traffic-words" }, h("b", {}, `${stable} %`), " stable"),
    h("span", { class: "traffic-bar", role: "img", "aria-label": words, vars: { "--canary": `${canary}%` } }, h("span", { class: "traffic-canary" })),
    h("span", { class: "traffic-words new" }, h("b", {}, `${canary} %`), " new"),
    rps !== undefined && h("span", { class: "traffic-rps" }, `${Math.round(rps)} req/s`));
}

function drawControls() {
  const controls = state.controls ?? [];
  const names = [...new Set([...GROUPS, ...controls.map((one) => one.group ?? "More")])].filter((name) => controls.some((one) => (one.group ?? "More") === name));
  const shape = JSON.stringify([controls.map((one) => [one.id, one.group]), names]);
  if (parts.body.dataset.shape !== shape) {
    parts.body.dataset.shape = shape;
    rows.clear();
    parts.body.replaceChildren(...names.map((name) => h("fieldset", { class: "control-group", data: { group: name } }, h("legend", {}, name))));
  }
  for (const one of controls) {
    const signature = JSON.stringify([one, busy.has(one.id)]);
    const known = rows.get(one.id);
    if (known?.signature === signature) continue;
    const node = controlNode(one);
    if (!known) parts.body.children[names.indexOf(one.group ?? "More")].append(node);
    else {
      const hadFocus = known.node.contains(document.activeElement);
      known.node.replaceWith(node);
      if (hadFocus) node.querySelector("button, select")?.focus();
    }
    rows.set(one.id, { signature, node });
  }
}

function controlNode(one) {
  const isBusy = busy.has(one.id);
  const send = (value) => control(one, value);
  const id = `control-${one.id}`;
  if (one.kind === "select") {
    const options = (one.options ?? []).map((option) => (typeof option === "object" ? option : { value: option, label: String(option) }));
    return h("div", { class: "control select-control", title: one.hint }, h("label", { for: id }, one.label), h("span", { class: "select" },
      h("select", { class: "field", id, onchange: (event) => send(options[event.target.selectedIndex].value) }, options.map((option) => h("option", { selected: option.value === one.value }, option.label))), icon("chevron", { size: 14 })));
  }
  if (one.kind === "toggle") {
    return h("div", { class: "control", title: one.hint }, h("button", { class: "switch", type: "button", role: "switch", "aria-checked": String(Boolean(one.value)), "aria-busy": isBusy && "true", id, onclick: () => send(!one.value) },
      h("span", { class: "knob" }), h("span", {}, one.label)), one.hint && h("p", { class: "sr" }, one.hint));
  }
  return h("div", { class: "control", title: one.hint }, h("button", { class: "button control-action", type: "button", "aria-busy": isBusy && "true", id, onclick: () => send(undefined) }, one.label), one.hint && h("p", { class: "sr" }, one.hint));
}

async function control(one, value) {
  busy.add(one.id);
  drawControls();
  const answer = await api.control({ id: one.id, ...(value === undefined ? {} : { value }) });
  busy.delete(one.id);
  if (answer.ok === false) notice(said(answer));
  await refresh();
}
