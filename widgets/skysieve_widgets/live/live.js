// The live view: everything that it shows is in the model, so that a page that is loaded again shows the same.

class Live {
  constructor(model, el) {
    this.model = model;
    this.heard = Date.now();
    this.title = make("b", {});
    this.state = make("span", { class: "sky-badge" });
    this.total = make("span", { class: "sky-note" });
    this.pause = make("button", { type: "button", class: "sky-button", onclick: () => this.turn() });
    this.problem = make("p", { class: "sky-alarm", role: "alert" });
    this.note = make("p", { class: "sky-caution" });
    this.plots = [
      new Plot("Alerts per second", [["in", 1], ["out", 2]]),
      new Plot("Pass rate (%)", [["pass rate", 3]], 100),
      new Plot("Latency (s)", [["median", 4], ["99 %", 5]]),
    ];
    this.matches = new Matches();
    const head = make("div", { class: "sky-head" }, this.title, this.state, this.total, make("span", { class: "sky-gap" }), this.pause);
    const charts = make("div", { class: "sky-charts" }, ...this.plots.map((plot) => plot.node));
    this.root = make("div", { class: "sky-live" }, head, this.problem, this.note, charts, this.matches.node);
    el.append(this.root);
  }

  turn() {
    this.model.set("paused", !this.model.get("paused"));
    this.model.save_changes();
  }

  told() {
    const { matches = null, note = "", problem = "" } = this.model.get("told");
    this.title.textContent = this.model.get("title");
    this.total.textContent = matches === null ? "" : `${grouped(matches)} match${matches === 1 ? "" : "es"} in all`;
    this.problem.textContent = problem;
    this.note.textContent = note;
    this.pause.textContent = this.model.get("paused") ? "Resume" : "Pause";
    this.badge();
  }

  /** How the filter is, by what was heard last; where that is long ago, the kernel has ended. */
  badge() {
    const { state = "unknown", problem = "" } = this.model.get("told");
    const isPaused = this.model.get("paused");
    if (isPaused) this.heard = Date.now();
    const silent = Math.round((Date.now() - this.heard) / 1000);
    const isSilent = !problem && silent > this.model.get("patience");
    this.state.textContent = isPaused ? "view paused" : isSilent ? `no news for ${grouped(silent)} s` : state;
    this.state.dataset.state = isPaused ? "view paused" : isSilent ? "silent" : state;
    this.state.title = isSilent ? "The kernel has ended, or is not connected." : "";
  }

  looks() {
    const looks = this.model.get("looks");
    this.heard = Date.now();
    this.badge();
    for (const plot of this.plots) plot.show(looks);
    this.root.dataset.looks = looks.length;
  }

  rows() {
    this.matches.show(this.model.get("matches"));
  }
}

export default {
  render({ model, el }) {
    const view = new Live(model, el);
    const handlers = {
      "change:told": () => view.told(),
      "change:paused": () => view.told(),
      "change:title": () => view.told(),
      "change:looks": () => view.looks(),
      "change:matches": () => view.rows(),
    };
    for (const [name, handler] of Object.entries(handlers)) model.on(name, handler);
    view.told();
    view.looks();
    view.rows();
    const clock = setInterval(() => view.badge(), 1000);
    return () => {
      clearInterval(clock);
      for (const [name, handler] of Object.entries(handlers)) model.off(name, handler);
    };
  },
};
