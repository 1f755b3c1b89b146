// A searchable choice among the stream's columns: a combobox as WAI-ARIA describes it.

const LISTED = 60;
let choices = 0;

/** The columns that hold every word, those whose name does first. */
function matching(columns, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const holds = (where) => words.every((word) => where.toLowerCase().includes(word));
  const named = columns.filter((column) => holds(column.name));
  const told = columns.filter((column) => !named.includes(column) && holds(`${column.name} ${column.description}`));
  return [...named, ...told];
}

class Choice {
  /** `chosen(name)` is told of a new column. */
  constructor(columns, chosen) {
    this.columns = columns;
    this.chosen = chosen;
    this.value = "";
    this.at = -1;
    const id = `sky-choice-${++choices}`;
    this.list = make("ul", { class: "sky-options", role: "listbox", id, "aria-label": "Columns" });
    this.list.hidden = true;
    this.input = make("input", {
      class: "sky-column",
      type: "text",
      role: "combobox",
      spellcheck: "false",
      autocomplete: "off",
      placeholder: "column: type to search",
      "aria-label": "Column",
      "aria-autocomplete": "list",
      "aria-expanded": "false",
      "aria-controls": id,
      oninput: () => this.open(this.input.value),
      onclick: () => {
        this.input.select();
        this.open("");
      },
      onkeydown: (event) => this.key(event),
      onblur: () => this.close(),
    });
    this.node = make("div", { class: "sky-choice" }, this.input, this.list);
  }

  set(name) {
    this.value = name;
    if (document.activeElement !== this.input || this.list.hidden) this.input.value = name;
  }

  open(text) {
    this.found = matching(this.columns, text);
    const shown = this.found.slice(0, LISTED);
    this.options = shown.map((column, i) => {
      const unit = column.unit ? ` [${column.unit}]` : "";
      return make(
        "li",
        {
          role: "option",
          id: `${this.list.id}-${i}`,
          "aria-selected": "false",
          // before the blur that would close the list
          onpointerdown: (event) => {
            event.preventDefault();
            this.take(i);
          },
        },
        make("b", { text: column.name }),
        make("span", { class: "sky-type", text: ` ${column.type}${unit}` }),
        make("small", { text: column.description }),
      );
    });
    const more = this.found.length - shown.length;
    const rest = more > 0 ? `… and ${more} more` : shown.length ? "" : "No such column";
    this.list.replaceChildren(...this.options, ...(rest ? [make("li", { class: "sky-rest", text: rest })] : []));
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    this.makeRoom();
    this.mark(text && shown.length ? 0 : shown.findIndex((column) => column.name === this.value));
  }

  /** Let the form grow by what the list needs: an output of JupyterLab cuts off what reaches beyond it. */
  makeRoom() {
    const root = this.node.closest(".sky-builder");
    if (!root) return;
    root.style.paddingBottom = "";
    const beyond = this.list.getBoundingClientRect().bottom - root.getBoundingClientRect().bottom;
    if (!this.list.hidden && beyond > 0) root.style.paddingBottom = `${beyond + 8}px`;
  }

  close() {
    this.list.hidden = true;
    this.makeRoom();
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
    this.input.value = this.value;
  }

  mark(i) {
    this.at = i;
    this.options.forEach((option, at) => option.setAttribute("aria-selected", String(at === i)));
    if (this.options[i]) {
      this.input.setAttribute("aria-activedescendant", this.options[i].id);
      this.options[i].scrollIntoView({ block: "nearest" });
    } else this.input.removeAttribute("aria-activedescendant");
  }

  take(i) {
    const { name } = this.found[i];
    const isNew = name !== this.value;
    this.value = name;
    this.close();
    if (isNew) this.chosen(name);
  }

  key(event) {
    const isOpen = !this.list.hidden;
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 };
    if (event.key in steps) {
      if (!isOpen) this.open("");
      else this.mark(Math.min(Math.max(this.at + steps[event.key], 0), this.options.length - 1));
    } else if (event.key === "Enter" && isOpen && this.at >= 0) this.take(this.at);
    else if (event.key === "Escape" && isOpen) this.close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
