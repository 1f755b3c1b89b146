"""What Spark leaves out near small catalogues is near nothing, and passes what it passed before."""

import math
from pathlib import Path

import numpy as np
import offline
import pandas as pd
import pytest
from pyspark.sql import functions as F  # noqa: N812
from skysieve import Filter
from skysieve.engine import hits, plan
from skysieve.enrich import Crossmatch, zones
from skysieve.enrich.base import MAYBE, sieved
from skysieve.enrich.chain import adding
from skysieve.enrich.store import Store
from skysieve.errors import FilterError
from skysieve.sources import Packet, send, simulate
from skysieve.stream_topics import rejected_topic

from .test_positions import HARD, astropys, scattered

COUNT = 400


def marked(spark, folder, ra, dec, found):
    """Which positions may be near one of those written."""
    table = spark.createDataFrame(pd.DataFrame({"number": range(len(ra)), "ra": ra, "dec": dec}))
    near = zones.near(table, "near", "ra", "dec", str(folder), found).orderBy("number").toPandas()
    assert len(near) == len(ra)
    return near["near"].to_numpy()


@pytest.mark.parametrize("radius", [0.5 / 3600, 30 / 3600, 0.2, 0.5])
def test_all_that_astropy_finds_near_are_marked_and_few_others(sky, tmp_path, radius):
    rng = np.random.default_rng(1)
    ra, dec = scattered(rng, COUNT, HARD, 3 * radius)
    other_ra, other_dec = scattered(rng, COUNT, HARD, 3 * radius)
    found = zones.write(tmp_path, other_ra, other_dec, np.full(COUNT, radius))
    near = {i for i, _ in astropys(ra, dec, other_ra, other_dec, radius)}
    far_ra, far_dec = rng.uniform(0, 360, COUNT), np.degrees(np.arcsin(rng.uniform(-1, 1, COUNT)))
    says = marked(sky.spark, tmp_path, np.concatenate([ra, far_ra]), np.concatenate([dec, far_dec]), found)
    assert len(near) > 100
    assert not near - set(np.flatnonzero(says))
    assert says[COUNT:].mean() < 0.2


def test_each_circle_has_its_own_radius_and_an_edge_is_inside(sky, tmp_path):
    places, radii = [(10.0, 89.9), (359.9999, 0.0), (0.0, -90.0), (100.0, 45.0)], [600.0, 2.0, 60.0, 0.1]
    ra, dec = (np.array(each) for each in zip(*places, strict=True))
    reach = np.array(radii) / 3600
    found = zones.write(tmp_path, ra, dec, reach)
    turns = np.linspace(0, 2 * math.pi, 24, endpoint=False)
    edge = np.array(
        [offset(*place, r, turn) for place, r in zip(places, reach, strict=True) for turn in turns]
    )
    assert marked(sky.spark, tmp_path, edge[:, 0], edge[:, 1], found).all()
    assert marked(sky.spark, tmp_path, edge[:, 0] - 360, edge[:, 1], found).all()


def offset(ra, dec, radius, turn):
    """The position that is so far from another, in a direction from north over east."""
    from astropy import units as u
    from astropy.coordinates import SkyCoord

    found = SkyCoord(ra, dec, unit="deg").directional_offset_by(turn * u.rad, radius * u.deg)
    return found.ra.deg, found.dec.deg


def test_a_catalogue_that_is_large_or_covers_much_of_the_sky_is_left_to_python(tmp_path):
    some, none = np.array([10.0]), np.array([])
    assert zones.write(tmp_path, none, none, none) == 0
    many = np.linspace(0, 359, 200_001)
    assert zones.write(tmp_path, many, many / 360, np.full(len(many), 1e-4)) == 0
    every = np.linspace(-80, 80, 500)
    assert zones.write(tmp_path, np.mod(every * 37, 360), every, np.full(500, 5.0)) == 0
    assert zones.write(tmp_path, some, some, np.array([1.5 / 3600])) > 0


CUTS = [
    "gaia.sep < 1",
    "gaia.n >= 1",
    "gaia.n = 0",
    "gaia.sep IS NULL AND diaSource.snr > 5",
    "NOT gaia.sep > 0.4",
    "gaia.sep < 1 OR diaSource.snr > 30",
    "coalesce(gaia.sep, 99) > 1",
    "gaia.sep < 1 AND every.n > 1 AND size(every.sep) < 3",
    "size(every.name) = 0",
    "every.sep IS NOT NULL",
    "gaia.sep < 1 OR every.n = 2",
    "moving.n = 1 AND gaia.n = 1",
    "diaSource.snr > 20",
]


def test_filters_pass_with_it_what_they_pass_without(sky, stream, topics, tmp_path, monkeypatch):
    sent = [alert.packet for alert in simulate(120, seed=83, pool=20)]
    send([*sent, Packet(b"no packet", None)], stream, topics.bootstrap)
    some = [offline.alert(packet.value)["diaSource"] for packet in sent][::3]
    table = pd.DataFrame(
        {
            "ra": [s["ra"] for s in some],
            "dec": [s["dec"] for s in some],
            "name": "a",
            "pmra": 0.0,
            "pmdec": 0.0,
        }
    )
    source = sky.stream(stream)
    known, store = (source.format.columns(), source.format.places), Store(tmp_path / "store")
    twice = pd.concat([table, table[::2]])
    made = {
        "gaia": Crossmatch(table, "1.5 arcsec", ["name"]).prepared(store, *known),
        "every": Crossmatch(twice, "3 arcsec", ["name"], nearest=False).prepared(store, *known),
        "moving": Crossmatch(table, "1 arcsec", epoch="J2016.0", motion=("pmra", "pmdec")).prepared(
            store, *known
        ),
    }
    assert [one.zones > 0 for one in made.values()] == [True, True, False]

    def judged(used, cuts):
        bound = [
            Filter(f"f{i}", cut, stream).bind(adding(source.filterable, used)) for i, cut in enumerate(cuts)
        ]
        sent = plan.read_range(sky.spark, topics, stream, topics.begin(stream), topics.end(stream))
        return plan.judge(sent, source.format, bound), bound

    def passed(used):
        alerts, bound = judged(used, CUTS)
        sizes = dict.fromkeys([rejected_topic(stream), *(one.filter.output_topic for one in bound)], 1)
        rows = plan.deliveries(alerts, stream, bound, sizes)
        of = plan.header("skysieve.source.offset"), plan.header("skysieve.source.partition")
        return sorted(map(tuple, rows.select("topic", F.hash("value"), *of).collect()), key=str)

    found = passed(made)
    assert len({topic for topic, *_ in found}) == len(CUTS) + 1
    assert found == passed({name: one.model_copy(update={"zones": 0}) for name, one in made.items()})
    with monkeypatch.context() as many:  # filters enough for several parts, whose answers are put together
        many.setattr(hits, "_PARTS", 3)
        assert found == passed(made)
    alerts, bound = judged(made, CUTS[:1])
    near, told = sieved(alerts, bound[0].columns)
    assert told == {"gaia"}
    assert near.where(F.col(f"`{MAYBE}gaia`")).count() == len(some)  # and only these go to Python


def test_a_catalogue_that_spark_does_not_see_is_told_with_the_filter(sky, stream, tmp_path):
    source = sky.stream(stream)
    table = pd.DataFrame({"ra": [10.0], "dec": [5.0]})
    known = source.format.columns(), source.format.places
    gaia = Crossmatch(table, "1.5 arcsec").prepared(Store(tmp_path), *known)
    bound = Filter("near", "gaia.sep < 1", stream).bind(adding(source.filterable, {"gaia": gaia}))
    plan.check(sky.spark, bound)
    (Path(gaia.index) / zones.FILE).unlink()
    with pytest.raises(FilterError, match=r"'near' cannot run on .*PATH_NOT_FOUND"):
        plan.check(sky.spark, bound)
