"""Live widgets that leave a picture behind: what a saved or exported notebook shows of them."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget

from skysieve_widgets.markup import escape

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FOLDER = Path(__file__).parent


def source(*names: str) -> str:
    """Join the files of this folder that a widget is made of in the browser.

    A widget's script is one module to the browser and can import nothing of ours; what several share stands in files
    without ``export``, named first.
    """
    return "\n".join((_FOLDER / name).read_text(encoding="utf-8") for name in names)


class Drawn(anywidget.AnyWidget):
    """A widget with a static rendering, shown wherever no kernel is behind it."""

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

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is not None:
            bundle[0]["text/html"] = self.static_html()
        return bundle
