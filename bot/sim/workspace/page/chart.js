// `data_visualization`: lines, areas and bars as a small drawing, with the figures as a table for everyone else.

import { h, svg } from "./dom.js";
import { wordsOf } from "./elements.js";

const WIDTH = 560;
const HEIGHT = 180;

export function chart(block) {
  const source = block.chart ?? block;
  const kind = source.type ?? source.chart_type ?? "line";
  const series = (source.series ?? []).map((one) => ({ name: wordsOf(one.name ?? one.label), points: pointsOf(one) }));
  const title = wordsOf(block.title);
  const labels = [...new Set(series.flatMap((one) => one.points.map((point) => point.label)))];
  return h("figure", { class: "chart" }, h("figcaption", {}, title), kind === "pie" || !series.length ? null : drawing(kind, series, title),
    h("div", { class: "legend" }, series.map((one, number) => h("span", { data: { series: number % 4 } }, one.name))),
    h("details", {}, h("summary", {}, "Figures"), h("div", { class: "table-scroll" }, h("table", {},
      h("thead", {}, h("tr", {}, h("th"), series.map((one) => h("th", { scope: "col" }, one.name)))),
      h("tbody", {}, labels.map((label) => h("tr", {}, h("th", { scope: "row" }, label),
        series.map((one) => h("td", { class: "align-right" }, String(one.points.find((point) => point.label === label)?.value ?? "–"))))))))));
}

const pointsOf = (one) => (one.data ?? one.points ?? []).map((point, number) => ({
  label: wordsOf(point?.label ?? point?.x ?? String(number + 1)), value: Number(point?.value ?? point?.y ?? point) }));

function drawing(kind, series, title) {
  const values = series.flatMap((one) => one.points.map((point) => point.value)).filter(Number.isFinite);
  const top = Math.max(...values, 0) || 1;
  const bottom = Math.min(...values, 0);
  const count = Math.max(...series.map((one) => one.points.length), 2);
  const x = (number) => 8 + (number / (count - 1)) * (WIDTH - 16);
  const y = (value) => HEIGHT - 10 - ((value - bottom) / (top - bottom)) * (HEIGHT - 20);
  const width = (WIDTH - 16) / count / (series.length + 1);
  const shapes = series.flatMap(({ points }, at) => (kind === "bar"
    ? points.map((point, number) => ({ shape: "rect", class: `series-${at % 4} filled`, x: 8 + number * ((WIDTH - 16) / count) + at * width, y: y(point.value), width: width * 0.9, height: Math.max(1, y(bottom) - y(point.value)) }))
    : [{ class: `series-${at % 4}`, d: points.map((point, number) => `${number ? "L" : "M"}${x(number).toFixed(1)} ${y(point.value).toFixed(1)}`).join("") }]));
  const node = svg([{ class: "axis", d: `M8 ${y(bottom)}H${WIDTH - 8}` }, ...shapes], { label: title, className: "plot" });
  node.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  node.removeAttribute("width");
  node.removeAttribute("height");
  return node;
}
