"""Two filters side by side without a browser: state, what is sent, and the static page."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import traitlets
from skysieve import Filter
from skysieve.diff import Diff
from skysieve_widgets import Compare, SkyMap
from skysieve_widgets.compare import ROWS, compared_cuts
from skysieve_widgets.compare_plot import compare_figure

ID = 170094456248729605
BAD = '<script>alert("x")</script>'


def rows(count, first=0):
    number = np.arange(count)
    return pd.DataFrame(
        {
            "diaSource.diaSourceId": pd.array([ID + first + i for i in range(count)], dtype="Int64"),
            "diaSource.ra": (number * 7.0) % 360,
            "diaSource.dec": number % 60 - 30.0,
            "diaSource.reliability": np.linspace(0.2, 1, count),
            "derived.mag": pd.array([20.0 + i % 3 if i % 5 else None for i in range(count)], dtype="Float64"),
        }
    )


def spec(name, *cuts):
    return SimpleNamespace(
        name=name, where=" AND ".join(cuts), cuts=[SimpleNamespace(text=cut) for cut in cuts]
    )


def difference(gained=7, lost=3, kept=12, **changes):
    given = {
        "old": spec("bright", "snr > 15", "reliability > 0.5"),
        "new": spec("real", "reliability > 0.5", "reliability > 0.7"),
        "stream": "lsst-alerts",
        "read": 100,
        "rejected": 0,
        "gained": rows(gained),
        "lost": rows(lost, 1000),
        "kept": rows(kept, 2000),
        "counts": {"gained": gained, "lost": lost, "kept": kept, "neither": 100 - gained - lost - kept},
    }
    return SimpleNamespace(**{**given, **changes})


def test_each_group_is_told_with_its_count_and_exact_ids():
    compare = Compare(difference())
    assert {name: group["count"] for name, group in compare._groups.items()} == {
        "gained": 7,
        "lost": 3,
        "kept": 12,
    }
    assert compare._groups["lost"]["ids"] == [str(ID + 1000 + i) for i in range(3)]
    first = dict(zip(compare._groups["gained"]["columns"], compare._groups["gained"]["rows"][1], strict=True))
    assert first["diaSource.diaSourceId"] == str(ID + 1)
    assert first["derived.mag"] == "21"
    assert repr(compare) == "<Compare bright → real: 7 gained, 3 lost, 12 kept>"


def test_the_browser_gets_so_many_rows_and_no_more():
    compare = Compare(difference(kept=ROWS + 5))
    assert compare._groups["kept"]["count"] == ROWS + 5
    assert len(compare._groups["kept"]["rows"]) == len(compare._groups["kept"]["ids"]) == ROWS


def test_cuts_are_told_by_the_filters_that_have_them():
    diff = difference()
    assert compared_cuts(diff) == [
        {"text": "reliability > 0.5", "in": "both"},
        {"text": "snr > 15", "in": "old"},
        {"text": "reliability > 0.7", "in": "new"},
    ]
    whole = SimpleNamespace(name="a", where="x > 1")
    assert compared_cuts(difference(old=whole, new=whole)) == [{"text": "x > 1", "in": "both"}]


def test_the_group_shown_and_the_selection_can_be_set():
    compare = Compare(difference())
    compare.shown = "kept"
    compare.selected = [str(ID + 2001)]
    with pytest.raises(traitlets.TraitError, match="'7'"):
        compare.selected = ["7"]
    with pytest.raises(traitlets.TraitError):
        compare.shown = "neither"
    assert (compare.shown, compare.selected) == ("kept", [str(ID + 2001)])


def test_two_filters_alone_cannot_be_compared():
    with pytest.raises(
        TypeError, match=r"takes the result of sky\.diff\(f_old, f_new\), not SimpleNamespace"
    ):
        Compare(spec("a", "x > 1"))


def test_the_figure_has_the_sky_and_both_histograms():
    figure = compare_figure(difference())
    sky, magnitude, score = figure.axes
    assert [len(line.get_xdata()) for line in sky.lines] == [12, 3, 7]  # what is gained lies on top
    for ax, name, counts in (
        (magnitude, "derived.mag", [9, 2, 5]),
        (score, "diaSource.reliability", [12, 3, 7]),
    ):
        assert ax.get_xlabel() == name
        assert [int(patch.get_data().values.sum()) for patch in ax.patches] == counts
        labels = [text.get_text() for text in ax.get_legend().get_texts()]
        assert labels == [
            f"{group}: {n}" for group, n in zip(("kept", "lost", "gained"), counts, strict=True)
        ]
    assert len({patch.get_linestyle() for patch in score.patches}) == 3  # told apart without colour, too


@pytest.mark.parametrize(
    "columns",
    [
        ["diaSource.diaSourceId", "diaSource.ra", "diaSource.dec"],
        ["diaSource.diaSourceId", "diaSource.reliability"],
        ["diaSource.diaSourceId"],
    ],
)
def test_what_the_alerts_do_not_have_is_left_out(columns):
    some = difference(gained=2, lost=1, kept=3)
    for group in ("gained", "lost", "kept"):
        setattr(some, group, getattr(some, group)[columns])
    assert Compare(some)._picture.startswith(b"\x89PNG")


@pytest.mark.parametrize("counts", [(0, 0, 0), (1, 0, 0), (0, 0, 2)])
def test_empty_groups_are_shown_as_empty(counts):
    compare = Compare(difference(*counts))
    assert compare._picture.startswith(b"\x89PNG")
    page = compare.static_html()
    assert ("Gained:" in page, "Lost:" in page, "Kept:" in page) == tuple(count > 0 for count in counts)


def test_values_that_are_no_numbers_do_not_stop_the_histogram():
    diff = difference()
    diff.gained = rows(4).assign(**{"diaSource.reliability": [np.nan, np.inf, 0.5, 0.7]})
    score = compare_figure(diff).axes[2]
    assert int(score.patches[-1].get_data().values.sum()) == 2


def test_a_saved_notebook_shows_cuts_picture_and_rows():
    page = Compare(difference())._repr_mimebundle_()[0]["text/html"]
    for told in (
        "bright → real: 7 gained, 3 lost, 12 kept",
        "100 alerts of lsst-alerts read once",
        "Kept: 12",
    ):
        assert told in page
    assert str(ID) in page
    assert '<td class="sky-l">before</td><td class="sky-code sky-l">snr &gt; 15</td>' in page
    assert 'src="data:image/png;base64,' in page


def test_everything_is_escaped():
    diff = difference(old=spec(BAD, BAD), stream=BAD)
    diff.gained = rows(2).rename(columns={"derived.mag": BAD}).assign(name=BAD)
    page = Compare(diff).static_html()
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_the_three_groups_are_shown_on_a_live_map_as_well():
    sky = Compare(difference()).sky()
    assert isinstance(sky, SkyMap)
    assert [layer.name for layer in sky.layers] == ["kept", "lost", "gained"]


def test_a_difference_of_the_kernels_is_shown_as_it_counts():
    table = rows(20).assign(
        **{"kafka.problem": [None] * 19 + ["broken"], "kafka.key": None, "kafka.truth": None, "cut0": True}
    )
    table["cut1"] = [i % 2 == 0 for i in range(20)]
    old, new = (Filter("bright", cut, stream="lsst-alerts") for cut in ("snr > 5", "snr > 9"))
    view = Diff(old, new, table=table).view()
    assert repr(view) == "<Compare bright: 0 gained, 9 lost, 10 kept>"
    assert view._groups["lost"]["ids"] == [str(ID + i) for i in range(1, 19, 2)]
    assert [cut["in"] for cut in view._cuts] == ["old", "new"]
    assert [layer.name for layer in view.sky().layers] == ["read", "kept", "lost", "gained"]
