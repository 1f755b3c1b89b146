"""``skysieve bench enrich``: what catalogues and features cost the bank."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from skysieve.bench.bank import timed
from skysieve.connections import connect
from skysieve.enrich import Crossmatch
from skysieve.enrich.base import Enrichment
from skysieve.enrich.store import Store
from skysieve.filter import Filter
from skysieve.local import LocalSession
from skysieve.session import Session
from skysieve.sources import send
from skysieve.sources.surveys import simulated
from skysieve.stream import Stream
from skysieve.stream_topics import make_stream
from skysieve.topics import Topics

_RUNS = 2
_PLAIN = 10
ROWS = {"small": 59_000, "blazars": 3_800, "large": 10_000_000, "more": 100_000, "further": 1_000_000}
"""Numbers of rows: of GCVS, of 4LAC, of a part of Gaia, and of two more."""

Tell = Callable[[str], None]


def measure(session: LocalSession, count: int, tell: Tell) -> dict[str, Any]:
    """Rates of the bank with ten filters, of which none or each asks a catalogue for every alert, or for a tenth.

    The catalogues are random positions over the sky, with some alerts' own among them.
    """
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
        sets: dict[str, tuple[str, ...]] = {
            "none": (),
            "two small": ("small", "blazars"),
            "ten million": ("large",),
            "five": tuple(ROWS),
        }
        rates, sums = {}, {}
        for what, used in {"warm-up": (), **sets}.items():
            tell(f"the bank with catalogues: {what} ...")
            runs = [
                _bank(sky, source, {n: made[n] for n in used}, f"{what}-{run}", 0.0) for run in range(_RUNS)
            ]
            rates[what], sums[what] = max(rate for rate, _ in runs), runs[-1][1]
        tell("the bank with five catalogues behind a cut ...")
        behind = max(_bank(sky, source, made, f"behind-{run}", 0.9)[0] for run in range(_RUNS))
    sky.detach()
    rates.pop("warm-up")
    return {
        "packets": count,
        "rows": ROWS,
        "rates": {what: round(rate, 1) for what, rate in rates.items()},
        "behind_a_cut": round(behind, 1),
        "matches": sums["five"],
    }


def _catalog(source: Stream, rows: int, seed: int, folder: Path) -> Enrichment:
    rng = np.random.default_rng(seed)
    ra, dec = rng.uniform(0, 360, rows), np.degrees(np.arcsin(rng.uniform(-1, 1, rows)))
    some = [source.format.read(r.value or b"")[0]["diaSource"] for r in source.topics.last(source.name, 100)]
    ra[: len(some)], dec[: len(some)] = [s["ra"] for s in some], [s["dec"] for s in some]
    table = pd.DataFrame({"ra": ra, "dec": dec, "mag": rng.uniform(10, 21, rows)})
    columns, places = source.format.columns(), source.format.places
    return Crossmatch(table, "1.5 arcsec", ["mag"]).prepared(Store(folder), columns, places)


def _bank(
    sky: Session, source: Stream, used: Mapping[str, Enrichment], label: str, score: float
) -> tuple[float, int]:
    """The rate with ten filters, each of which asks all of these catalogues for what is above a score."""
    asks = " OR ".join(f"{name}.sep < 0.5" for name in used) or "diaSource.snr > 300"
    label = label.replace(" ", "-")
    wanted = [
        Filter(
            f"{label}-{i}",
            f"diaSource.reliability > {score} AND ({asks}) AND diaSource.dec > {-i}",
            source.name,
        )
        for i in range(_PLAIN)
    ]
    columns = source.filterable.adding(
        c for name, one in used.items() for c in one.columns(name, source.filterable)
    )
    rate = timed(sky, source, [one.bind(columns) for one in wanted], label)
    return rate, sum(sky.topics.totals(one.output_topic for one in wanted).values())


def report(result: dict[str, Any]) -> str:
    """Write the rates as a table."""
    plain = result["rates"]["none"]
    rows = [*result["rates"].items(), ("five, for a tenth", result["behind_a_cut"])]
    lines = [
        f"{result['packets']:,} packets, {_PLAIN} filters, {result['cores']} cores; the better of {_RUNS} runs",
        f"{'catalogues':22}{'alerts/s':>10}{'of none':>9}",
        *(f"{what:22}{rate:10,.0f}{rate / plain:9.2f}" for what, rate in rows),
        "rows: " + ", ".join(f"{what} {rows:,}" for what, rows in result["rows"].items()),
    ]
    return "\n".join(lines)
