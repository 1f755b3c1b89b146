// What all widgets share. Data becomes text or attributes, never markup.

// Keys pressed in a control are its own: otherwise JupyterLab takes arrows for "next cell", and "d d" for "delete".
// It looks for this from the control that has the focus, so each must have it.
const OWN_KEYS = { "data-lm-suppress-shortcuts": "true" };
const CONTROLS = ["a", "button", "input", "select", "textarea"];

function make(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

function drawn(tag, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function filled(element, attributes, children) {
  const keys = CONTROLS.includes(element.localName) || "tabindex" in attributes ? OWN_KEYS : {};
  for (const [name, value] of Object.entries({ ...keys, ...attributes })) {
    if (name === "text") element.textContent = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

// Listens to a model, and gives back one function that ends it all.
function listener(model) {
  const ends = [];
  return {
    on(names, heard) {
      const events = names.map((name) => (name.startsWith("msg:") ? name : `change:${name}`)).join(" ");
      model.on(events, heard);
      ends.push(() => model.off(events, heard));
    },
    also(end) {
      ends.push(end);
    },
    end() {
      ends.forEach((end) => end());
    },
  };
}

function tell(model, name, value) {
  model.set(name, value);
  model.save_changes();
}

// A field is written when it is left, and at Enter, which JupyterLab keeps from being a change.
function onWritten(input, written) {
  input.addEventListener("change", written);
  input.addEventListener("keydown", ({ key }) => key === "Enter" && written());
}

function chooser(model, heard, name, label, options) {
  const select = make(
    "select",
    { "aria-label": label, onchange: () => tell(model, name, select.value) },
    ...options.map((option) => make("option", { value: option }, option)),
  );
  const show = () => (select.value = model.get(name));
  heard.on([name], show);
  show();
  return make("label", {}, `${label} `, select);
}

// Two values of a yes-or-no trait, as radio buttons: both are named, and arrow keys change over.
function either(model, heard, name, label, [no, yes]) {
  const group = `sky-${name}-${Math.random().toString(36).slice(2)}`;
  const inputs = [false, true].map((value) =>
    make("input", { type: "radio", name: group, onchange: () => tell(model, name, value) }),
  );
  const show = () => inputs.forEach((input, value) => (input.checked = model.get(name) === Boolean(value)));
  heard.on([name], show);
  show();
  const labels = inputs.map((input, value) => make("label", {}, input, value ? yes : no));
  return make("span", { role: "radiogroup", "aria-label": label, class: "sky-either" }, ...labels);
}

function searchBox(model, heard, label, wait = 0) {
  let timer;
  const input = make("input", {
    type: "search",
    "aria-label": label,
    placeholder: label,
    oninput: () => {
      clearTimeout(timer);
      timer = setTimeout(() => tell(model, "search", input.value), wait);
    },
  });
  const show = () => {
    if (input.value !== model.get("search")) input.value = model.get("search");
  };
  heard.on(["search"], show);
  heard.also(() => clearTimeout(timer));
  show();
  return input;
}
