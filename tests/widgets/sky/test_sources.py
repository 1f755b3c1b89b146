from types import SimpleNamespace

import pandas as pd
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from mocpy import MOC
from skysieve import Filter
from skysieve_widgets.sky.layers import Density, Points, Probability, Region
from skysieve_widgets.sky.sources import layers_of

from widgets import packets

from .test_skymaps import BAYESTAR, blob, flat, multi_order


def table(count=3):
    return pd.DataFrame({"candid": range(count), "ra": [10.0] * count, "dec": [20.0] * count})


def kinds(source, **how):
    return [(type(layer), layer.name) for layer in layers_of(source, **how)]


def test_a_few_alerts_are_points_and_many_a_density():
    assert kinds(table()) == [(Points, "alerts")]
    assert kinds(table(5000)) == [(Points, "alerts")]
    assert kinds(table(5001)) == [(Density, "alerts")]
    assert kinds(table(), density=True) == [(Density, "alerts")]
    assert kinds(table(5001), density=False, name="all") == [(Points, "all")]


def test_a_preview_is_what_was_read_and_what_passes():
    preview = SimpleNamespace(name="bright", sql="x", alerts=table(2), table=table(9))
    assert kinds(preview) == [(Density, "read"), (Points, "passes bright")]
    without = SimpleNamespace(filter=object(), alerts=table(2))
    assert kinds(without) == [(Points, "passes")]


def test_a_difference_is_what_is_kept_lost_and_gained_each_in_its_colour():
    diff = SimpleNamespace(gained=table(1), lost=table(0), kept=table(2), table=table(5))
    layers = layers_of(diff)
    assert [layer.name for layer in layers] == ["read", "kept", "lost", "gained"]
    assert len({layer.colour for layer in layers[1:]}) == 3


def test_regions_and_probabilities_are_told_apart():
    assert kinds(MOC.from_str("3/42")) == [(Region, "region")]
    assert kinds(multi_order()) == [(Probability, "S1")]
    assert kinds(flat(blob()), name="mine") == [(Probability, "mine")]
    assert kinds(SkyCoord([1], [2], unit="deg")) == [(Points, "alerts")]


def test_what_is_a_layer_already_stays_what_it_is():
    (layer,) = layers_of(table())
    assert layers_of(layer) == [layer]


@pytest.mark.parametrize("suffix", ["fits", "json", "txt"])
def test_files_of_regions_are_read(tmp_path, suffix):
    moc = MOC.from_str("3/42-44 5/9000")
    path = tmp_path / f"field.v2.{suffix}"
    moc.save(path, format={"txt": "ascii"}.get(suffix, suffix))
    (layer,) = layers_of(str(path))
    assert (layer.name, layer.moc) == ("field", moc)


def test_files_of_probabilities_are_read(tmp_path):
    path = tmp_path / "S250101a.multiorder.fits"
    made = multi_order()
    del made.meta["OBJECT"]
    made.write(path)
    (layer,) = layers_of(path)
    assert (type(layer), layer.name) == (Probability, "S250101a")
    assert layer.skymap.region(0.9) == layers_of(made)[0].skymap.region(0.9)


@pytest.mark.real_data
def test_real_files_are_told_apart():
    footprint = packets.DATA / "catalogs" / "lsst-uk+lasair-lsst" / "ar_1.fits"
    assert kinds(footprint) == [(Region, "ar_1")]
    assert kinds(BAYESTAR) == [(Probability, "G330561")]


def test_files_that_are_neither_are_refused_with_what_they_are(tmp_path):
    text = tmp_path / "a.fits"
    text.write_text("no FITS at all")
    with pytest.raises(ValueError, match=r"a\.fits is neither a FITS file nor a MOC in JSON"):
        layers_of(text)
    image = tmp_path / "b.fits"
    fits.PrimaryHDU().writeto(image)
    with pytest.raises(ValueError, match=r"b\.fits has no table"):
        layers_of(image)
    with pytest.raises(FileNotFoundError, match=r"no file .*c\.fits"):
        layers_of(tmp_path / "c.fits")


def test_a_spark_dataframe_is_refused_before_anything_is_asked_of_it():
    class SparkLike:
        def toPandas(self):  # noqa: N802
            raise AssertionError("it may be large")

        def __getattr__(self, name):
            raise AssertionError(f"an attribute is a question to the server: {name}")

    with pytest.raises(TypeError, match=r"give what \.toPandas\(\) gives"):
        layers_of(SparkLike())


def test_a_filter_alone_has_no_places():
    with pytest.raises(TypeError, match=r"give SkyMap\(sky\.preview\(filter\)\)"):
        layers_of(Filter("bright", "diaSource.snr > 20", stream="lsst-alerts"))
