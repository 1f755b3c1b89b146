"""Live widgets that leave a picture behind: what a saved or exported notebook shows of them."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import anywidget
import traitlets

from skysieve_widgets.markup import escape

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FOLDER = Path(__file__).parent
_LIVE = "application/vnd.jupyter.widget-view+json"


def source(*names: str) -> str:
    """Join the files of this folder that a widget is made of in the browser.

    A widget's script is one module to the browser and can import nothing of ours; what several share stands in files
    without ``export``, named first. The last one exports the widget, which then hides its picture when it is drawn.
    """
    text = "\n".join((_FOLDER / name).read_text(encoding="utf-8") for name in names)
    if "export default" not in text:
        return text
    return text.replace("export default", "const shownLive =") + (_FOLDER / "drawn.js").read_text(
        encoding="utf-8"
    )


class Drawn(anywidget.AnyWidget):
    """A widget with a static rendering, shown wherever no kernel is behind it.

    A notebook shows first that and then the live widget, which hides it: a saved notebook keeps no widgets, and one
    that is exported or opened without its kernel has the picture.
    """

    picture = traitlets.Unicode().tag(sync=True)
    """Class of the picture on the page."""

    @traitlets.default("picture")
    def _mark(self) -> str:
        return f"sky-picture-{uuid4().hex}"

    def figure(self) -> Figure:
        """Draw the present state with matplotlib."""
        raise NotImplementedError

    def static_html(self) -> str:
        """Write the present state as HTML without scripts: the figure, unless a widget has better."""
        image = base64.b64encode(self._png()).decode("ascii")
        return f'<img alt="{escape(str(self))}" src="data:image/png;base64,{image}">'

    def _png(self) -> bytes:
        written = io.BytesIO()
        self.figure().savefig(written, format="png", dpi=110)
        return written.getvalue()

    def _ipython_display_(self, **kwargs: Any) -> None:
        from IPython.display import display

        bundle = self._repr_mimebundle_(**kwargs)
        if bundle is None:
            return
        live, metadata = bundle
        static = {kind: data for kind, data in live.items() if kind != _LIVE}
        static["text/html"] = f'<div class="{self.picture}">{static["text/html"]}</div>'
        if png := getattr(self, "_repr_png_", None):  # for viewers that show no HTML
            static["image/png"] = base64.b64encode(png()).decode("ascii")
        display(static, raw=True)
        display({"text/plain": "", _LIVE: live[_LIVE]}, metadata=metadata, raw=True)

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is not None:
            bundle[0]["text/html"] = self.static_html()
        return bundle
