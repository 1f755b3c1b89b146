// Two filters side by side: cuts, picture, and a table in each of three tabs. Text from data becomes textContent only.

const GROUPS = ["gained", "lost", "kept"];
const SIDES = { old: "− only before", new: "+ only after", both: "in both" };
const PAGE = 10;
let compared = 0;

function row(kind, cells, className = "") {
  const line = make("tr", className ? { class: className } : {});
  line.append(...cells.map((text) => make(kind, {}, text)));
  return line;
}

function cutsTable(cuts) {
  const table = make("table", { class: "sky-compare-cuts" });
  table.append(make("caption", {}, "Cuts"));
  table.append(...cuts.map((cut) => row("td", [SIDES[cut.in], cut.text], `sky-compare-${cut.in}`)));
  return table;
}

function render({ model, el }) {
  const prefix = `sky-compare-${++compared}`;
  const root = make("section", { class: "sky-compare", "aria-label": model.get("_title") });
  const picture = make("img", { alt: `${model.get("_title")}: positions on the sky, magnitudes and scores` });
  const tabs = make("div", { role: "tablist", "aria-label": "alerts" });
  const panel = make("div", { role: "tabpanel", id: `${prefix}-panel`, tabindex: 0 });
  const chosen = make("p", { role: "status" });
  const pages = { gained: 0, lost: 0, kept: 0 };
  const url = URL.createObjectURL(new Blob([model.get("_picture")], { type: "image/png" }));
  picture.src = url;
  root.append(make("h4", {}, model.get("_title")), make("p", {}, model.get("_note")));
  root.append(cutsTable(model.get("_cuts")), picture, tabs, panel, chosen);
  el.append(root);

  const show = (group) => {
    model.set("shown", group);
    model.save_changes();
  };

  for (const group of GROUPS) {
    const tab = make("button", { role: "tab", id: `${prefix}-${group}`, "aria-controls": panel.id, type: "button" });
    tab.textContent = `${group[0].toUpperCase()}${group.slice(1)}: ${model.get("_groups")[group].count.toLocaleString("en")}`;
    tab.dataset.group = group;
    tab.addEventListener("click", () => show(group));
    tabs.append(tab);
  }
  tabs.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const at = (GROUPS.indexOf(model.get("shown")) + step + GROUPS.length) % GROUPS.length;
    show(GROUPS[at]);
    tabs.children[at].focus();
    event.preventDefault();
    event.stopPropagation(); // JupyterLab has keys of its own
  });

  function alertRow(group, cells, id) {
    const line = row("td", cells);
    const cell = make("td");
    const input = make("input", { type: "checkbox", "aria-label": `select ${id}` });
    input.checked = model.get("selected").includes(id);
    input.dataset.id = id;
    input.addEventListener("change", () => {
      const others = model.get("selected").filter((one) => one !== id);
      model.set("selected", input.checked ? [...others, id] : others);
      model.save_changes();
    });
    cell.append(input);
    line.prepend(cell);
    return line;
  }

  function pager(group, length) {
    const last = Math.max(Math.ceil(length / PAGE) - 1, 0);
    const frame = make("div", { class: "sky-compare-pager" });
    for (const [text, step, off] of [["← earlier", -1, pages[group] <= 0], ["later →", 1, pages[group] >= last]]) {
      const button = make("button", { type: "button" }, text);
      button.disabled = off;
      button.addEventListener("click", () => {
        pages[group] += step;
        fill();
      });
      frame.append(button);
    }
    const { count } = model.get("_groups")[group];
    const first = pages[group] * PAGE;
    const beyond = count > length ? `; the rest is in diff.${group}` : "";
    const range = `${(first + 1).toLocaleString("en")} to ${Math.min(first + PAGE, length).toLocaleString("en")}`;
    frame.append(make("span", {}, `${range} of ${count.toLocaleString("en")}${beyond}`));
    return frame;
  }

  function fill() {
    const group = model.get("shown");
    for (const tab of tabs.children) {
      const on = tab.dataset.group === group;
      tab.setAttribute("aria-selected", String(on));
      tab.tabIndex = on ? 0 : -1;
    }
    panel.setAttribute("aria-labelledby", `${prefix}-${group}`);
    const { columns, rows, ids } = model.get("_groups")[group];
    if (!rows.length) return void panel.replaceChildren(make("p", {}, `No alert is ${group}.`));
    const table = make("table");
    table.append(row("th", ["", ...columns]));
    const from = pages[group] * PAGE;
    table.append(...rows.slice(from, from + PAGE).map((cells, i) => alertRow(group, cells, ids[from + i])));
    const scroll = make("div", { class: "sky-compare-scroll" });
    scroll.append(table);
    panel.replaceChildren(scroll, pager(group, rows.length));
  }

  function mark() {
    const selected = model.get("selected");
    for (const input of panel.querySelectorAll("input")) input.checked = selected.includes(input.dataset.id);
    chosen.textContent = selected.length ? `Selected: ${selected.join(", ")}` : "";
  }

  model.on("change:shown", fill);
  model.on("change:selected", mark);
  fill();
  mark();
  return () => {
    URL.revokeObjectURL(url);
    model.off("change:shown", fill);
    model.off("change:selected", mark);
  };
}

export default { render };
