// A small plot of one or two lines over time.

const PLOT = { width: 290, height: 92, left: 38, right: 8, top: 6, bottom: 18 };

/** Up to three round numbers from 0 on. */
function roundMarks(most) {
  const rough = most / 2.2;
  const ten = Math.pow(10, Math.floor(Math.log10(rough)));
  const step = [1, 2, 5, 10].find((n) => n * ten >= rough) * ten;
  return [0, step, 2 * step].filter((mark) => mark <= most * 1.08);
}

const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString("en-GB");

class Plot {
  /** `lines` are pairs of a name and the number's place in a look; `scale` multiplies them. */
  constructor(title, lines, scale = 1) {
    Object.assign(this, { title, lines, scale });
    const { width, height } = PLOT;
    this.svg = drawn("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", class: "sky-lines" });
    const keys = lines.map(([name], i) => make("span", { class: `sky-key sky-line${i}`, text: name }));
    this.now = make("span", { class: "sky-now" });
    this.node = make("figure", { class: "sky-chart" }, make("figcaption", {}, make("b", { text: title }), this.now, ...(lines.length > 1 ? keys : [])), this.svg);
  }

  show(looks) {
    const { width, height, left, right, top, bottom } = PLOT;
    const values = this.lines.map(([, at]) => looks.map((look) => (look[at] === null ? null : look[at] * this.scale)));
    const most = Math.max(...values.flat().filter((value) => value !== null), 0) || 1;
    const [from, to] = looks.length ? [looks[0][0], looks[looks.length - 1][0]] : [0, 1];
    const x = (t) => (to > from ? left + ((t - from) / (to - from)) * (width - left - right) : width - right);
    const y = (value) => height - bottom - (value / (most * 1.08)) * (height - top - bottom);
    const parts = roundMarks(most).flatMap((mark) => [
      drawn("line", { class: "sky-grid", x1: left, x2: width - right, y1: y(mark), y2: y(mark) }),
      this.text(left - 4, y(mark) + 3, short(mark), "end"),
    ]);
    if (looks.length) parts.push(this.text(width - right, height - 4, clock(to), "end"));
    if (looks.length > 1) parts.push(this.text(left, height - 4, clock(from), "start"));
    values.forEach((line, i) => {
      const places = line.map((value, k) => (value === null ? null : `${x(looks[k][0]).toFixed(1)},${y(value).toFixed(1)}`));
      parts.push(drawn("path", { class: `sky-line${i}`, d: path(places) }));
      const last = places[places.length - 1];
      if (last) parts.push(drawn("circle", { class: `sky-line${i}`, r: 2.5, cx: last.split(",")[0], cy: last.split(",")[1] }));
    });
    this.svg.replaceChildren(...parts);
    const said = values.map((line) => line[line.length - 1] ?? null).map((value) => (value === null ? "—" : short(value)));
    this.now.textContent = said.join(" / ");
    this.svg.setAttribute("aria-label", `${this.title}: ${this.lines.map(([name], i) => `${name} ${said[i]}`).join(", ")}`);
  }

  text(x, y, words, anchor) {
    const node = drawn("text", { x, y, "text-anchor": anchor });
    node.textContent = words;
    return node;
  }
}

/** A line through places, broken where one is missing. */
function path(places) {
  let isDown = false;
  return places
    .map((place) => {
      const step = place === null ? "" : (isDown ? "L" : "M") + place;
      isDown = place !== null;
      return step;
    })
    .join("");
}
