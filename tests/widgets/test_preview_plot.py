from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from skysieve_widgets import preview_figure

CUTS = pd.DataFrame(
    {"cut": ["snr > 5", "reliability > 0.7"], "alone": [3, 3], "left": [3, 2], "only_this": [1, 0], "null": 0}
)


def preview(**changes):
    given = {
        "name": "bright",
        "read": 4,
        "rejected": 0,
        "passed": 2,
        "pass_rate": 0.5,
        "interval": (0.1, 0.9),
    }
    return SimpleNamespace(**{**given, "cuts": CUTS, **changes})


def points(**changes):
    given = {
        "ra": [10.0, 350.0, 180.0, np.nan],
        "dec": [0.0, 20.0, -80.0, 0.0],
        "time": [61000.1, 61000.2, 61001.1, 61001.2],
        "magnitude": [20.0, 21.0, np.nan, 19.0],
        "passes": [True, False, True, False],
    }
    return pd.DataFrame({**given, **changes})


@pytest.fixture
def axes():
    return preview_figure(preview(), points()).axes


def test_the_bars_are_what_is_left_and_what_one_cut_alone_removes(axes):
    left, alone = axes[0].containers
    assert [bar.get_width() for bar in left] == [4, 3, 2]
    assert [(bar.get_x(), bar.get_width()) for bar in alone][1:] == [(3, 1), (2, 0)]
    assert [label.get_text() for label in axes[0].get_yticklabels()] == ["alerts read", *CUTS["cut"]]
    assert axes[0].yaxis_inverted()


def test_right_ascension_increases_to_the_left_in_a_projection_of_equal_areas(axes):
    assert axes[1].name == "mollweide"
    read, passed = (points.get_offsets() for points in axes[1].collections)
    assert np.degrees(read).tolist() == [[10, 20]]
    assert sorted(np.degrees(passed).round(6).tolist()) == [[-10, 0], [180, -80]]
    labels = [label.get_text() for label in axes[1].get_xticklabels()]
    assert labels == ["120°", "60°", "0°", "300°", "240°"]


def test_bright_is_up_and_what_has_no_magnitude_is_counted(axes):
    assert axes[2].yaxis_inverted()
    failed, passed = (points.get_offsets().tolist() for points in axes[2].collections)
    assert (failed, passed) == ([[61000.2, 21.0], [61001.2, 19.0]], [[61000.1, 20.0]])
    assert axes[2].get_title(loc="left") == "1 without a magnitude"


def test_julian_dates_are_drawn_as_modified_ones():
    light = preview_figure(preview(), points(time=[2461000.6, 2461000.7, 2461001.6, 2461001.7])).axes[2]
    assert light.collections[1].get_offsets().tolist() == [[pytest.approx(61000.1), 20.0]]


@pytest.mark.parametrize(
    ("known", "drawn"), [(["ra", "dec"], ["mollweide"]), (["time", "magnitude"], ["rectilinear"]), ([], [])]
)
def test_what_is_not_known_is_left_out(known, drawn, tmp_path):
    figure = preview_figure(preview(), points()[["passes", *known]])
    assert [ax.name for ax in figure.axes] == ["rectilinear", *drawn]
    figure.savefig(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 0


def test_a_preview_of_nothing_is_drawn(tmp_path):
    nothing = CUTS.assign(left=0, only_this=0)
    some = preview(read=0, passed=0, pass_rate=float("nan"), interval=(float("nan"),) * 2, cuts=nothing)
    figure = preview_figure(some, points().head(0))
    figure.savefig(tmp_path / "figure.png")
    assert [ax.name for ax in figure.axes] == ["rectilinear"]


def test_text_with_dollars_is_no_mathematics(tmp_path):
    figure = preview_figure(preview(name="a$b$", cuts=CUTS.assign(cut="x = '$\\frac$'")), points())
    figure.savefig(tmp_path / "figure.png")
    assert figure.axes[0].get_yticklabels()[1].get_text() == r"x = '\$\frac\$'"


def test_a_notebook_shows_it_as_a_picture():
    assert preview_figure(preview(), points())._repr_png_().startswith(b"\x89PNG")
