// A table of alerts. The kernel sorts, searches and sends the page that is shown; pictures of its rows are asked for
// one by one, so that whoever pages on does not wait for those that are no longer shown.

const SPARK = { width: 110, height: 36 };
const PICTURES_KEPT = 500;

function sparkline(points) {
  const label = `light curve, ${points.length} points`;
  const svg = drawn("svg", { ...SPARK, viewBox: "0 0 110 36", role: "img", "aria-label": label });
  for (const [x, y, fill, detected] of points)
    svg.append(drawn("circle", { cx: 4 + 102 * x, cy: 32 - 28 * y, r: detected ? 2.2 : 1.2, fill }));
  return svg;
}

function head(model, heard) {
  const { names, numeric, pictures } = model.get("_head");
  const cells = names.map((name, i) => {
    const mark = make("span", { "aria-hidden": "true" });
    const sort = () => {
      const again = model.get("sort_by") === name;
      model.set({ sort_by: name, descending: again && !model.get("descending") });
      model.save_changes();
    };
    const button = make("button", { type: "button", title: `Sort by ${name}`, onclick: sort }, name, mark);
    const th = make("th", { scope: "col", class: numeric[i] ? "sky-number" : null }, button);
    const show = () => {
      const by = model.get("sort_by") === name;
      const down = model.get("descending");
      if (by) th.setAttribute("aria-sort", down ? "descending" : "ascending");
      else th.removeAttribute("aria-sort");
      mark.textContent = by ? (down ? " ▼" : " ▲") : "";
    };
    heard.on(["sort_by", "descending"], show);
    show();
    return th;
  });
  const drawings = pictures ? ["light curve", "difference"].map((name) => make("th", { scope: "col" }, name)) : [];
  return make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "select"), ...drawings, ...cells));
}

function toggle(model, row, on) {
  const others = model.get("selected_rows").filter((one) => one !== row);
  tell(model, "selected_rows", on ? [...others, row] : others);
}

// Up and down go to the same control of the next row.
function arrows(event) {
  const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
  const next = step && event.target.closest("tr")?.[step];
  if (!next) return;
  event.preventDefault();
  next.querySelector(event.target.tagName.toLowerCase())?.focus();
}

function body(model, heard, said) {
  const { numeric, pictures } = model.get("_head");
  const tbody = make("tbody", { onkeydown: arrows });
  const known = new Map();
  const places = new Map();
  let asked = null;

  const put = (row) => {
    const cells = places.get(row);
    const { spark, thumbnail, said: why } = known.get(row);
    const missing = () => make("span", { class: "sky-quiet", title: why || "not in the packet" }, "—");
    cells.curve.replaceChildren(spark.length ? sparkline(spark) : missing());
    const image = thumbnail && make("img", { src: thumbnail, alt: "difference cutout", width: 48, height: 48 });
    cells.cutout.replaceChildren(image || missing());
  };
  const ask = () => {
    const wanted = [...places.keys()].find((row) => !known.has(row));
    asked = wanted ?? null;
    if (asked !== null) model.send({ ask: asked });
  };
  const answer = (message) => {
    if (!("row" in message)) return;
    if (known.size >= PICTURES_KEPT) known.delete(known.keys().next().value);
    known.set(message.row, message);
    if (places.has(message.row)) put(message.row);
    if (message.row === asked) ask();
  };
  const row = ({ row: number, cells }) => {
    const name = cells[0] ?? `row ${number}`;
    const box = make("input", {
      type: "checkbox",
      "aria-label": `Select ${name}`,
      "data-row": number,
      onchange: () => toggle(model, number, box.checked),
    });
    const first = make("td", { class: "sky-pick" }, box);
    const drawings = [];
    if (pictures) {
      const open = () => {
        said.textContent = "";
        model.send({ open: number });
      };
      first.append(make("button", { type: "button", "aria-label": `View ${name}`, onclick: open }, "view"));
      const place = { curve: make("td", { class: "sky-spark" }), cutout: make("td", { class: "sky-thumb" }) };
      places.set(number, place);
      drawings.push(place.curve, place.cutout);
      if (known.has(number)) put(number);
    }
    const texts = cells.map((text, i) => make("td", { class: numeric[i] ? "sky-number" : null }, text));
    return make("tr", {}, first, ...drawings, ...texts);
  };
  const mark = () => {
    const selected = new Set(model.get("selected_rows"));
    for (const box of tbody.querySelectorAll("input")) {
      box.checked = selected.has(Number(box.dataset.row));
      box.closest("tr").classList.toggle("sky-selected", box.checked);
    }
  };
  const show = () => {
    places.clear();
    tbody.replaceChildren(...model.get("_shown").rows.map(row));
    mark();
    if (asked === null || !places.has(asked)) ask();
  };
  heard.on(["_shown"], show);
  heard.on(["selected_rows"], mark);
  heard.on(["msg:custom"], answer);
  show();
  return tbody;
}

function tools(model, heard, said) {
  const number = (value) => value.toLocaleString("en");
  const status = make("span", { class: "sky-quiet", role: "status" });
  const selection = make("span", { class: "sky-quiet", role: "status" });
  const button = (label, title, onclick) =>
    make("button", { type: "button", title, "aria-label": title, onclick }, label);
  const turn = (to) => tell(model, "page", Math.max(1, Math.min(model.get("_shown").pages, to(model.get("page")))));
  const back = [
    button("«", "First page", () => turn(() => 1)),
    button("‹", "Page before", () => turn((page) => page - 1)),
  ];
  const on = [
    button("›", "Next page", () => turn((page) => page + 1)),
    button("»", "Last page", () => turn(() => Infinity)),
  ];
  const where = make("span", { "aria-live": "polite" });
  const sizes = make(
    "select",
    { "aria-label": "Rows on a page", onchange: () => tell(model, "page_size", Number(sizes.value)) },
    ...model.get("_head").sizes.map((size) => make("option", { value: size }, `${size} rows`)),
  );
  const all = button("select all", "Select all alerts found", () => model.send({ select: "found" }));
  const none = button("clear", "Select none", () => tell(model, "selected_rows", []));
  const show = () => {
    const { found, total, pages } = model.get("_shown");
    const page = model.get("page");
    const hidden = model.get("_head").hidden;
    const alerts = found === total ? `${number(total)} alerts` : `${number(found)} of ${number(total)} alerts`;
    status.textContent = hidden ? `${alerts}; ${hidden} further columns not shown` : alerts;
    where.textContent = `page ${number(page)} of ${number(pages)}`;
    back.forEach((one) => (one.disabled = page <= 1));
    on.forEach((one) => (one.disabled = page >= pages));
    sizes.value = model.get("page_size");
    selection.textContent = `${number(model.get("selected_rows").length)} selected`;
    none.disabled = !model.get("selected_rows").length;
  };
  heard.on(["_shown", "page", "page_size", "selected_rows"], show);
  heard.on(["msg:custom"], (message) => !("row" in message) && (said.textContent = message.said));
  show();
  const find = make("div", { class: "sky-tools" }, searchBox(model, heard, "Search the alerts", 150), status);
  const pager = make("div", { class: "sky-tools" }, ...back, where, ...on, sizes, selection, all, none);
  return [find, pager];
}

function detail(model, heard, signalled) {
  const box = make("div", { class: "sky-detail" });
  let view = null;
  let turn = 0;
  const show = async () => {
    const mine = ++turn;
    const reference = model.get("detail");
    const manager = model.widget_manager;
    const child = reference && (await manager.get_model(reference.slice("IPY_MODEL_".length)));
    const made = child && (await manager.create_view(child));
    if (mine !== turn || signalled()) return made?.remove();
    view?.remove();
    view = made || null;
    box.replaceChildren(...(made ? [made.el] : []));
  };
  heard.on(["detail"], show);
  heard.also(() => view?.remove());
  show();
  return box;
}

function render({ model, el }) {
  const heard = listener(model);
  let ended = false;
  const said = make("div", { class: "sky-said", role: "alert" });
  const [find, pager] = tools(model, heard, said);
  const table = make("table", { class: "sky-rows" }, head(model, heard), body(model, heard, said));
  const scroll = make("div", { class: "sky-scroll", tabindex: 0, role: "group", "aria-label": "Alerts" }, table);
  const below = detail(model, heard, () => ended);
  const root = { class: "sky-alerts", role: "group", "aria-label": "Table of alerts" };
  el.replaceChildren(make("div", root, find, scroll, pager, said, below));
  return () => {
    ended = true;
    heard.end();
  };
}

export default { render };
