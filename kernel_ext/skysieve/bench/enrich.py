"""``skysieve bench enrich``: what catalogues and features cost the bank."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

from skysieve.bench.bank import timed
from skysieve.connections import connect
from skysieve.enrich import Classifier, Crossmatch, Features
from skysieve.enrich.base import Enrichment
from skysieve.enrich.chain import adding
from skysieve.enrich.store import Store
from skysieve.errors import SkysieveError
from skysieve.filter import Filter
from skysieve.local import LocalSession
from skysieve.session import Session
from skysieve.sources import send
from skysieve.sources.surveys import simulated
from skysieve.stream import Stream
from skysieve.stream_topics import make_stream
from skysieve.topics import Topics

_WARM_UPS, _RUNS = 1, 5
_PLAIN = 10
_TENTH = "pmod(xxhash64(diaSource.diaSourceId), 10) = 0"
"""A cheap cut that lets a tenth of the alerts through, whatever they are."""
_FEW = "pmod(xxhash64(diaSource.diaSourceId), 150) = 0"
"""A cut that lets as many through as are near an object: a match costs as much as a few alerts that are none."""
ROWS = {"small": 59_000, "blazars": 3_800, "large": 10_000_000, "more": 100_000, "further": 1_000_000}
"""Numbers of rows: of GCVS, of 4LAC, of a part of Gaia, and of two more."""

Tell = Callable[[str], None]


def measure(session: LocalSession, count: int, tell: Tell) -> dict[str, Any]:
    """Rates of the bank with ten filters, of which none or each asks a catalogue for every alert, or for a tenth.

    The catalogues are random positions over the sky, with some alerts' own among them. Features of the light curve in
    two bands and a model on them, a forest of twenty trees, are asked for a tenth.
    """
    if not (find_spec("skl2onnx") and find_spec("light_curve") and find_spec("onnxruntime")):
        raise SkysieveError(
            "This bench trains a small model: pip install 'skysieve[features,classify]' scikit-learn skl2onnx"
        )
    sky = Session(Topics(session.kafka), connect(session.spark, session.token))
    name = make_stream(sky.topics, "bench-alerts")
    tell(f"writing {count:,} simulated alerts ...")
    send(simulated("lsst", count=count, seed=1), name, session.kafka)
    source = sky.stream(name)
    with tempfile.TemporaryDirectory(prefix="skysieve-bench-") as folder:
        tell("sorting the catalogues ...")
        made = {
            what: _catalog(source, rows, seed, Path(folder)) for seed, (what, rows) in enumerate(ROWS.items())
        }
        described = _described(source, Path(folder))
        asked: dict[str, tuple[Mapping[str, Enrichment], str]] = {
            "none": ({}, _FEW),
            "two small": _near(made, "small", "blazars"),
            "ten million": _near(made, "large"),
            "five": (five := _near(made, *ROWS)),
            "five, for a tenth": (five[0], f"{_TENTH} AND {five[1]}"),
            "features and a model, for a tenth": (described, f"{_TENTH} AND ml.p_yes > 0.5"),
        }
        rates: dict[str, list[float]] = {what: [] for what in asked}
        found = dict.fromkeys(asked, 0)
        for run in range(-_WARM_UPS, _RUNS):  # all of them in turn: a machine that slows down does so for all
            tell(
                f"the bank without and with enrichments, {'to warm up' if run < 0 else f'run {run + 1}'} ..."
            )
            for what, (used, asks) in asked.items():
                rate, found[what] = _bank(sky, source, used, asks, f"{what}-{run + _WARM_UPS}")
                rates[what] += [rate] if run >= 0 else []
    sky.detach()
    return {
        "packets": count,
        "rows": ROWS,
        "rates": {what: round(median(seen), 1) for what, seen in rates.items()},
        "matches": found["five"],
    }


def _catalog(source: Stream, rows: int, seed: int, folder: Path) -> Enrichment:
    rng = np.random.default_rng(seed)
    ra, dec = rng.uniform(0, 360, rows), np.degrees(np.arcsin(rng.uniform(-1, 1, rows)))
    some = [source.format.read(r.value or b"")[0]["diaSource"] for r in source.topics.last(source.name, 100)]
    ra[: len(some)], dec[: len(some)] = [s["ra"] for s in some], [s["dec"] for s in some]
    table = pd.DataFrame({"ra": ra, "dec": dec, "mag": rng.uniform(10, 21, rows)})
    columns, places = source.format.columns(), source.format.places
    return Crossmatch(table, "1.5 arcsec", ["mag"]).prepared(Store(folder), columns, places)


def _described(source: Stream, folder: Path) -> dict[str, Enrichment]:
    """Features of light curves in two bands, and a forest that judges by them, trained on numbers without a meaning."""
    from skl2onnx import to_onnx
    from sklearn.ensemble import RandomForestClassifier

    columns, places, store = source.format.columns(), source.format.places, Store(folder)
    features = Features(["Amplitude", "LinearTrend", "StandardDeviation"]).prepared(store, columns, places)
    known = adding(columns, {"lc": features})
    names = [column.name for column in features.columns("lc", columns)]
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, len(names))).astype(np.float32)
    forest = RandomForestClassifier(20, max_depth=6, random_state=0).fit(np.nan_to_num(x), x[:, 0] > x[:, 1])
    path = folder / "forest.onnx"
    path.write_bytes(to_onnx(forest, x[:1], options={"zipmap": False}).SerializeToString())
    return {"lc": features, "ml": Classifier(path, names, ["no", "yes"]).prepared(store, known, places)}


def _near(made: Mapping[str, Enrichment], *names: str) -> tuple[Mapping[str, Enrichment], str]:
    """Some catalogues, and the cut that an object of one of them is near."""
    return {name: made[name] for name in names}, f"({' OR '.join(f'{name}.sep < 0.5' for name in names)})"


def _bank(
    sky: Session, source: Stream, used: Mapping[str, Enrichment], asks: str, label: str
) -> tuple[float, int]:
    """The rate with ten filters that ask this, and how much they selected."""
    label = "-".join(label.replace(",", "").split())
    wanted = [Filter(f"{label}-{i}", f"{asks} AND diaSource.dec > {-i}", source.name) for i in range(_PLAIN)]
    columns = adding(source.filterable, used)
    rate = timed(sky, source, [one.bind(columns) for one in wanted], label)
    return rate, sum(sky.topics.totals(one.output_topic for one in wanted).values())


def report(result: dict[str, Any]) -> str:
    """Write the rates as a table."""
    plain = result["rates"]["none"]
    lines = [
        f"{result['packets']:,} packets, {_PLAIN} filters, {result['cores']} cores; the median of {_RUNS} runs",
        f"{'enrichments':34}{'alerts/s':>10}{'of none':>9}",
        *(f"{what:34}{rate:10,.0f}{rate / plain:9.2f}" for what, rate in result["rates"].items()),
        "rows: " + ", ".join(f"{what} {rows:,}" for what, rows in result["rows"].items()),
    ]
    return "\n".join(lines)
