// The histogram of a column: all alerts behind, those that pass the other cuts in front, thresholds that can be moved.

const WIDTH = 320;
const HEIGHT = 46;
const FOOT = 14;

/** The outline of bars, one for each count but the first and last, which lie beyond the ends. */
function bars(counts, most) {
  const inner = counts.slice(1, -1);
  const size = WIDTH / inner.length;
  // square roots: what one alert in thousands does must be seen, too
  const tops = inner.map((n) => HEIGHT - (most ? Math.sqrt(n / most) * (HEIGHT - 2) : 0));
  const steps = tops.map((top, i) => `V${top.toFixed(1)}H${((i + 1) * size).toFixed(1)}`);
  return `M0,${HEIGHT}${steps.join("")}V${HEIGHT}Z`;
}

const isNumber = (text) => text !== "" && Number.isFinite(Number(text));

/** Which parts of the line pass, as pairs of pixels. */
function passing(op, values, axis, labels) {
  if (labels.length) {
    const size = WIDTH / labels.length;
    const chosen = op.startsWith("is ") ? [op.slice(3)] : op === "=" || op === "in" ? values : [];
    return labels.flatMap((label, i) => (chosen.includes(label) ? [[i * size, (i + 1) * size]] : []));
  }
  if (!values.every(isNumber)) return [];
  const [a, b] = values.map((value) => axis.place(Number(value)));
  if (op === ">" || op === ">=") return [[a, WIDTH]];
  if (op === "<" || op === "<=") return [[0, a]];
  if (op === "between") return a <= b ? [[a, b]] : [];
  return [];
}

class Histogram {
  /** `moved(i, text, isDone)` is told where the threshold `i` was put, `picked(label)` which text was clicked. */
  constructor(told, name, moved, picked) {
    Object.assign(this, { told, name, moved, picked });
    this.axis = new Axis(told, WIDTH);
    this.most = Math.max(...told.counts.slice(1, -1), 1);
    this.isEmpty = told.counts.every((count) => !count);
    this.node = drawn("svg", {
      viewBox: `-7 -3 ${WIDTH + 14} ${HEIGHT + FOOT + 4}`,
      width: WIDTH + 14,
      height: HEIGHT + FOOT + 4,
      class: "sky-histogram",
      role: "group",
      "aria-label": `Values of ${name} in the sample`,
    });
    this.region = drawn("g");
    this.all = drawn("path", { class: "sky-all", d: bars(told.counts, this.most) });
    this.others = drawn("path", { class: "sky-others" });
    this.handles = drawn("g");
    this.node.append(this.region, this.all, this.others, this.foot(), this.handles);
    this.slots = [];
  }

  foot() {
    const group = drawn("g", { class: "sky-ticks" });
    const { labels, counts } = this.told;
    const marks = labels.length
      ? labels.map((text, i) => ({ at: ((i + 0.5) * WIDTH) / labels.length, text: text.slice(0, 40 / labels.length + 2) }))
      : this.isEmpty
        ? [{ at: WIDTH / 2, text: "no values in the sample" }]
        : this.axis.ticks();
    for (const { at, text } of marks) {
      const mark = drawn("text", { x: at, y: HEIGHT + 11, "text-anchor": "middle" });
      mark.textContent = text;
      group.append(mark);
    }
    if (labels.length) {
      const size = WIDTH / labels.length;
      this.node.addEventListener("click", (event) => {
        const box = this.node.getBoundingClientRect();
        const at = Math.floor((((event.clientX - box.left) * (WIDTH + 14)) / box.width - 7) / size);
        if (labels[at] !== undefined) this.picked(labels[at]);
      });
    }
    const title = drawn("title");
    const ends = labels.length
      ? `${grouped(counts[counts.length - 1])} of other values`
      : `${grouped(counts[0])} below, ${grouped(counts[counts.length - 1])} above`;
    title.textContent = `${this.name}: heights are square roots of counts; ${ends}; ${grouped(this.told.null)} null`;
    this.node.append(title);
    return group;
  }

  /** Show the present thresholds, and which alerts pass the other cuts. */
  show(op, values, others) {
    const hasHandles = !this.told.labels.length && !this.isEmpty && op !== "in" && !op.startsWith("is ");
    const shown = hasHandles ? values : [];
    if (shown.length !== this.slots.length) {
      this.slots = shown.map((_, i) => this.handle(i));
      this.handles.replaceChildren(...this.slots);
    }
    this.values = [...values];
    shown.forEach((value, i) => this.put(this.slots[i], value, i));
    const regions = this.isEmpty ? [] : passing(op, hasHandles ? shown : values, this.axis, this.told.labels);
    this.region.replaceChildren(
      ...regions.map(([from, to]) =>
        drawn("rect", { class: "sky-region", x: from, y: 0, width: Math.max(to - from, 0), height: HEIGHT }),
      ),
    );
    if (others && others.length) this.others.setAttribute("d", bars(others, this.most));
  }

  put(slot, text, i) {
    const value = Number(text);
    slot.style.display = isNumber(text) ? "" : "none";
    if (!isNumber(text)) return;
    slot.setAttribute("transform", `translate(${this.axis.place(value).toFixed(1)},0)`);
    slot.classList.toggle("sky-beyond", this.axis.isBeyond(value));
    slot.setAttribute("aria-valuenow", text);
    slot.setAttribute("aria-valuetext", text);
    const label = this.slots.length > 1 ? ["Lower", "Upper"][i] + " threshold" : "Threshold";
    slot.setAttribute("aria-label", `${label} of ${this.name}`);
  }

  handle(i) {
    const slot = drawn(
      "g",
      {
        class: "sky-handle",
        role: "slider",
        tabindex: "0",
        "aria-orientation": "horizontal",
        "aria-valuemin": this.told.low,
        "aria-valuemax": this.told.high,
      },
      drawn("rect", { class: "sky-grip", x: -7, y: -3, width: 14, height: HEIGHT + 6 }),
      drawn("line", { x1: 0, x2: 0, y1: -2, y2: HEIGHT + 2 }),
      drawn("path", { d: "M-5,-3H5V3L0,8L-5,3Z" }),
    );
    slot.addEventListener("pointerdown", (event) => this.drag(event, slot, i));
    slot.addEventListener("keydown", (event) => this.key(event, i));
    return slot;
  }

  drag(event, slot, i) {
    event.preventDefault();
    slot.focus();
    slot.setPointerCapture(event.pointerId);
    const at = (e) => {
      const box = this.node.getBoundingClientRect();
      const scale = (WIDTH + 14) / box.width;
      return this.axis.written(this.axis.value((e.clientX - box.left) * scale - 7));
    };
    const move = (e) => this.moved(i, at(e), false);
    const stop = (e) => {
      slot.removeEventListener("pointermove", move);
      for (const name of ["pointerup", "pointercancel"]) slot.removeEventListener(name, stop);
      this.moved(i, e.type === "pointerup" ? at(e) : this.values[i], true);
    };
    slot.addEventListener("pointermove", move);
    for (const name of ["pointerup", "pointercancel"]) slot.addEventListener(name, stop);
  }

  key(event, i) {
    const far = event.shiftKey ? 10 : 1;
    const steps = { ArrowLeft: -far, ArrowDown: -far, ArrowRight: far, ArrowUp: far, PageDown: -10, PageUp: 10 };
    const ends = { Home: this.axis.low, End: this.axis.high };
    const now = Number(this.values[i]);
    let next;
    if (event.key in steps) next = this.axis.stepped(now, steps[event.key]);
    else if (event.key in ends) next = ends[event.key];
    else return;
    // JupyterLab's own shortcuts must not have these keys
    event.preventDefault();
    event.stopPropagation();
    this.moved(i, this.axis.written(next), true);
  }
}
