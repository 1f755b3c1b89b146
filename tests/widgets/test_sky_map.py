"""The live sky map without a browser: its state, what it sends, and its picture."""

import math

import numpy as np
import pandas as pd
import pytest
import traitlets
from mocpy import MOC
from skysieve_widgets import SkyMap
from skysieve_widgets.sky.drawing import COLOURS, GREY
from skysieve_widgets.sky.projection import project

ID = 170094456248729605
BAD = '<script>alert("x")</script>'


def table(ra=(10.0, 350.0, 180.0), dec=(0.0, 20.0, -80.0)):
    return pd.DataFrame({"diaSource.diaSourceId": [ID + i for i in range(len(ra))], "ra": ra, "dec": dec})


@pytest.fixture
def sky():
    return SkyMap(table(), MOC.from_str("3/42"), centre=30)


def drawn(sky):
    return sky.figure().axes[0]


def points(ax):
    return [line.get_xydata() for line in ax.lines]


def test_the_centre_can_be_set_and_is_a_right_ascension(sky):
    sky.centre = -90
    assert sky.centre == 270
    with pytest.raises(traitlets.TraitError, match="right ascension in degrees"):
        sky.centre = math.nan
    assert sky.centre == 270


def test_alerts_are_selected_by_their_exact_id(sky):
    sky.selected = [str(ID + 1)]
    with pytest.raises(traitlets.TraitError, match="no alert on the map is called '7'"):
        sky.selected = ["7"]
    assert sky.selected == [str(ID + 1)]


def test_layers_are_hidden_by_name(sky):
    sky.hidden = ["region"]
    assert len(drawn(sky).images) == 0
    sky.hidden = []
    assert len(drawn(sky).images) == 1
    with pytest.raises(traitlets.TraitError, match="no layer is called 'x'"):
        sky.hidden = ["x"]


def test_a_place_pointed_at_is_a_place_on_the_sky(sky):
    sky.pointed = [-10.0, 5.0]
    assert sky.pointed == [350.0, 5.0]
    for wrong in ([1.0], [1.0, 91.0], [math.nan, 0.0]):
        with pytest.raises(traitlets.TraitError, match="a place is"):
            sky.pointed = wrong
    sky.pointed = []


def test_the_state_can_be_given_at_the_beginning():
    sky = SkyMap(table(), hidden=["alerts"], selected=[str(ID)], ecliptic=False)
    assert (sky.hidden, sky.selected, sky.ecliptic) == (["alerts"], [str(ID)], False)


def test_a_region_between_two_places_of_the_raster_is_still_in_it():
    for cell in (200_000_001, 200_300_007, 123_456_789):
        payload = SkyMap(MOC.from_str(f"12/{cell}"))._layers[0]
        assert np.frombuffer(payload["values"], "<u2").any()


def test_layers_have_names_and_colours_of_their_own():
    sky = SkyMap(table(), table()).add(table()).add(table(), "read").add(table(), "mine", colour="red")
    assert [layer.name for layer in sky.layers] == ["alerts", "alerts 2", "alerts 3", "read", "mine"]
    assert [layer.colour for layer in sky.layers] == [*COLOURS[:3], GREY, "#ff0000"]


def test_what_cannot_be_shown_leaves_the_map_as_it_was(sky):
    before = sky.layers
    with pytest.raises(ValueError, match="no right ascension"):
        sky.add(pd.DataFrame({"a": [1]}))
    assert sky.layers == before
    assert len(sky._layers) == 2


def test_the_browser_gets_positions_as_numbers_and_ids_as_text(sky):
    alerts, region = sky._layers
    places = np.frombuffer(alerts["places"], "<f8").reshape(-1, 2)
    assert places.tolist() == [[10.0, 0.0], [350.0, 20.0], [180.0, -80.0]]
    assert alerts["ids"] == [str(ID), str(ID + 1), str(ID + 2)]
    assert "places" not in region
    assert region["lines"]


def test_the_browser_gets_a_raster_of_what_lies_where(sky):
    region = sky._layers[1]
    raster = np.frombuffer(region["values"], "<u2").reshape(360, 720)
    ra, dec = np.meshgrid((np.arange(720) + 0.5) / 2, 90 - (np.arange(360) + 0.5) / 2)
    exact = sky.layers[1].values(ra, dec)
    assert (raster >= exact).all()
    assert (raster != exact).sum() < 30  # along the edge
    assert np.average(raster, weights=np.cos(np.radians(dec))) == pytest.approx(1 / 768, rel=0.2)
    assert list(region["strength"]) == [0, 76]


def test_the_picture_has_right_ascension_to_the_left_about_the_centre(sky):
    (places,) = points(drawn(sky))
    assert places == pytest.approx(project(np.array([10.0, 350, 180]), np.array([0.0, 20, -80]), 30))
    assert places[1, 0] > places[0, 0] > 0  # 350° lies to the right of 10°, both to the right of 30°


def test_the_picture_rings_what_is_selected(sky):
    sky.selected = [str(ID + 2)]
    ringed = points(drawn(sky))[1]
    assert ringed == pytest.approx(project(np.array([180.0]), np.array([-80.0]), 30))


def test_the_picture_names_what_it_shows(sky):
    legend = [text.get_text() for text in drawn(sky).get_legend().get_texts()]
    assert legend == ["alerts: 3", "region: 53.7 deg²", "galactic plane", "ecliptic"]
    sky.galactic = sky.ecliptic = False
    assert len(drawn(sky).get_legend().get_texts()) == 2
    assert len(drawn(sky).collections) < len(drawn(SkyMap(table(), MOC.from_str("3/42"))).collections)


@pytest.mark.parametrize(
    "sources",
    [
        (),
        (table().head(0),),
        (table((np.nan,), (1.0,)),),
        (MOC.new_empty(3),),
        (table((0.0, 1.0), (90.0, -90.0)),),
    ],
    ids=["nothing", "no rows", "NaN", "empty region", "poles"],
)
def test_little_or_nothing_is_drawn(sources):
    sky = SkyMap(*sources)
    assert sky.figure()._repr_png_().startswith(b"\x89PNG")


def test_a_saved_notebook_shows_a_picture_with_a_description(sky):
    page = sky._repr_mimebundle_()[0]["text/html"]
    assert page.startswith(
        '<img alt="Map of the sky, alerts: 3; region: 53.7 deg²" src="data:image/png;base64,'
    )
    assert sky._label in page


def test_names_are_escaped():
    sky = SkyMap().add(table(), BAD)
    assert "<script" not in sky.static_html()
    assert sky.figure()._repr_png_().startswith(b"\x89PNG")
    assert SkyMap().add(table(), "$\\frac{").figure()._repr_png_().startswith(b"\x89PNG")
