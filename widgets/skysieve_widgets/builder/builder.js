// The form. What it shows comes from the kernel in `shown`; what a person does goes there in messages, one at a time, so
// that a threshold that moves faster than the kernel answers skips what lies between.

let forms = 0;

class Form {
  constructor(model, el) {
    this.model = model;
    this.id = `${Date.now().toString(36)}-${++forms}`;
    this.columns = model.get("offered");
    this.kinds = new Map(this.columns.map((column) => [column.name, column]));
    this.rows = [];
    this.sent = 0;
    this.inFlight = null;
    this.isPending = false;
    this.waiting = null;
    this.build(el);
    this.rebuild(true);
  }

  build(el) {
    const button = (text, title, act, props = {}) => make("button", { type: "button", class: "sky-button", title, text, onclick: act, ...props });
    this.name = make("input", { class: "sky-name", type: "text", spellcheck: "false", "aria-label": "Name of the filter" });
    onWritten(this.name, () => this.send({ do: "name", name: this.name.value }));
    this.stream = make("span", { class: "sky-note" });
    this.headline = make("p", { class: "sky-headline", "aria-live": "polite" });
    this.night = make("p", { class: "sky-note" });
    this.list = make("ol", { class: "sky-cuts", "aria-label": "Cuts" });
    const keys = [["all", "all alerts"], ["passed", "pass the other cuts; left"], ["only", "removed by this cut alone"]];
    this.keys = make("p", { class: "sky-keys" }, ...keys.map(([name, text]) => make("span", { class: `sky-key-${name}`, text })));
    this.sql = make("pre", { class: "sky-code", "aria-label": "The filter in SQL" });
    this.status = make("p", { class: "sky-status", role: "status" });
    this.problem = make("p", { class: "sky-alarm", role: "alert" });
    this.said = make("pre", { class: "sky-said" });
    const acts = this.model.get("acts");
    this.buttons = [
      acts.includes("preview") && button("Preview", "Apply the filter to the stream's newest packets", () => this.whenKnown(() => this.send({ do: "preview" }))),
      acts.includes("deploy") && button("Deploy", "Let the filter run on the stream from now on", () => this.whenKnown(() => this.send({ do: "deploy" }))),
      button("As cell", "Write the filter as a %%filter cell below", () => this.whenKnown(() => this.asCell())),
    ].filter(Boolean);
    const more = make("div", { class: "sky-buttons" },
      button("+ Cut", "One more cut on a column", () => this.add(false)),
      button("+ SQL", "One more cut, as a condition in SQL", () => this.add(true)),
      make("span", { class: "sky-gap" }), ...this.buttons);
    this.editable = [make("div", { class: "sky-title" }, this.name, this.stream), this.list, more];
    this.root = make("div", { class: "sky-builder" },
      this.editable[0], this.headline, this.night, this.keys, this.list, more, this.problem, this.status, this.sql, this.said);
    el.append(this.root);
  }

  add(isSql) {
    const row = new Row(this, null, isSql);
    this.rows.push(row);
    this.list.append(row.node);
    row.node.querySelector("input, textarea").focus();
  }

  removed(row) {
    const at = this.rows.indexOf(row);
    this.rows.splice(at, 1);
    row.node.remove();
    const near = this.rows[Math.min(at, this.rows.length - 1)];
    (near?.node.querySelector(".sky-remove") ?? this.root.querySelector(".sky-button")).focus();
    if (!row.isDraft) this.changed(null, true);
  }

  /** Tell the kernel of the rows as they are; while a row is being written, that waits. */
  changed(row, isDone) {
    const told = this.rows.filter((one) => !one.isDraft || one.isComplete);
    if ((row?.isDraft && !row.isComplete) || told.some((one) => !one.isComplete)) return;
    if (isDone) this.released = performance.now();
    if (this.inFlight) this.isPending = true;
    else this.send({ do: "cuts", cuts: told.map((one) => one.told) });
  }

  send(message) {
    const answer = `${this.id}-${++this.sent}`;
    this.asked = answer;
    if (message.do === "cuts") this.inFlight = answer;
    this.status.textContent = this.model.get("busy");
    this.model.send({ ...message, answer });
    this.root.dataset.settled = "false";
  }

  /** Whether the kernel has answered all that it was told, and there is nothing more to tell. */
  get isKnown() {
    return !this.isPending && this.asked === this.answered;
  }

  /** Do something with the filter as it stands here, which the kernel may not know yet; not, if it refuses. */
  whenKnown(act) {
    if (this.isKnown) act();
    else {
      this.waiting = act;
      this.status.textContent = "Waits for the kernel …";
    }
  }

  asCell() {
    const text = this.model.get("shown").cell;
    if (insertCell(this.model, this.root, text)) {
      this.status.textContent = "Written into the cell below.";
      return;
    }
    navigator.clipboard?.writeText(text).catch(() => {});
    this.send({ do: "cell" });
    this.said.textContent = text;
  }

  /** Show what the kernel says. */
  show() {
    const shown = this.model.get("shown");
    if (shown.answer.startsWith(`${this.id}-`)) {
      this.answered = shown.answer;
      if (shown.problem && this.waiting) {
        this.waiting = null;
        this.status.textContent = this.model.get("busy");
      }
    }
    const isMine = shown.answer === this.inFlight;
    if (isMine) this.inFlight = null;
    const isRefused = Boolean(shown.problem) && isMine;
    const goesOn = isMine && this.isPending;
    if (!this.inFlight && !goesOn && !isRefused) this.rebuild(!isMine && shown.sql !== this.seen);
    else if (!isRefused) this.effects(shown, false);
    this.seen = shown.sql;
    this.header(shown);
    if (goesOn) {
      this.isPending = false;
      this.changed(null, false);
    }
    if (!this.isKnown) return;
    this.settle();
    this.waiting?.();
    this.waiting = null;
  }

  /** The rows of `shown`, made anew only where they are others: not while one is being written, unless Python spoke. */
  rebuild(isTold) {
    const shown = this.model.get("shown");
    const mine = this.rows.filter((row) => !row.isDraft || row.isComplete);
    const isSame = mine.length === shown.rows.length && mine.every((row, i) => row.isSame(shown.rows[i]));
    if (!isSame && (isTold || mine.every((row) => row.isComplete))) {
      const drafts = this.rows.filter((row) => row.isDraft && !row.isComplete);
      this.rows = [...shown.rows.map((cut) => new Row(this, cut)), ...drafts];
      this.list.replaceChildren(...this.rows.map((row) => row.node));
    }
    this.effects(shown, true);
    this.header(shown);
    this.keys.hidden = !this.rows.length;
  }

  effects(shown, takesValues) {
    const mine = this.rows.filter((row) => !row.isDraft || row.isComplete);
    const histograms = this.model.get("histograms");
    for (const row of this.rows) if (!row.isComplete) row.setHistogram(histograms[row.column]);
    let before = shown.read;
    shown.rows.forEach((cut, i) => {
      const row = mine[i];
      if (!row || !row.isSame(cut)) return;
      row.setHistogram(histograms[cut.column]);
      row.show(cut, before, shown.read, takesValues);
      before = cut.left ?? before;
    });
  }

  header(shown) {
    if (document.activeElement !== this.name) this.name.value = shown.name;
    this.stream.textContent = shown.stream ? `on ${shown.stream}` : "";
    this.headline.textContent = shown.headline;
    Object.assign(this.headline.dataset, { passed: shown.passed, read: shown.read });
    this.night.textContent = shown.per_night;
    this.sql.textContent = shown.sql;
    this.problem.textContent = shown.problem;
  }

  busy() {
    const text = this.model.get("busy");
    this.status.textContent = text;
    this.root.setAttribute("aria-busy", String(text !== ""));
    for (const button of this.buttons) button.disabled = text !== "";
  }

  /** Say that nothing done here reaches a kernel any more; what the filter is can still be read and copied. */
  end() {
    this.waiting = null;
    this.status.textContent = "";
    this.problem.textContent = "The kernel that made this form has ended: run its cell again.";
    for (const part of this.editable) part.inert = true;
  }

  /** Note, for tests and the curious, how long it took from a release until all is drawn. */
  settle() {
    requestAnimationFrame(() => {
      if (!this.isKnown) return;
      this.root.dataset.settled = "true";
      if (this.released) this.root.dataset.redrawMs = (performance.now() - this.released).toFixed(1);
      this.released = null;
    });
  }
}

export default {
  render({ model, el }) {
    const form = new Form(model, el);
    const handlers = {
      "change:shown": () => form.show(),
      "change:histograms": () => form.effects(model.get("shown"), false),
      "change:busy": () => form.busy(),
      "change:said": () => (form.said.textContent = model.get("said")),
    };
    for (const [name, handler] of Object.entries(handlers)) model.on(name, handler);
    const stop = onEnded(model, () => form.end());
    form.busy();
    form.said.textContent = model.get("said");
    form.settle();
    return () => {
      stop();
      for (const [name, handler] of Object.entries(handlers)) model.off(name, handler);
    };
  },
};
