
function hidePicture(model) {
  for (const picture of document.getElementsByClassName(model.get("picture"))) {
    (picture.closest(".jp-OutputArea-child") ?? picture).style.display = "none";
  }
}

export default {
  ...drawn,
  render(context) {
    hidePicture(context.model);
    return drawn.render(context);
  },
};
