import sys

import pandas as pd
import pytest
from mocpy import MOC
from skysieve_widgets import SkyMap

from .test_skymaps import multi_order

ID = 170094456248729605


@pytest.fixture
def sky():
    table = pd.DataFrame({"diaSourceId": [ID], "ra": [10.0], "dec": [20.0]})
    return SkyMap(MOC.from_str("3/42"), multi_order(), table, centre=50)


def test_without_ipyaladin_it_is_said_what_to_install(sky, monkeypatch):
    monkeypatch.setitem(sys.modules, "ipyaladin", None)
    with pytest.raises(ImportError, match=r"pip install 'skysieve\[aladin\]'"):
        sky.aladin()


def test_all_layers_are_put_over_the_images_of_the_sky(sky):
    shown = sky.aladin(fov=20)
    assert shown.fov.deg == 20
    assert shown.target.ra.deg == 50
    overlays = dict(shown._overlay_manager.items())
    assert list(overlays) == ["region", "S1 90 %", "S1 50 %", "alerts"]
    assert overlays["alerts"]["table"]["id"].tolist() == [str(ID)]
    assert overlays["alerts"]["options"]["color"] == sky.layers[2].colour
    assert overlays["S1 50 %"]["moc"] == sky.layers[1].skymap.region(0.5).serialize("json")


def test_hidden_layers_are_left_out(sky):
    sky.hidden = ["region", "S1"]
    assert list(sky.aladin()._overlay_manager.keys()) == ["alerts"]
