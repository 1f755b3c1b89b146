// A light curve as SVG, from the numbers of light_curve_live.py.

const SHAPES = {
  circle: "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0",
  square: "M-3.6-3.6h7.2v7.2h-7.2z",
  diamond: "M0-5L4.4 0L0 5L-4.4 0z",
  triangle: "M0-4.8L4.6 3.6H-4.6z",
  pentagon: "M0-4.6L4.4-1.4L2.7 3.7H-2.7L-4.4-1.4z",
  hexagon: "M0-4.6L4-2.3V2.3L0 4.6L-4 2.3V-2.3z",
  cross: "M-4-2.2L-2.2-4L0-1.8L2.2-4L4-2.2L1.8 0L4 2.2L2.2 4L0 1.8L-2.2 4L-4 2.2L-1.8 0z",
  limit: "M-4-2.6H4L0 3.8z",
};
const HEIGHT = 250;
const EDGE = { left: 64, right: 12, top: 10, bottom: 42 };

// Round numbers between two values, about as many as asked for.
function ticks(low, high, wanted) {
  const rough = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((unit) => unit * power).find((size) => size >= rough);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) found.push(k * step);
  return found.map((value) => [value, value.toFixed(digits).replace(/^-(?=0*\.?0*$)/, "").replace("-", "−")]);
}

function timeAxis(curve, daysAgo) {
  const ago = daysAgo && curve.mjd != null;
  const times = curve.points.map(([mjd]) => (ago ? curve.mjd - mjd : mjd));
  let low = Math.min(...times);
  let high = Math.max(...times);
  const pad = high - low < 0.1 ? 0.5 : 0.04 * (high - low);
  [low, high] = [low - pad, high + pad];
  return { times, low, high, reversed: ago, label: ago ? "Days before this alert" : "MJD (TAI)" };
}

function marker(shape, colour, hollow) {
  return drawn("path", {
    d: SHAPES[shape],
    fill: hollow ? "var(--jp-layout-color0, white)" : colour,
    stroke: hollow ? colour : "var(--jp-layout-color0, white)",
    "stroke-width": hollow ? 1.1 : 0.7,
  });
}

function place(value, { low, high, reversed }, start, end) {
  const share = (value - low) / (high - low);
  return start + (reversed ? 1 - share : share) * (end - start);
}

function axes(svg, x, y, width) {
  const bottom = HEIGHT - EDGE.bottom;
  const right = width - EDGE.right;
  for (const [value, text] of ticks(x.low, x.high, Math.max(2, width / 110))) {
    const at = place(value, x, EDGE.left, right);
    svg.append(drawn("path", { class: "sky-grid", d: `M${at} ${EDGE.top}V${bottom}` }));
    svg.append(drawn("text", { x: at, y: bottom + 15, "text-anchor": "middle" }, text));
  }
  for (const [value, text] of ticks(y.low, y.high, 5)) {
    const at = place(value, y, bottom, EDGE.top);
    svg.append(drawn("path", { class: value ? "sky-grid" : "sky-zero", d: `M${EDGE.left} ${at}H${right}` }));
    svg.append(drawn("text", { x: EDGE.left - 6, y: at + 4, "text-anchor": "end" }, text));
  }
  const frame = `M${EDGE.left} ${EDGE.top}H${right}V${bottom}H${EDGE.left}z`;
  svg.append(drawn("path", { class: "sky-frame", d: frame }));
  const middle = (EDGE.top + bottom) / 2;
  const turned = `translate(13 ${middle}) rotate(-90)`;
  svg.append(drawn("text", { x: (EDGE.left + right) / 2, y: HEIGHT - 8, "text-anchor": "middle" }, x.label));
  svg.append(drawn("text", { transform: turned, "text-anchor": "middle" }, y.label));
}

function points(curve, axis, x, y, width) {
  const bottom = HEIGHT - EDGE.bottom;
  const looks = Object.fromEntries(curve.bands.map((band) => [band.name, band]));
  const layers = { forced: [], "upper limit": [], detection: [] };
  curve.points.forEach(([mjd, band, kind, own], i) => {
    const { colour, marker: shape } = looks[band];
    const isLimit = axis.limit[i] != null;
    const value = isLimit ? axis.limit[i] : axis.y[i];
    if (value == null) return;
    const error = isLimit ? null : axis.error[i];
    const at = place(x.times[i], x, EDGE.left, width - EDGE.right);
    const up = (some) => Math.max(-1e4, Math.min(1e4, place(some, y, bottom, EDGE.top)));
    const measured = isLimit ? `fainter than ${value.toPrecision(5)} (5σ)` : value.toPrecision(5);
    const plus = error == null ? "" : ` ± ${error.toPrecision(2)}`;
    const title = `${band || "?"} band, ${own ? "this alert" : kind}: ${measured}${plus}, MJD ${mjd.toFixed(5)}`;
    const group = drawn("g", { class: "sky-point", "data-kind": kind, "data-band": band, "data-limit": isLimit });
    group.append(drawn("title", {}, title));
    const mark = drawn("g", { transform: `translate(${at} ${up(value)})${kind === "forced" ? " scale(.75)" : ""}` });
    mark.append(marker(isLimit ? "limit" : shape, colour, isLimit || kind === "forced"));
    if (error != null) {
      const bar = `M${at} ${up(value - error)}V${up(value + error)}`;
      group.append(drawn("path", { class: "sky-error", d: bar, stroke: colour }));
    }
    if (own) mark.append(drawn("circle", { r: 8, class: "sky-own" }));
    group.append(mark);
    layers[kind].push(group);
  });
  return [...layers.forced, ...layers["upper limit"], ...layers.detection];
}

function legend(curve, axis) {
  const sample = (mark, text) => {
    const svg = drawn("svg", { viewBox: "-9 -9 18 18", width: 18, height: 18, "aria-hidden": "true" }, mark);
    return make("span", {}, svg, text);
  };
  const grey = "var(--jp-content-font-color2, #666)";
  const entries = curve.bands.map(({ name, colour, marker: shape }) => sample(marker(shape, colour), name || "?"));
  const kinds = curve.points.map(([, , kind], i) => (axis.y[i] == null ? null : kind));
  if (kinds.includes("forced")) entries.push(sample(marker("circle", grey, true), "forced"));
  if (axis.limit.some((limit) => limit != null)) entries.push(sample(marker("limit", grey, true), "5σ limit"));
  if (curve.points.some(([, , , own], i) => own && axis.y[i] != null))
    entries.push(sample(drawn("circle", { r: 7, class: "sky-own" }), "this alert"));
  return make("div", { class: "sky-legend" }, ...entries, make("span", { class: "sky-quiet" }, axis.note));
}

function lightCurve(curve, magnitudes, daysAgo, width) {
  const axis = magnitudes ? curve.magnitude : curve.flux;
  if (!axis.frame) return [make("p", { class: "sky-quiet" }, ["No photometry", axis.note].filter(Boolean).join(": "))];
  const [low, high] = axis.frame;
  const x = timeAxis(curve, daysAgo);
  const y = { low, high, reversed: magnitudes, label: axis.label };
  const counted = ["detection", "forced", "upper limit"]
    .map((kind) => [curve.points.filter((point) => point[2] === kind).length, kind])
    .filter(([count]) => count)
    .map(([count, kind]) => `${count} ${kind === "forced" ? "forced measurement" : kind}${count === 1 ? "" : "s"}`);
  const bands = curve.bands.map(({ name }) => name || "?").join(", ");
  const svg = drawn("svg", {
    viewBox: `0 0 ${width} ${HEIGHT}`,
    width,
    height: HEIGHT,
    role: "img",
    "aria-label": `Light curve, ${axis.label} against ${x.label}: ${counted.join(", ")}; bands ${bands}`,
  });
  axes(svg, x, y, width);
  const id = `sky-clip-${Math.random().toString(36).slice(2)}`;
  const inner = { width: width - EDGE.left - EDGE.right, height: HEIGHT - EDGE.top - EDGE.bottom };
  svg.append(drawn("clipPath", { id }, drawn("rect", { x: EDGE.left, y: EDGE.top, ...inner })));
  svg.append(drawn("g", { "clip-path": `url(#${id})` }, ...points(curve, axis, x, y, width)));
  return [svg, legend(curve, axis)];
}
