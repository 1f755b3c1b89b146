"""AlertView as a live widget, without a browser: its state, and what it leaves behind."""

import json

import pytest
import traitlets
from skysieve_widgets import AlertView
from skysieve_widgets.cutouts import NAMES

from . import packets


@pytest.fixture
def view():
    return AlertView(packets.made(1))


def ask(view):
    view._answer(view, {"ask": "cutouts"}, [])


def test_state_can_be_given_read_and_set(view):
    given = AlertView(packets.made(1), stretch="log", magnitudes=True)
    assert (given.stretch, given.magnitudes, given.days_ago) == ("log", True, False)
    view.colour_map = "magma"
    assert view.get_state(["colour_map"]) == {"colour_map": "magma"}


@pytest.mark.parametrize(
    ("name", "value"), [("stretch", "cubic"), ("colour_map", "jet"), ("magnitudes", "x")]
)
def test_a_value_that_is_none_is_refused(view, name, value):
    with pytest.raises(traitlets.TraitError):
        setattr(view, name, value)


def test_cutouts_are_drawn_when_a_browser_asks_and_again_when_the_stretch_changes(view):
    assert view._cutouts == []
    view.stretch = "log"
    assert view._cutouts == []
    ask(view)
    first = view._cutouts
    assert [cutout["name"] for cutout in first] == list(NAMES)
    view.stretch = "zscale"
    assert all(a["src"] != b["src"] for a, b in zip(view._cutouts, first, strict=True))


def test_a_missing_cutout_is_said_in_words():
    view = AlertView(packets.hand_made())
    ask(view)
    assert "not in the packet" in view._cutouts[0]["alt"]


def test_the_static_picture_is_of_the_present_state(view):
    before = view._repr_png_()
    assert view._repr_png_() is before
    view.magnitudes = True
    assert view._repr_png_() != before
    labels = [ax.get_ylabel() for ax in view.figure().axes]
    assert "Difference magnitude (AB)" in labels
    assert "Difference magnitude (AB)" not in [
        ax.get_ylabel() for ax in view.figure(in_magnitudes=False).axes
    ]
    view.days_ago = True
    last = view.figure().axes[-1]
    assert last.get_xlabel() == "Days before this alert"
    assert last.xaxis_inverted()


def test_a_notebook_keeps_the_picture_beside_the_live_view(view):
    data, _ = view._repr_mimebundle_()
    assert data["text/html"] == view._repr_html_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert "170094456248729606" in data["text/plain"]


def test_values_follow_the_search(view):
    everything = len(view.values)
    view.search = "snr"
    assert view.values["name"].tolist() == ["diaSource.snr"]
    view.search = ""
    assert len(view.values) == everything


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), "x", [], {}, -1, b"SIMPLE"], ids=repr)
def test_what_is_sent_can_be_written_as_json_whatever_a_field_holds(value):
    alert = packets.made()
    for name in alert["diaSource"]:
        view = AlertView(alert | {"diaSource": alert["diaSource"] | {name: value}})
        json.dumps(view.get_state(["_facts", "_curve", "_values"]), allow_nan=False)
    for name in set(alert) - {"diaSource"}:
        view = AlertView(alert | {name: value})
        json.dumps(view.get_state(["_facts", "_curve", "_values"]), allow_nan=False)
