// The page's own line icons, drawn on a 20 × 20 grid.

import { svg } from "./dom.js";

const LINES = {
  hash: "M8 3 6.5 17M13.5 3 12 17M3.5 7.5h13.5M3 12.5h13.5",
  lock: "M5.5 9h9v7.5h-9zM7 9V6.5a3 3 0 0 1 6 0V9",
  home: "M3 9.5 10 3.5l7 6M5 8.5V16.5h10V8.5",
  at: "M13 10a3 3 0 1 1-6 0 3 3 0 0 1 6 0Zm0 0v1.2c0 2.4 4 2.4 4-1.2a7 7 0 1 0-3 5.7",
  search: "M13 13l4 4M14.5 9a5.5 5.5 0 1 1-11 0 5.5 5.5 0 0 1 11 0Z",
  close: "M5 5l10 10M15 5 5 15",
  menu: "M3 5.5h14M3 10h14M3 14.5h14",
  back: "M11.5 4.5 6 10l5.5 5.5M6 10h11",
  reply: "M4 4.5h12v8.5H9.5L6 16v-3H4z",
  link: "M8.5 11.5l3-3M9 6.5l1.8-1.8a3.2 3.2 0 0 1 4.5 4.5L13.5 11M11 13.5l-1.8 1.8a3.2 3.2 0 0 1-4.5-4.5L6.5 9",
  send: "M3.5 10 16.5 4l-4 12.5L9.5 11.5zM9.5 11.5l7-7.5",
  more: "M4.5 10h.01M10 10h.01M15.5 10h.01",
  down: "M10 4v12M5 11l5 5 5-5",
  chevron: "M5.5 8l4.5 4.5L14.5 8",
  eye: "M2.5 10S5.5 5 10 5s7.5 5 7.5 5-3 5-7.5 5-7.5-5-7.5-5ZM12 10a2 2 0 1 1-4 0 2 2 0 0 1 4 0Z",
  sun: "M13.5 10a3.5 3.5 0 1 1-7 0 3.5 3.5 0 0 1 7 0ZM10 2v1.8M10 16.2V18M2 10h1.8M16.2 10H18M4.4 4.4l1.2 1.2M14.4 14.4l1.2 1.2M4.4 15.6l1.2-1.2M14.4 5.6l1.2-1.2",
  moon: "M16.5 12A7 7 0 0 1 8 3.5a7 7 0 1 0 8.5 8.5Z",
  auto: "M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14ZM10 3v14M10 6.5l3.7-.9M10 10h6.9M10 13.5l3.7.9",
  help: "M7.5 7.5a2.5 2.5 0 1 1 3.7 2.2c-.8.5-1.2.9-1.2 1.8M10 14.5h.01M17 10a7 7 0 1 1-14 0 7 7 0 0 1 14 0Z",
  file: "M5.5 3h6l3.5 3.5V17h-9.5zM11 3v4h4",
  wave: "M2 8.5c2.7-2.6 5.3-2.6 8 0s5.3 2.6 8 0M2 13.5c2.7-2.6 5.3-2.6 8 0s5.3 2.6 8 0",
  external: "M8 5H5v10h10v-3M11 4h5v5M16 4l-7 7",
};

export function icon(name, { size = 18, label = "" } = {}) {
  const line = {
    d: LINES[name], fill: "none", stroke: "currentColor",
    "stroke-width": name === "more" ? 2.4 : 1.5, "stroke-linecap": "round", "stroke-linejoin": "round",
  };
  return svg([line], { size, label });
}
