"""Enriched streams: filters, previews and deployments use what enrichments give as they use what packets hold."""

import shutil
import threading

import numpy as np
import offline
import pandas as pd
import pytest
from conftest import delivered
from skysieve import DeploymentError, Filter
from skysieve.engine import registry
from skysieve.enrich import Classifier, Computed, Crossmatch, Features, Watchlist, Watchmap
from skysieve.errors import ColumnError, EnrichmentError
from skysieve.sources import send, simulate


def packets(count, seed):
    return [alert.packet for alert in simulate(count, seed=seed, pool=20)]


def sources(sent):
    return [offline.alert(packet.value)["diaSource"] for packet in sent]


def ids(records):
    return sorted(offline.alert(record.value)["diaSource"]["diaSourceId"] for record in records)


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("SKYSIEVE_STORE", str(tmp_path / "store"))


@pytest.fixture
def sent(stream, topics):
    made = packets(120, 81)
    send(made, stream, topics.bootstrap)
    return made


@pytest.fixture
def catalog(sent):
    """Every third alert has an object half an arcsecond to its north."""
    some = sources(sent)[::3]
    return pd.DataFrame(
        {
            "ra": [s["ra"] for s in some],
            "dec": [s["dec"] + 0.5 / 3600 for s in some],
            "name": [f"star {s['diaSourceId']}" for s in some],
        }
    )


@pytest.fixture
def enrich(sky, stream):
    yield lambda **what: sky.enrich(stream, **what)
    sky.stream(stream).state(None)
    sky.stream(stream).enrich(**dict.fromkeys(sky.stream(stream).enrichments))


def test_a_preview_and_a_deployment_select_by_the_nearest_object(
    sky, stream, sent, catalog, enrich, name, deployed
):
    enrich(gaia=Crossmatch(catalog, "1.5 arcsec", ["name"]))
    spec = Filter(name, "diaSource.snr > 12 AND gaia.sep < 1 AND gaia.name LIKE 'star%'", stream)
    near = {s["diaSourceId"] for s in sources(sent)[::3]}
    seen = sky.preview(spec)
    wanted = sorted(
        s["diaSourceId"] for s in sources(sent) if s["diaSourceId"] in near and (s["snr"] or 0) > 12
    )
    assert 0 < len(wanted) < len(near)
    assert sorted(seen.alerts["diaSource.diaSourceId"]) == wanted
    assert seen.alerts["gaia.sep"].between(0.49, 0.51).all()
    (cost,) = seen.costs.to_dict("records")
    assert (cost["enrichment"], cost["alerts"]) == ("gaia", len(sent))
    assert cost["seconds"] > 0
    assert not [column for column in seen.alerts if column.startswith("took")]
    one = sky.deploy(spec, start="earliest").wait("running")
    deployed.append(one)
    assert ids(delivered(one, len(wanted))) == wanted


def test_filters_with_and_without_it_share_a_bank_and_a_python_filter_can_use_it(
    sky, stream, topics, sent, catalog, enrich, name, deployed
):
    enrich(gaia=Crossmatch(catalog, "1.5 arcsec", ["name"]), area=Watchmap(_half()))
    specs = {
        "star": (f"{name}-star", "gaia.n >= 1", "sql"),
        "none": (f"{name}-none", "gaia.sep IS NULL AND diaSource.snr > 5", "sql"),
        "plain": (f"{name}-plain", "diaSource.snr > 5", "sql"),
        "area": (f"{name}-area", "area.inside", "sql"),
        "python": (f"{name}-python", "def near(sep):\n    return sep.notna()\n", "python"),
    }
    for what, (label, where, language) in specs.items():
        deployed.append(sky.deploy(Filter(label, where, stream, language=language), start="earliest"))
        specs[what] = deployed[-1].wait("running")
    fresh = packets(60, 82)
    send(fresh, stream, topics.bootstrap)
    every = sources([*sent, *fresh])
    near = {s["diaSourceId"] for s in sources(sent)[::3]}
    bright = [s["diaSourceId"] for s in every if (s["snr"] or 0) > 5]
    expected = {
        "star": near,
        "none": set(bright) - near,
        "plain": bright,
        "area": [s["diaSourceId"] for s in every if s["dec"] < 0],
        "python": near,
    }
    for what, wanted in expected.items():
        assert ids(delivered(specs[what], len(wanted))) == sorted(wanted), what


def _half():
    import astropy.units as u
    from astropy.coordinates import Latitude, Longitude
    from mocpy import MOC

    return MOC.from_cone(lon=Longitude(0 * u.deg), lat=Latitude(-90 * u.deg), radius=90 * u.deg, max_depth=13)


def test_columns_tell_what_they_are_made_of(sky, stream, sent, catalog, enrich):
    enrich(gaia=Crossmatch(catalog, "1.5 arcsec", ["name"], epoch="J2016.0"))
    columns = sky.stream(stream).columns().set_index("name")
    assert columns.loc["gaia.sep", "unit"] == "arcsec"
    assert "J2016.0, 40 objects" in columns.loc["gaia.sep", "description"]
    with pytest.raises(ColumnError, match=r"gaia\.name"):
        sky.preview(Filter("x", "gaia.nam = 'a'", stream))


def test_what_deployed_filters_use_stays_and_a_watchlist_can_be_edited(
    sky, stream, topics, sent, catalog, enrich, name, deployed
):
    enrich(gaia=Crossmatch(catalog, "1.5 arcsec"), mine=Watchlist(catalog, "1 arcsec"))
    one = sky.deploy(Filter(name, "gaia.n > 0", stream)).wait("running")
    two = sky.deploy(Filter(f"{name}-mine", "mine.n > 0", stream)).wait("running")
    deployed += [one, two]
    with pytest.raises(EnrichmentError, match=f"gaia is used by what is deployed \\({name}\\)"):
        sky.enrich(stream, gaia=Crossmatch(catalog, "2 arcsec"))
    with pytest.raises(EnrichmentError, match="is used by"):
        sky.enrich(stream, mine=None)
    fresh = packets(40, 83)
    every = sources(fresh)
    other = pd.DataFrame({"ra": [s["ra"] for s in every], "dec": [s["dec"] for s in every]})
    enrich(mine=Watchlist(other, "1 arcsec"))
    two.wait("running")
    threading.Event().wait(6)
    send(fresh, stream, topics.bootstrap)
    assert ids(delivered(two, 40)) == sorted(s["diaSourceId"] for s in every)


def test_features_and_a_classifier_on_a_stream_are_those_offline(sky, stream, sent, enrich, tmp_path):
    from skl2onnx import to_onnx
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(9)
    x = rng.normal(20, 10, (300, 2)).astype(np.float32)
    trained = LogisticRegression().fit(x, x[:, 0] > x[:, 1])
    path = tmp_path / "model.onnx"
    path.write_bytes(to_onnx(trained, x[:1], options={"zipmap": False}).SerializeToString())
    enrich(
        lc=Features(["Amplitude"], bands="r", least=3),
        ml=Classifier(path, ["snr", "diaObject.nDiaSources"], ["few", "bright"]),
    )
    every = [offline.alert(packet.value) for packet in sent]
    expected = {}
    for alert in every:
        own = alert["diaSource"]
        points = [s for s in [own, *(alert["prvDiaSources"] or [])] if s["band"] == "r" and s["psfFlux"] > 0]
        times = {s["midpointMjdTai"]: 31.4 - 2.5 * np.log10(s["psfFlux"]) for s in points}
        if len(times) >= 3:
            expected[own["diaSourceId"]] = (max(times.values()) - min(times.values())) / 2
    seen = sky.preview(Filter("x", "lc.r_amplitude IS NOT NULL", stream))
    found = dict(zip(seen.alerts["diaSource.diaSourceId"], seen.alerts["lc.r_amplitude"], strict=True))
    assert len(expected) > 5
    assert found == pytest.approx(expected, abs=1e-6)

    known = [a for a in every if a["diaObject"] is not None and a["diaSource"]["snr"] is not None]
    asked = np.array(
        [[a["diaSource"]["snr"], a["diaObject"]["nDiaSources"]] for a in known], dtype=np.float32
    )
    bright = trained.predict(asked)
    seen = sky.preview(Filter("x", "ml.best = 'bright' AND diaObject.nDiaSources IS NOT NULL", stream))
    wanted = [a["diaSource"]["diaSourceId"] for a, b in zip(known, bright, strict=True) if b]
    assert 0 < len(wanted) < len(known)
    assert sorted(seen.alerts["diaSource.diaSourceId"]) == sorted(wanted)


def test_a_user_adds_one_in_a_few_lines(sky, stream, sent, enrich):
    def brightness(psfFlux, psfFluxErr):  # noqa: N803
        import numpy as np

        return {"log_flux": np.log10(psfFlux.clip(lower=1)), "is_good": psfFlux > 5 * psfFluxErr}

    enrich(own=Computed(brightness, {"log_flux": "double [dex] Logarithm", "is_good": "boolean"}))
    seen = sky.preview(Filter("x", "own.is_good AND own.log_flux > 3", stream))
    wanted = [
        s["diaSourceId"]
        for s in sources(sent)
        if s["psfFlux"] > 5 * s["psfFluxErr"] and np.log10(max(s["psfFlux"], 1)) > 3
    ]
    assert sorted(seen.alerts["diaSource.diaSourceId"]) == sorted(wanted)


def test_one_reads_what_another_gives_in_previews_and_deployments(
    sky, stream, sent, catalog, enrich, name, deployed
):
    def compare(sep, psfFlux):  # noqa: N803
        return {"score": (1 - sep) * psfFlux}

    def double(score):
        return {"twice": 2 * score}

    enrich(gaia=Crossmatch(catalog, "1.5 arcsec"))
    enrich(own=Computed(compare, {"score": "double"}), more=Computed(double, {"twice": "double"}))
    spec = Filter(name, "more.twice > 1000 AND diaSource.snr > 5", stream)
    wanted = sorted(
        s["diaSourceId"] for s in sources(sent)[::3] if s["psfFlux"] > 1000 and (s["snr"] or 0) > 5
    )
    assert 0 < len(wanted) < len(catalog)
    seen = sky.preview(spec)
    assert sorted(seen.alerts["diaSource.diaSourceId"]) == wanted
    assert not [one for one in seen.lint if "schema" in one.kind]
    deployed.append(sky.deploy(spec, start="earliest").wait("running"))
    assert ids(delivered(deployed[0], len(wanted))) == wanted
    with pytest.raises(EnrichmentError, match="gaia is used by what is deployed"):
        enrich(gaia=Crossmatch(catalog, "2 arcsec"))


def test_what_another_reads_is_not_taken_back(sky, stream, sent, catalog, enrich):
    def compare(sep):
        return {"score": 1 - sep}

    def circle(score):
        return {"sep": score}

    enrich(gaia=Crossmatch(catalog, "1.5 arcsec"), own=Computed(compare, {"score": "double"}))
    with pytest.raises(EnrichmentError, match=r"'own' reads gaia\.sep, which the stream does not have"):
        enrich(gaia=None)
    enrich(gaia=Crossmatch(catalog, "2 arcsec"))
    with pytest.raises(ColumnError, match="score"):  # which comes after it
        enrich(gaia=Computed(circle, {"sep": "double"}))
    enrich(own=None, gaia=None)
    assert not sky.stream(stream).enrichments


def test_one_that_cannot_be_had_any_more_fails_its_filters_alone_and_is_named(
    sky, stream, topics, sent, catalog, enrich, name, deployed, tmp_path
):
    enrich(gaia=Crossmatch(catalog, "1.5 arcsec"))
    near = sky.deploy(Filter(f"{name}-gaia", "gaia.n > 0", stream)).wait("running")
    deployed.append(near)
    shutil.rmtree(tmp_path / "store")
    with pytest.raises(EnrichmentError, match="was made into is gone"):
        sky.deploy(Filter(f"{name}-late", "gaia.n > 1", stream))
    said = registry.stated(topics, stream)
    odd = {**said.enrichments, "odd": {"kind": "from-a-later-release"}}
    registry.state(topics, stream, said.model_copy(update={"enrichments": odd}))
    plain = sky.deploy(Filter(f"{name}-plain", "diaSource.snr > 5", stream)).wait("running")
    deployed.append(plain)
    with pytest.raises(DeploymentError, match="was made into is gone"):
        near.wait("paused")
    assert plain.status().state == "running"
    with pytest.raises(ColumnError, match=r"odd\.sep"):
        sky.deploy(Filter(f"{name}-odd", "odd.sep < 1", stream))


def test_a_name_of_the_packet_is_refused(sky, stream, sent):
    with pytest.raises(EnrichmentError, match="take another name"):
        sky.enrich(stream, diaSource=Watchmap(_half()))
