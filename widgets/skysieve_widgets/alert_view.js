// One alert. Light curve and values are here whole; cutouts are drawn by the kernel.

function cutouts(model, heard) {
  const box = make("div", { class: "sky-cutouts" });
  const show = () => {
    const list = model.get("_cutouts");
    if (!list.length) {
      box.replaceChildren(make("span", { class: "sky-quiet" }, "Cutouts are drawn as soon as the kernel is free …"));
      model.send({ ask: "cutouts" });
      return;
    }
    const figures = list.map(({ name, note, alt, src }) =>
      make("figure", {}, make("figcaption", {}, name), make("img", { src, alt }), make("small", {}, note)),
    );
    box.replaceChildren(...figures);
  };
  heard.on(["_cutouts"], show);
  show();
  return box;
}

function curve(model, heard) {
  const box = make("div", { class: "sky-curve" });
  const show = () => {
    const width = Math.max(300, box.clientWidth || 560);
    box.replaceChildren(...lightCurve(model.get("_curve"), model.get("magnitudes"), model.get("days_ago"), width));
  };
  heard.on(["_curve", "magnitudes", "days_ago"], show);
  let last = 0;
  const watch = new ResizeObserver(() => {
    if (box.clientWidth !== last) show();
    last = box.clientWidth;
  });
  watch.observe(box);
  heard.also(() => watch.disconnect());
  show();
  return box;
}

function values(model, heard) {
  const body = make("tbody");
  const said = make("span", { class: "sky-quiet", role: "status" });
  const rows = [];
  const fill = () => {
    rows.length = 0;
    for (const value of model.get("_values")) {
      const [name, text, unit, description] = value;
      const head = make("th", { scope: "row", title: description || name }, name);
      const row = make("tr", {}, head, make("td", {}, text), make("td", { class: "sky-unit" }, unit));
      rows.push({ row, words: value.join(" ").toLowerCase() });
    }
    body.replaceChildren(...rows.map(({ row }) => row));
    search();
  };
  const search = () => {
    const words = model.get("search").toLowerCase().split(/\s+/).filter(Boolean);
    let found = 0;
    for (const one of rows) {
      one.row.hidden = !words.every((word) => one.words.includes(word));
      found += !one.row.hidden;
    }
    said.textContent = words.length ? `${found} of ${rows.length} values` : `${rows.length} values`;
  };
  heard.on(["_values"], fill);
  heard.on(["search"], search);
  fill();
  return make(
    "div",
    { class: "sky-values" },
    make("div", { class: "sky-tools" }, searchBox(model, heard, "Search the values"), said),
    make(
      "div",
      { class: "sky-scroll", tabindex: 0, role: "group", "aria-label": "All values of the alert" },
      make("table", {}, body),
    ),
  );
}

function heading(model) {
  const { title, notes, links } = model.get("_facts");
  const anchors = links.flatMap(([name, href]) => [
    " · ",
    make("a", { href, target: "_blank", rel: "noopener noreferrer" }, name),
  ]);
  const where = anchors.length ? ["Look up the position: ", ...anchors.slice(1)] : [];
  return make(
    "div",
    { class: "sky-heading" },
    make("b", {}, title),
    ...notes.filter(Boolean).map((note) => make("div", { class: "sky-quiet" }, note)),
    make("div", {}, ...where),
  );
}

function render({ model, el }) {
  const heard = listener(model);
  const choices = model.get("_choices");
  const pictures = make(
    "div",
    { class: "sky-pictures" },
    make(
      "div",
      { class: "sky-tools" },
      chooser(model, heard, "stretch", "Stretch", choices.stretch),
      chooser(model, heard, "colour_map", "Colours", choices.colour_map),
    ),
    cutouts(model, heard),
    make(
      "div",
      { class: "sky-tools" },
      either(model, heard, "magnitudes", "Brightness as", ["flux", "AB magnitude"]),
      either(model, heard, "days_ago", "Time as", ["MJD", "days ago"]),
    ),
    curve(model, heard),
  );
  const side = make("div", { class: "sky-side" }, heading(model), values(model, heard));
  const label = model.get("_facts").title;
  el.replaceChildren(make("div", { class: "sky-alert", role: "group", "aria-label": label }, pictures, side));
  return () => heard.end();
}

export default { render };
