// The live sky map: reading coordinates and the nearest alert, selecting, and what is shown. Text from data becomes
// textContent only.

const CIRCLES = { galactic: ["galactic plane", "#333333", []], ecliptic: ["ecliptic", "#8A6A00", [14, 9]] };
const SIGNS = { circle: "●", square: "■", triangle: "▲", diamond: "◆" };
const NEAR = 2.5; // degrees within which a click selects

function render({ model, el }) {
  const root = make("div", { class: "sky-map", role: "group" });
  const canvas = make("canvas", { width: WIDTH, height: HEIGHT, tabindex: 0, role: "application" });
  const readout = make("output", { "aria-live": "polite" });
  const controls = make("div", { class: "sky-map-controls" });
  const chosen = make("div", { class: "sky-map-chosen", role: "status" });
  root.append(canvas, readout, controls, chosen);
  el.append(root);
  const base = make("canvas", { width: WIDTH, height: HEIGHT });
  const hint = "Arrow keys read coordinates (Shift: faster), Enter selects the nearest alert, Escape none.";
  let layers = [], queued = 0, sync = [];

  const shown = () => layers.filter((layer) => !model.get("hidden").includes(layer.name));
  const centre = () => model.get("centre");
  const cursor = () => (model.get("pointed").length ? model.get("pointed") : null);

  function paint() {
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, WIDTH, HEIGHT);
    context.drawImage(base, 0, 0);
    [context.strokeStyle, context.lineWidth] = ["#000000", 3];
    const selected = new Set(model.get("selected"));
    for (const layer of shown()) {
      layer.places.forEach(([ra, dec], i) => {
        if (!selected.has(layer.ids[i])) return;
        context.beginPath();
        context.arc(...toPixel(project(ra, dec, centre())), 13, 0, 2 * Math.PI);
        context.stroke();
      });
    }
    if (cursor()) {
      const [x, y] = toPixel(project(...cursor(), centre()));
      context.lineWidth = 2;
      context.beginPath();
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        context.moveTo(x + 6 * dx, y + 6 * dy);
        context.lineTo(x + 18 * dx, y + 18 * dy);
      }
      context.stroke();
    }
    chosen.textContent = selected.size ? `Selected: ${[...selected].join(", ")}` : "";
  }

  function nearest([ra, dec]) {
    let best = null;
    for (const layer of shown()) {
      layer.places.forEach((place, i) => {
        const away = separation(ra, dec, ...place);
        if (!best || away < best.away) best = { away, id: layer.ids[i], name: layer.name };
      });
    }
    return best;
  }

  function tell(place) {
    if (!place) return void (readout.textContent = hint);
    const [ra, dec] = place;
    const sign = dec < 0 ? "−" : "+";
    const parts = [
      `RA ${ra.toFixed(2)}°  Dec ${sign}${Math.abs(dec).toFixed(2)}°  (${sexagesimal(ra)} ${sexagesimal(dec, true)})`,
    ];
    for (const layer of shown()) {
      const value = layer.values ? valueAt(layer, ra, dec) : 0;
      if (!value) continue;
      const what = { density: `${value} in this cell`, probability: `within ${value} %`, region: "inside" };
      parts.push(`${layer.name}: ${what[layer.kind]}`);
    }
    const found = nearest(place);
    if (found) parts.push(`nearest alert ${found.id} (${found.name}), ${distanceText(found.away)} away`);
    readout.textContent = parts.join(" · ");
  }

  function select(place) {
    const found = place && nearest(place);
    if (!found || found.away > NEAR) return;
    const before = model.get("selected");
    const without = before.filter((id) => id !== found.id);
    model.set("selected", without.length < before.length ? without : [...before, found.id]);
  }

  function point(place) {
    model.set("pointed", place || []);
  }

  function moved() {
    tell(cursor());
    paint();
  }

  function under(event) {
    const box = canvas.getBoundingClientRect();
    const at = [(event.clientX - box.left) / box.width * WIDTH, (event.clientY - box.top) / box.height * HEIGHT];
    return unproject(...toPlace(...at), centre());
  }

  canvas.addEventListener("pointermove", (event) => tell(under(event) || cursor()));
  canvas.addEventListener("pointerleave", () => tell(cursor()));
  canvas.addEventListener("click", (event) => {
    const place = under(event);
    if (place) point(place);
    select(place);
    model.save_changes(); // once, so that the kernel never sees one without the other
  });
  canvas.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    if (event.key in moves) {
      const [ra, dec] = cursor() || [centre(), 0];
      const [east, north] = moves[event.key].map((step) => step * (event.shiftKey ? 10 : 1));
      const turned = ra + east;
      point([turned - 360 * Math.floor(turned / 360), Math.min(Math.max(dec + north, -90), 90)]);
    } else if (event.key === "Enter") select(cursor());
    else if (event.key === "Escape") {
      model.set("selected", []);
      point(null);
    } else return;
    model.save_changes();
    event.preventDefault();
    event.stopPropagation(); // JupyterLab has keys of its own
  });

  // A checkbox; what it shows is read from the model again whenever that changes.
  function box(label, colour, sign, read, write) {
    const frame = make("label");
    const input = make("input", { type: "checkbox" });
    input.addEventListener("change", () => { write(input.checked); model.save_changes(); });
    const swatch = make("span", { class: "sky-map-swatch", "aria-hidden": "true" }, sign);
    swatch.style.color = colour;
    frame.append(input, swatch, label);
    sync.push(() => { input.checked = read(); });
    return frame;
  }

  function buildControls() {
    sync = [];
    const toggles = layers.map(({ name, label, colour, kind, shape }) =>
      box(label, colour, kind === "points" ? SIGNS[shape] : "▬", () => !model.get("hidden").includes(name), (on) => {
        const others = model.get("hidden").filter((one) => one !== name);
        model.set("hidden", on ? others : [...others, name]);
      }));
    const circles = Object.entries(CIRCLES).map(([name, [label, colour, dashes]]) =>
      box(label, colour, dashes.length ? "╌" : "—", () => model.get(name), (on) => model.set(name, on)));
    const frame = make("label", {}, "centre RA ");
    const input = make("input", { type: "number", step: "any" });
    onWritten(input, () => {
      const asked = input.valueAsNumber;
      if (Number.isFinite(asked)) model.set("centre", asked - 360 * Math.floor(asked / 360));
      model.save_changes();
    });
    sync.push(() => { input.value = String(Math.round(centre() * 1000) / 1000); });
    frame.append(input, "°");
    controls.replaceChildren(...toggles, ...circles, frame);
  }

  function refresh() {
    canvas.setAttribute("aria-label", `${model.get("_label")}. ${hint}`);
    root.setAttribute("aria-label", model.get("_label"));
    sync.forEach((one) => one());
    tell(cursor());
    cancelAnimationFrame(queued);
    queued = requestAnimationFrame(() => {
      const circles = Object.entries(CIRCLES).filter(([name]) => model.get(name)).map(([name, [, colour, dashes]]) =>
        ({ places: pairs(model.get("_circles")[name]), colour, dashes }));
      paintBase(base.getContext("2d"), shown(), centre(), circles);
      paint();
    });
  }

  function reload() {
    layers = model.get("_layers").map(unpack);
    buildControls();
    refresh();
  }

  const watched = { "change:_layers": reload, "change:selected": paint, "change:pointed": moved };
  for (const name of ["centre", "galactic", "ecliptic", "hidden", "_label"]) watched[`change:${name}`] = refresh;
  for (const [name, react] of Object.entries(watched)) model.on(name, react);
  reload();
  return () => {
    cancelAnimationFrame(queued);
    for (const [name, react] of Object.entries(watched)) model.off(name, react);
  };
}

export default { render };
