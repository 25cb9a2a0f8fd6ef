// Emoji by name and by character. The signs that carry a status are drawn here, alike on every system;
// the others are the system's own characters.

import { h, svg } from "./dom.js";

const NAMES = {
  white_check_mark: "✅", heavy_check_mark: "✔️", x: "❌", warning: "⚠️", no_entry: "⛔", no_entry_sign: "🚫",
  hourglass: "⌛", hourglass_flowing_sand: "⏳", rocket: "🚀", eyes: "👀", rotating_light: "🚨", lock: "🔒",
  unlock: "🔓", mag: "🔍", bar_chart: "📊", chart_with_upwards_trend: "📈", chart_with_downwards_trend: "📉",
  ship: "🚢", anchor: "⚓", ocean: "🌊", bell: "🔔", no_bell: "🔕", memo: "📝", package: "📦", fire: "🔥",
  bug: "🐛", hammer: "🔨", wrench: "🔧", hammer_and_wrench: "🛠️", gear: "⚙️", shield: "🛡️", key: "🔑", tada: "🎉",
  thumbsup: "👍", "+1": "👍", thumbsdown: "👎", "-1": "👎", wave: "👋", pray: "🙏", raised_hand: "✋",
  pause_button: "⏸️", double_vertical_bar: "⏸️", arrow_forward: "▶️", stop_button: "⏹️", rewind: "⏪", leftwards_arrow_with_hook: "↩️",
  arrow_up: "⬆️", arrow_down: "⬇️", arrow_right: "➡️", arrow_left: "⬅️", arrows_counterclockwise: "🔄", repeat: "🔁",
  red_circle: "🔴", large_orange_circle: "🟠", large_yellow_circle: "🟡", large_green_circle: "🟢", large_blue_circle: "🔵",
  large_green_square: "🟩", white_circle: "⚪", black_circle: "⚫", blue_heart: "💙", heart: "❤️", bulb: "💡", question: "❓",
  exclamation: "❗", information_source: "ℹ️", link: "🔗", clock1: "🕐", stopwatch: "⏱️", alarm_clock: "⏰", timer_clock: "⏲️",
  calendar: "📅", spiral_calendar_pad: "🗓️", construction: "🚧", checkered_flag: "🏁", baby_chick: "🐤", hatching_chick: "🐣", bird: "🐦",
  robot_face: "🤖", speech_balloon: "💬", mega: "📣", loudspeaker: "📢", microscope: "🔬", test_tube: "🧪",
  smile: "😄", slightly_smiling_face: "🙂", grinning: "😀", joy: "😂", thinking_face: "🤔", sweat_smile: "😅", cry: "😢",
  heavy_plus_sign: "➕", heavy_minus_sign: "➖", point_right: "👉", clap: "👏", sparkles: "✨", zap: "⚡", snowflake: "❄️",
};

const stroke = (d, width = 1.8) =>
  ({ d, fill: "none", stroke: "var(--sign-on)", "stroke-width": width, "stroke-linecap": "round", "stroke-linejoin": "round" });
const disc = { shape: "circle", cx: 10, cy: 10, r: 8, fill: "currentColor" };
const dot = { ...disc, r: 5.5, cy: 10.5 };
const line = (d, width = 1.7) => ({ ...stroke(d, width), stroke: "currentColor" });
const TRIANGLE = { d: "M10 2.6 18.4 17H1.6z", fill: "currentColor", stroke: "currentColor", "stroke-width": 1.6, "stroke-linejoin": "round" };

// sign → [tone, shapes]
const SIGNS = {
  "✅": ["good", [disc, stroke("M6.2 10.3l2.6 2.6 5-5.4", 2)]],
  "✔": ["good", [line("M4 10.5l4 4 8-9", 2.2)]],
  "❌": ["bad", [disc, stroke("M7 7l6 6M13 7l-6 6", 2)]],
  "⚠": ["warn", [TRIANGLE, stroke("M10 7.8v4.2M10 14.6h.01", 2)]],
  "⛔": ["bad", [disc, stroke("M6 10h8", 2.4)]],
  "🚫": ["bad", [line("M17 10a7 7 0 1 1-14 0 7 7 0 0 1 14 0ZM5.2 5.2l9.6 9.6", 2)]],
  "⌛": ["calm", [line("M5.5 3h9M5.5 17h9M6.5 3v3l3.5 4-3.5 4v3M13.5 3v3L10 10l3.5 4v3")]],
  "⏳": ["calm", [line("M5.5 3h9M5.5 17h9M6.5 3v3l3.5 4-3.5 4v3M13.5 3v3L10 10l3.5 4v3M8 15.5h4")]],
  "⏸": ["calm", [disc, stroke("M8 7.2v5.6M12 7.2v5.6", 2)]],
  "▶": ["calm", [disc, { d: "M8.3 6.8v6.4L13.5 10z", fill: "var(--sign-on)" }]],
  "⏹": ["calm", [disc, { d: "M7.3 7.3h5.4v5.4H7.3z", fill: "var(--sign-on)" }]],
  "⏪": ["calm", [line("M10 5.5 5 10l5 4.5zM16 5.5 11 10l5 4.5z")]],
  "↩": ["calm", [line("M7.5 4 4 7.5 7.5 11M4 7.5h8a4 4 0 0 1 0 8H8", 1.9)]],
  "🔄": ["calm", [line("M4 9a6.2 6.2 0 0 1 10.8-3L16.5 7.5M16.5 4v3.5H13M16 11a6.2 6.2 0 0 1-10.8 3L3.5 12.5M3.5 16v-3.5H7")]],
  "🚨": ["bad", [line("M5.5 16V11a4.5 4.5 0 0 1 9 0v5M3.5 16.5h13M10 2.5v1.5M3.8 5.3l1.1 1M16.2 5.3l-1.1 1")]],
  "🚀": ["calm", [line("M11 13.5 6.5 9C8.5 4.5 12 3 16.5 3.5 17 8 15.5 11.5 11 13.5ZM6.5 9l-3 .5 2-3.5h2.5M11 13.5l-.5 3 3.5-2V12M6 14l-2.5 2.5M12.5 7.5h.01")]],
  "👀": ["calm", [line("M2.5 10S5.5 5 10 5s7.5 5 7.5 5-3 5-7.5 5-7.5-5-7.5-5ZM12 10a2 2 0 1 1-4 0 2 2 0 0 1 4 0Z")]],
  "🔒": ["calm", [line("M5 9h10v8H5zM7 9V6.5a3 3 0 0 1 6 0V9")]],
  "🔓": ["calm", [line("M5 9h10v8H5zM7 9V6.5a3 3 0 0 1 5.8-1")]],
  "🔍": ["calm", [line("M13 13l4 4M14.5 9a5.5 5.5 0 1 1-11 0 5.5 5.5 0 0 1 11 0Z")]],
  "📊": ["calm", [line("M4 16.5V11M8 16.5V5M12 16.5V8.5M16 16.5V3.5", 2.2)]],
  "📈": ["calm", [line("M3 3.5v13h14M5.5 13l3.5-4 2.5 2L16 6M12.8 6H16v3.2")]],
  "📉": ["calm", [line("M3 3.5v13h14M5.5 6l3.5 4 2.5-2 4.5 5M12.8 13H16V9.8")]],
  "📝": ["calm", [line("M15 10.5v6H4v-12h6M8 12.5l.5-2.5L15 3.5l2 2-6.5 6.5z")]],
  "📦": ["calm", [line("M3.5 6.5 10 3l6.5 3.5v7L10 17l-6.5-3.5zM3.5 6.5 10 10l6.5-3.5M10 10v7")]],
  "🔔": ["calm", [line("M4 14.5h12l-1.5-2V9a4.5 4.5 0 0 0-9 0v3.5zM8.5 17h3")]],
  "🔗": ["calm", [line("M8.5 11.5l3-3M9 6.5l1.8-1.8a3.2 3.2 0 0 1 4.5 4.5L13.5 11M11 13.5l-1.8 1.8a3.2 3.2 0 0 1-4.5-4.5L6.5 9")]],
  "ℹ": ["calm", [disc, stroke("M10 9.2v4.4M10 6.4h.01", 2)]],
  "❓": ["calm", [disc, stroke("M7.9 7.9a2.2 2.2 0 1 1 3.2 2c-.8.5-1.1.8-1.1 1.6M10 14h.01", 1.8)]],
  "❗": ["warn", [disc, stroke("M10 5.8v5M10 14h.01", 2.2)]],
  "🏁": ["calm", [line("M4.5 17V3.5h11l-2 3.5 2 3.5h-11")]],
  "⏱": ["calm", [line("M16 11.5a6 6 0 1 1-12 0 6 6 0 0 1 12 0ZM10 11.5V8.5M8 2.5h4M10 2.5v3")]],
  "⏰": ["calm", [line("M16 11a6 6 0 1 1-12 0 6 6 0 0 1 12 0ZM10 11V7.5M10 11l2.5 1.5M3 5l2.5-2M17 5l-2.5-2")]],
  "📅": ["calm", [line("M3.5 5h13v11.5h-13zM3.5 8.5h13M7 3v3M13 3v3")]],
  "🔥": ["bad", [line("M10 17.5c-3 0-5-2-5-5 0-3.5 3-4.5 3.5-9 3 1.5 3 4 3 5.5.8-.4 1.2-1.2 1.2-2 1.5 1.3 2.3 3.2 2.3 5.5 0 3-2 5-5 5Z")]],
  "🔧": ["calm", [line("M16.5 6a4 4 0 0 1-5.5 4.7L6 16a1.7 1.7 0 0 1-2.4-2.4l5.3-5A4 4 0 0 1 13.5 3L11.3 5.5l.7 2.4 2.3.7z")]],
  "🛡": ["calm", [line("M10 2.8l6 2v4.7c0 3.7-2.5 6.3-6 7.7-3.5-1.4-6-4-6-7.7V4.8z")]],
  "💡": ["calm", [line("M7.5 13.5C6 12.5 5 11 5 8.7a5 5 0 0 1 10 0c0 2.3-1 3.8-2.5 4.8v1h-5zM8 17h4")]],
  "⚡": ["warn", [{ d: "M11.5 2.5 4.5 11.5h4.5l-1 6 7.5-9.5h-5z", fill: "currentColor" }]],
  "🔴": ["bad", [dot]], "🟠": ["warn", [dot]], "🟡": ["warn", [dot]], "🟢": ["good", [dot]], "🔵": ["calm", [dot]],
  "⚪": ["faint", [{ ...disc, fill: "none", stroke: "currentColor", "stroke-width": 1.6, r: 7 }]], "⚫": ["faint", [dot]],
};

const bare = (character) => character.replace(/\uFE0F/g, "");

// The node for an emoji's character: a drawn sign, or the character itself.
export function sign(character, name = "") {
  const label = name || nameOf(character);
  const drawn = SIGNS[bare(character)];
  if (!drawn) return h("span", { class: "emoji", role: "img", "aria-label": label.replaceAll("_", " "), title: `:${label}:` }, character);
  const node = svg(drawn[1], { size: 17, label: label.replaceAll("_", " "), className: "sign" });
  node.dataset.tone = drawn[0];
  return node;
}

export const byName = (name) => NAMES[name.split("::")[0]];

function nameOf(character) {
  return Object.keys(NAMES).find((name) => bare(NAMES[name]) === bare(character)) ?? "emoji";
}

// Pictographs only: typographic marks such as ▰, ✓, →, ● and the like stay text.
export const PICTOGRAPH = new RegExp(
  `(${Object.keys(SIGNS).map((one) => one.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|")}|\\p{Emoji_Presentation})\\uFE0F?`, "u");
