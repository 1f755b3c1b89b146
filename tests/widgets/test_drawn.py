"""Every live widget is one module that a browser can read, and shows its picture where no kernel is behind it."""

import shutil
import subprocess

import pandas as pd
import pytest
import skysieve_widgets
from skysieve_widgets.drawn import Drawn

from widgets.packets import made

WIDGETS = [
    one for name in skysieve_widgets.__all__ if issubclass(type(one := getattr(skysieve_widgets, name)), type)
]
LIVE = [one for one in WIDGETS if issubclass(one, Drawn)]
NODE = shutil.which("node")


def test_these_are_live():
    names = {one.__name__ for one in LIVE}
    assert names == {"AlertTable", "AlertView", "Compare", "FilterBuilder", "LiveView", "SkyMap"}


@pytest.mark.skipif(NODE is None, reason="no node to read JavaScript with")
@pytest.mark.parametrize("widget", LIVE)
def test_its_script_is_one_module(widget, tmp_path):
    (tmp_path / "widget.mjs").write_text(str(widget._esm), encoding="utf-8")
    done = subprocess.run([NODE, "--check", tmp_path / "widget.mjs"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("widget", LIVE)
def test_its_script_sets_no_markup_and_fetches_nothing(widget):
    script = str(widget._esm).replace("http://www.w3.org/", "")  # what SVG is called
    for forbidden in (
        *("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("),
        *("http:", "https:", "import(", "import ", "fetch(", "XMLHttpRequest"),
    ):
        assert forbidden not in script, forbidden


@pytest.mark.parametrize(
    "make",
    [
        lambda: skysieve_widgets.AlertView(made(1)),
        lambda: skysieve_widgets.AlertTable(pd.DataFrame({"id": [2**60 + 1]})),
    ],
    ids=["alert", "table"],
)
def test_it_shows_its_picture_then_itself(make, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, **how: shown.append(data))
    widget = make()
    widget._ipython_display_()
    static, live = shown
    assert f'class="{widget.picture}"' in static["text/html"]
    assert "application/vnd.jupyter.widget-view+json" not in static
    assert live["application/vnd.jupyter.widget-view+json"]["model_id"] == widget.model_id
