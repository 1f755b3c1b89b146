// A cell below the one that shows the form, where the page is a notebook of JupyterLab.

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
