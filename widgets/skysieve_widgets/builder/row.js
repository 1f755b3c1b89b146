// One cut: its column, operator and values, its histogram, and what it does to the sample.

const OPERATORS = {
  integer: [">", ">=", "<", "<=", "=", "!=", "between", "in", "is null", "is not null"],
  text: ["=", "!=", "in", "is null", "is not null"],
  flag: ["is true", "is false", "is null", "is not null"],
};
OPERATORS.real = OPERATORS.integer;
const NUMBER = /^\s*[-+−]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*$/i;

const wanted = (op, now) => (op === "between" ? 2 : op === "in" ? Math.max(now, 1) : op.startsWith("is ") ? 0 : 1);

class Row {
  /** `form` is told by `changed(row, isDone)` and `removed(row)`; `cut` is what the kernel said, or none for a new row. */
  constructor(form, cut, isSql = false) {
    this.form = form;
    this.isDraft = !cut;
    this.isSql = cut ? !cut.column : isSql;
    this.column = cut?.column ?? "";
    this.op = cut?.op ?? ">";
    this.values = [...(cut?.values ?? [""])];
    this.text = cut?.text ?? "";
    this.inputs = [];
    this.bar = make("span", { class: "sky-bar", "aria-hidden": "true" }, make("i", { class: "sky-before" }), make("i", { class: "sky-left" }), make("i", { class: "sky-only" }));
    this.counts = make("span", { class: "sky-counts" });
    this.problem = make("span", { class: "sky-why" });
    this.plot = make("div", { class: "sky-plot" });
    this.about = make("small", { class: "sky-about" });
    this.fields = make("div", { class: "sky-fields" });
    const remove = make("button", { class: "sky-remove", type: "button", "aria-label": "Remove this cut", title: "Remove this cut", text: "×", onclick: () => form.removed(this) });
    const effect = make("div", { class: "sky-effect" }, this.bar, this.counts, this.problem);
    this.node = make("li", { class: "sky-cut", role: "group" }, this.fields, remove, this.about, this.plot, effect);
    this.build();
    if (cut) this.show(cut, cut.left);
  }

  build() {
    if (this.isSql) {
      const area = make("textarea", { class: "sky-sql", rows: "2", spellcheck: "false", "aria-label": "Condition in SQL", placeholder: "a condition in SQL: abs(diaSource.psfFlux) > 500" });
      area.value = this.text;
      area.addEventListener("change", () => {
        this.text = area.value;
        this.form.changed(this, true);
      });
      this.inputs = [area];
      this.fields.append(area);
      return;
    }
    this.choice = new Choice(this.form.columns, (name) => this.setColumn(name));
    this.select = make("select", { class: "sky-operator", "aria-label": "Operator" });
    this.select.addEventListener("change", () => this.setOperator(this.select.value));
    this.slots = make("span", { class: "sky-values" });
    this.fields.append(this.choice.node, this.select, this.slots);
    this.dress();
  }

  get kind() {
    return this.form.kinds.get(this.column)?.kind ?? "real";
  }

  /** What the kernel is told. */
  get told() {
    if (this.isSql) return { sql: this.text };
    return this.values.length ? { column: this.column, op: this.op, value: this.values } : { column: this.column, op: this.op };
  }

  get isComplete() {
    if (this.isSql) return this.text.trim() !== "";
    return Boolean(this.column) && this.values.every((value) => this.fits(value));
  }

  fits(value) {
    return this.kind === "text" ? value !== "" || !this.isDraft : NUMBER.test(value);
  }

  isSame(cut) {
    return cut.column === (this.isSql ? "" : this.column) && (this.isSql ? cut.text === this.text.trim() : cut.op === this.op && cut.values.length === this.values.length);
  }

  setColumn(name) {
    const before = this.kind;
    this.column = name;
    if (before !== this.kind || this.isDraft) this.op = OPERATORS[this.kind][0];
    this.values = Array(wanted(this.op, 1)).fill("");
    this.histogram = null;
    this.plot.replaceChildren();
    this.dress();
    this.form.changed(this, true);
    if (!this.isComplete) this.form.send({ do: "look", column: name });
  }

  /** Begin in the middle of the values: what a threshold does is seen once there is one. */
  propose() {
    if (this.histogram.isEmpty) return;
    const { labels } = this.histogram.told;
    const at = this.op === "between" ? [0.25, 0.75] : [0.5];
    if (this.values.some((value) => value !== "") || this.values.length !== at.length) return;
    const texts = labels.length ? labels.slice(0, 1) : at.map((share) => this.histogram.axis.written(this.histogram.axis.value(share * WIDTH)));
    if (!texts.length) return;
    texts.forEach((text, i) => (this.inputs[i].value = this.values[i] = text));
    this.redraw();
    this.form.changed(this, true);
  }

  /** A text was clicked: it is the value, or one more of those, or one less. */
  picked(label) {
    if (this.op === "in") {
      const others = this.values.filter((value) => value !== label && value !== "");
      this.values = others.length < this.values.filter((value) => value !== "").length ? others : [...others, label];
      if (!this.values.length) this.values = [label];
    } else if (this.values.length) this.values = [label];
    else if (["true", "false"].includes(label)) this.op = `is ${label}`;
    this.dress();
    this.form.changed(this, true);
  }

  setOperator(op) {
    const before = this.op;
    this.op = op;
    const count = wanted(op, this.values.length);
    const last = this.values[this.values.length - 1] ?? "";
    this.values = Array.from({ length: count }, (_, i) => this.values[i] ?? last);
    const axis = this.histogram?.axis;
    // from one threshold to a range: the side that passed goes on passing
    if (op === "between" && axis && before.startsWith("<")) this.values[0] = axis.written(axis.low);
    else if (op === "between" && axis) this.values[1] = axis.written(axis.high);
    this.dress();
    this.form.changed(this, true);
  }

  /** Make the fields for the present column and operator. */
  dress() {
    const column = this.form.kinds.get(this.column);
    this.choice.set(this.column);
    const operators = OPERATORS[this.kind];
    this.select.replaceChildren(...operators.map((op) => make("option", { value: op, text: op })));
    this.select.value = this.op;
    this.select.disabled = !this.column;
    const unit = column?.unit ? ` [${column.unit}]` : "";
    this.about.textContent = column ? [`${column.type}${unit}`, column.description].filter(Boolean).join(" · ") : "";
    this.inputs = this.values.map((value, i) => this.input(value, i));
    const parts = this.inputs.flatMap((input, i) => (this.op === "between" && i ? [make("span", { text: "and" }), input] : [input]));
    if (this.op === "in") parts.push(make("button", { type: "button", class: "sky-more", text: "+", title: "One more value", "aria-label": "One more value", onclick: () => this.more() }));
    this.slots.replaceChildren(...parts);
    this.redraw();
  }

  more() {
    this.values.push("");
    this.dress();
    this.inputs[this.inputs.length - 1].focus();
  }

  input(value, i) {
    const field = make("input", { class: "sky-value", type: "text", spellcheck: "false", autocomplete: "off", disabled: !this.column, "aria-label": `Value${this.values.length > 1 ? ` ${i + 1}` : ""}`, inputmode: this.kind === "text" ? "text" : "decimal", placeholder: "value" });
    field.value = value;
    field.addEventListener("input", () => {
      this.values[i] = field.value;
      this.mark();
      this.redraw();
      if (this.isComplete) this.form.changed(this, false);
    });
    field.addEventListener("change", () => {
      if (this.op === "in" && field.value === "" && this.values.length > 1) {
        this.values.splice(i, 1);
        this.dress();
      }
      this.form.changed(this, true);
    });
    return field;
  }

  mark() {
    this.inputs.forEach((field, i) => {
      if (!this.isSql) field.setAttribute("aria-invalid", String(field.value !== "" && !this.fits(this.values[i])));
    });
  }

  /** A threshold was moved by hand. */
  moved(i, text, isDone) {
    this.values[i] = text;
    this.inputs[i].value = text;
    this.mark();
    this.redraw();
    this.form.changed(this, isDone);
  }

  redraw() {
    this.histogram?.show(this.op, this.values, this.others);
  }

  setHistogram(told) {
    if (!told || (this.histogram && this.histogram.told === told)) return;
    this.histogram = new Histogram(told, this.column, (i, text, isDone) => this.moved(i, text, isDone), (label) => this.picked(label));
    this.plot.replaceChildren(this.histogram.node);
    this.redraw();
    if (!this.isComplete) this.propose();
  }

  /** Show what the kernel says of this cut; its values only where none newer are under way. */
  show(cut, before, read, takesValues) {
    this.isDraft = false;
    if (takesValues && !this.isSql) {
      this.values = [...cut.values];
      this.inputs.forEach((field, i) => {
        if (document.activeElement !== field) field.value = this.values[i];
      });
    }
    this.others = cut.others;
    this.redraw();
    const known = cut.left !== null;
    const share = (n) => `${read ? Math.min((100 * n) / read, 100) : 0}%`;
    const [was, left, only] = this.bar.children;
    was.style.width = share(known ? before : 0);
    left.style.width = share(cut.left ?? 0);
    only.style.left = share(cut.left ?? 0);
    only.style.width = share(cut.only_this ?? 0);
    this.counts.replaceChildren(...(known ? this.numbers(cut) : []));
    this.problem.textContent = cut.problem;
    this.node.setAttribute("aria-label", `Cut: ${cut.sql}`);
  }

  numbers(cut) {
    const said = [
      ["left", cut.left, "alerts left after this cut and all above it"],
      ["alone", cut.alone, "alerts that pass this cut alone"],
      ["only this", cut.only_this, "alerts that this cut alone removes"],
      ["null", cut.null, "alerts for which this cut is null, so that they do not pass"],
    ];
    return said.map(([name, n, title]) => make("span", { title, "data-count": name, "data-value": n }, make("b", { text: grouped(n) }), ` ${name}`));
  }
}
