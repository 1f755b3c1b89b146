"""Sky maps, light-curve features and classifiers give what the same packages give offline."""

import light_curve
import numpy as np
import pyarrow as pa
import pytest
from conftest import DATA
from skysieve.enrich import Classifier, Features, Skymap
from skysieve.enrich.base import read, written
from skysieve.enrich.store import Store
from skysieve.errors import ColumnError, EnrichmentError
from skysieve.packets import formats
from skysieve_widgets.sky.skymaps import read_skymap

COLUMNS, PLACES = formats.get("lsst").columns(), formats.get("lsst").places


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.mark.real_data
def test_the_level_in_a_sky_map_is_that_of_the_map_itself(store):
    path = next((DATA / "skymaps").rglob("*.fits.gz"))
    rng = np.random.default_rng(5)
    ra, dec = rng.uniform(0, 360, 5000), np.degrees(np.arcsin(rng.uniform(-1, 1, 5000)))
    made = read(written(Skymap(path).prepared(store, COLUMNS, PLACES)))
    found = made.on_arrow(pa.array(ra), pa.array(dec))
    assert found.field("level").to_pylist() == pytest.approx(read_skymap(path).credible(ra, dec).tolist())
    inside = read_skymap(path).region(0.9)
    import astropy.units as u

    expected = inside.contains_lonlat(ra * u.deg, dec * u.deg)
    level = found.field("level").to_numpy(zero_copy_only=False)
    assert 0 < expected.sum() < 5000
    assert ((level <= 0.9) == expected).mean() > 0.999  # cells of equal density at the edge
    assert made.on_arrow(pa.array([None, 1.0]), pa.array([0.0, None])).field("level").to_pylist() == [
        None,
        None,
    ]


@pytest.mark.parametrize("what", [b"no FITS", b""])
def test_a_sky_map_that_cannot_be_read_is_named(store, tmp_path, what):
    path = tmp_path / "gw.fits"
    path.write_bytes(what)
    with pytest.raises(EnrichmentError, match=r"gw\.fits cannot be read"):
        Skymap(path).prepared(store, COLUMNS, PLACES)


def curves(*each):
    kind = pa.list_(pa.struct({"t": pa.float64(), "m": pa.float64()}))
    return pa.array(each, kind)


def test_features_are_those_of_the_package_in_any_order_of_points(store):
    rng = np.random.default_rng(6)
    t, m = np.sort(rng.uniform(0, 50, 12)), rng.normal(20, 1, 12)
    shuffled = rng.permutation(12)
    points = [{"t": float(t[i]), "m": float(m[i])} for i in shuffled]
    made = Features(["Amplitude", "LinearTrend", "Periodogram"], bands="g").prepared(store, COLUMNS, PLACES)
    found = read(written(made)).on_arrow(curves(points, points[:3], None, [])).to_pylist()
    extractor = light_curve.Extractor(
        light_curve.Amplitude(), light_curve.LinearTrend(), light_curve.Periodogram()
    )
    expected = extractor(t, m, np.ones(12), sorted=True)
    assert list(found[0].values()) == pytest.approx(expected.tolist())
    assert [set(row.values()) for row in found[1:]] == [{None}] * 3
    assert {"g_amplitude", "g_linear_trend"} <= found[0].keys()


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (lambda: Features(["Amplitud"]), "no feature 'Amplitud'.*Amplitude"),
        (lambda: Features(bands="gx"), "no band 'x'"),
    ],
)
def test_features_that_cannot_be_are_refused(store, made, says):
    with pytest.raises(EnrichmentError, match=says):
        made().prepared(store, COLUMNS, PLACES)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model of two features and three classes, and the same as ONNX."""
    from skl2onnx import to_onnx
    from sklearn.ensemble import RandomForestClassifier

    rng = np.random.default_rng(7)
    x = rng.normal(0, 1, (400, 2)).astype(np.float32)
    trained = RandomForestClassifier(20, random_state=0).fit(x, (x[:, 0] > 0).astype(int) + (x[:, 1] > 0))
    path = tmp_path_factory.mktemp("model") / "forest.onnx"
    path.write_bytes(to_onnx(trained, x[:1], options={"zipmap": False}).SerializeToString())
    return trained, path


FEATURES, CLASSES = ["diaSource.snr", "reliability"], ["SN Ia", "AGN", "other"]


def test_a_classifier_says_what_the_model_says_offline(store, model):
    trained, path = model
    x = np.random.default_rng(8).normal(0, 1, (300, 2)).astype(np.float32)
    made = Classifier(path, FEATURES, CLASSES).prepared(store, COLUMNS, PLACES)
    assert made.reads == ("diaSource.snr", "diaSource.reliability")
    found = read(written(made)).on_arrow(*(pa.array(column) for column in x.T))
    expected = trained.predict_proba(x)
    p = np.column_stack([found.field(f"p_{name}") for name in ("SN_Ia", "AGN", "other")])
    assert p == pytest.approx(expected, abs=1e-5)
    assert found.field("score").to_pylist() == pytest.approx(expected.max(axis=1).tolist(), abs=1e-5)
    assert found.field("best").to_pylist() == [CLASSES[i] for i in p.argmax(axis=1)]


@pytest.mark.parametrize(
    ("features", "classes", "error", "says"),
    [
        (["snr"], CLASSES, EnrichmentError, "does not take 1 features"),
        (FEATURES, ["a", "b"], EnrichmentError, "no probabilities of 2 classes"),
        (FEATURES, ["a"], EnrichmentError, "at least two different names"),
        (["snr", "no_such"], CLASSES, ColumnError, "no_such"),
        (["snr", "prvDiaSources"], CLASSES, EnrichmentError, "which is no number"),
    ],
)
def test_a_model_with_other_inputs_or_outputs_is_refused(store, model, features, classes, error, says):
    with pytest.raises(error, match=says):
        Classifier(model[1], features, classes).prepared(store, COLUMNS, PLACES)


def test_what_is_no_model_is_refused(store, tmp_path):
    path = tmp_path / "x.onnx"
    path.write_bytes(b"nothing")
    with pytest.raises(EnrichmentError, match="is no ONNX"):
        Classifier(path, FEATURES, CLASSES).prepared(store, COLUMNS, PLACES)
    with pytest.raises(EnrichmentError, match="There is no model"):
        Classifier(tmp_path / "none.onnx", FEATURES, CLASSES).prepared(store, COLUMNS, PLACES)
