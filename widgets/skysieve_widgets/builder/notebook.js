// What the form asks of the notebook that shows it, where the page is JupyterLab's.

/** Put a code cell below the one that holds `el`; false where that cannot be done. */
function insertCell(model, el, source) {
  try {
    const notebook = model.widget_manager.context.model.sharedModel;
    const cell = el.closest(".jp-Cell");
    const index = Number(cell.dataset.windowedListIndex ?? [...cell.parentNode.querySelectorAll(":scope > .jp-Cell")].indexOf(cell));
    if (!Number.isInteger(index) || index < 0) return false;
    notebook.insertCell(index + 1, { cell_type: "code", source, metadata: { trusted: true } });
    return true;
  } catch {
    return false;
  }
}

const ENDED = ["restarting", "autorestarting", "terminating", "dead"];

/** Do something when the kernel that made the form is no more, or another; gives a function that ends the wait for that. */
function onEnded(model, act) {
  const session = model.widget_manager?.context?.sessionContext;
  const made = session?.session?.kernel?.id;
  const status = (_, now) => ENDED.includes(now) && act();
  const kernel = (_, { newValue }) => newValue?.id === made || act();
  session?.statusChanged.connect(status);
  session?.kernelChanged.connect(kernel);
  return () => {
    session?.statusChanged.disconnect(status);
    session?.kernelChanged.disconnect(kernel);
  };
}
