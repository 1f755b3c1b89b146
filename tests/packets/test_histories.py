"""Questions about histories: Spark answers as a few lines of Python do over the packet that fastavro reads."""

import io
import itertools
import math
from dataclasses import dataclass

import fastavro
import offline
import pytest
from conftest import DATA
from skysieve.languages import Cut
from skysieve.languages.sql import bind
from skysieve.packets import formats, ztf_schema
from skysieve.packets.decode import decode
from skysieve.sources import simulate
from skysieve.sources.simulation.ztf.survey import SimulatedZtf

LSST = offline.alert(next(simulate(1, seed=5, pool=8)).packet.value)
NOW = LSST["diaSource"]["midpointMjdTai"]
(ZTF,) = fastavro.reader(io.BytesIO(next(simulate(1, survey=SimulatedZtf(), seed=5, pool=8)).packet.value))
ZTF_FILES = sorted((DATA / "ztf").glob("*/**/*.avro"))
BANDS = "gri"


@dataclass(frozen=True)
class Seen:
    """A detection: its magnitude is NaN where the flux is not above zero, and None where it is not known."""

    time: float
    band: str
    mag: float | None


def ab(flux):
    if flux is None or math.isnan(flux):
        return None
    return 31.4 - 2.5 * math.log10(flux) if flux > 0 else math.nan


def seen_by_lsst(alert):
    """The detections in a packet, the alert's own last."""
    found = [*(alert["prvDiaSources"] or []), alert["diaSource"]]
    return [Seen(s["midpointMjdTai"], s["band"], ab(s["psfFlux"])) for s in found]


def seen_by_ztf(alert):
    found = [p for p in alert.get("prv_candidates") or [] if p["magpsf"] is not None]
    return [
        Seen(c["jd"], " gri"[c["fid"]], c["magpsf"] if c["isdiffpos"] in ("t", "1") else math.nan)
        for c in [*found, alert["candidate"]]
    ]


def of(seen, band):
    return [s for s in seen if band in (None, s.band)]


def bright(seen, band):
    return [s for s in of(seen, band) if s.mag is not None and s.mag == s.mag]


def brightest(seen, band=None):
    return min((s.mag for s in bright(seen, band)), default=None)


def rise_per_day(seen, band, hours=0):
    known = sorted((s for s in of(seen, band) if s.mag is not None), key=lambda s: s.time)
    if not known:
        return None
    new = known[-1]
    old = [s for s in known if s.time < new.time and s.time <= new.time - hours / 24]
    if not old or math.isnan(old[-1].mag - new.mag):
        return None
    return (old[-1].mag - new.mag) / (new.time - old[-1].time)


def colour(seen, band1, band2, hours):
    pairs = [
        (max(a.time, b.time), min(a.time, b.time), a.mag - b.mag)
        for a, b in itertools.product(bright(seen, band1), bright(seen, band2))
        if abs(a.time - b.time) <= hours / 24
    ]
    return max(pairs)[2] if pairs else None


def days_since_detection(seen, band=None):
    times = [s.time for s in of(seen[:-1], band)]
    return seen[-1].time - max(times) if times else None


def detections(seen, band=None):
    return len(of(seen, band))


QUESTIONS = (brightest, rise_per_day, colour, days_since_detection, detections)


def calls(bands):
    """Every question, for every band and pair of bands: its text, and what Python answers."""
    asked = [(brightest, ()), (days_since_detection, ()), (detections, ())]
    asked += [(q, (b,)) for q in QUESTIONS if q is not colour for b in bands]
    asked += [(rise_per_day, (b, 12)) for b in bands]
    asked += [(colour, (a, b, h)) for a, b in itertools.permutations(bands, 2) for h in (0.7, 240)]
    return {f"{q.__name__}({', '.join(map(repr, given))})": (q, given) for q, given in asked}


def answers(sky, packet_format, packets, texts):
    """What Spark answers, for each packet."""
    columns = packet_format.columns()
    bound = [bind(Cut(text), columns) for text in texts]
    used = {c.name: c for one in bound for c in one.columns}
    source = sky.spark.createDataFrame(
        [(bytearray(p), i) for i, p in enumerate(packets)], "value binary, offset bigint"
    )
    judged = decode(source, packet_format, used.values())
    rows = judged.select(
        "`kafka.offset`", "`kafka.problem`", *(one.condition().alias(f"a{i}") for i, one in enumerate(bound))
    ).collect()
    assert not [row["kafka.problem"] for row in rows if row["kafka.problem"]]
    rows.sort(key=lambda row: row["kafka.offset"])
    return [{text: row[f"a{i}"] for i, text in enumerate(texts)} for row in rows]


def expected(value):
    return value if value is None or isinstance(value, int) else pytest.approx(value, rel=1e-6, abs=1e-9)


def compare(sky, packet_format, packets, alerts, read, bands):
    """How often each question has an answer; every answer is Python's."""
    asked, known = calls(bands), dict.fromkeys((q.__name__ for q in QUESTIONS), 0)
    for row, alert in zip(answers(sky, packet_format, packets, list(asked)), alerts, strict=True):
        seen = read(alert)
        for text, (question, given) in asked.items():
            assert row[text] == expected(question(seen, *given)), text
            known[question.__name__] += row[text] is not None
    return known


@pytest.mark.real_data
def test_real_lsst_alerts_answer_as_python_does(sky):
    packets = offline.real_packets(DATA / "lsst_derived_wire")
    known = compare(sky, formats.get("lsst"), packets, map(offline.alert, packets), seen_by_lsst, BANDS)
    assert all(known.values())


@pytest.mark.real_data
def test_real_ztf_alerts_answer_as_python_does_and_upper_limits_are_no_detections(sky):
    read = {file: list(fastavro.reader(io.BytesIO(file.read_bytes()))) for file in ZTF_FILES}
    files = [file for file, alerts in read.items() if len(alerts) == 1]
    packets = [file.read_bytes() for file in files]
    assert len(packets) > 100
    fitted = formats.get("ztf").fitted(packets)
    known = compare(sky, fitted, packets, (read[file][0] for file in files), seen_by_ztf, BANDS)
    assert all(known.values())


def test_simulated_objects_answer_as_python_does(sky):
    packets = [made.packet.value for made in simulate(60, seed=3, pool=8)]
    known = compare(sky, formats.get("lsst"), packets, map(offline.alert, packets), seen_by_lsst, BANDS)
    assert all(known.values())


def test_ztf_s_brightest_of_one_detection_is_its_derived_magnitude(sky):
    def packet(isdiffpos):
        out = io.BytesIO()
        alert = ZTF | {"candidate": ZTF["candidate"] | {"isdiffpos": isdiffpos}, "prv_candidates": None}
        fastavro.writer(out, ztf_schema.schema(), [alert])
        return out.getvalue()

    packets = [packet(isdiffpos) for isdiffpos in "t1f0"]
    rows = answers(sky, formats.get("ztf").fitted(packets), packets, ["derived.mag", "brightest()"])
    mag = pytest.approx(ZTF["candidate"]["magpsf"])
    assert [row["derived.mag"] for row in rows] == [mag, mag, None, None]
    assert [row["brightest()"] for row in rows] == [mag, mag, None, None]


def lsst(own, *past):
    """A packet with detections of these days before now, bands and fluxes."""
    sources = [
        {**LSST["diaSource"], "midpointMjdTai": NOW - days, "band": band, "psfFlux": flux}
        for days, band, flux in (own, *past)
    ]
    return offline.packet({**LSST, "diaSource": sources[0], "prvDiaSources": sources[1:] or None}, 1000)


def asked_once(sky, text, own, *past):
    (row,) = answers(sky, formats.get("lsst"), [lsst(own, *past)], [text])
    return row[text]


TEN, HUNDRED = 10.0, 100.0
"""Fluxes of 28.9 and 26.4 mag."""


@pytest.mark.parametrize(
    ("text", "answer", "own", "past"),
    [
        # the brightest
        ("brightest()", 26.4, (0, "g", TEN), [(1, "r", HUNDRED)]),
        ("brightest('g')", 28.9, (0, "g", TEN), [(1, "r", HUNDRED)]),
        ("brightest('g')", 26.4, (0, "g", HUNDRED), [(1, "g", TEN)]),
        ("brightest('i')", None, (0, "g", TEN), [(1, "r", HUNDRED)]),
        ("brightest('g')", 28.9, (0, "g", -HUNDRED), [(1, "g", TEN), (2, "g", math.nan), (3, "g", 0.0)]),
        ("brightest()", None, (0, "g", -HUNDRED), []),
        ("brightest()", 28.9, (0, "g", TEN), []),
        # what is not before the alert is no history
        ("brightest()", 28.9, (0, "g", TEN), [(0, "g", HUNDRED), (-1, "g", HUNDRED)]),
        # the rise
        ("rise_per_day('g')", 1.25, (0, "g", HUNDRED), [(2, "g", TEN)]),
        ("rise_per_day('g')", -1.25, (0, "g", TEN), [(2, "g", HUNDRED)]),
        ("rise_per_day('g')", 1.25, (0, "g", HUNDRED), [(9, "g", HUNDRED), (2, "g", TEN), (1, "r", TEN)]),
        ("rise_per_day('g')", 0.5, (0, "r", TEN), [(1, "g", HUNDRED), (6, "g", TEN)]),
        ("rise_per_day('g')", None, (0, "g", HUNDRED), [(1, "r", TEN)]),
        ("rise_per_day('g')", None, (0, "r", HUNDRED), [(1, "g", TEN)]),
        ("rise_per_day('g')", None, (0, "g", HUNDRED), [(1, "g", -TEN), (2, "g", TEN)]),
        ("rise_per_day('g')", None, (0, "g", -TEN), [(1, "g", HUNDRED), (2, "g", TEN)]),
        ("rise_per_day('g')", 1.25, (0, "g", HUNDRED), [(1, "g", None), (2, "g", TEN)]),
        ("rise_per_day('g')", 10.0, (0, "g", HUNDRED), [(0.25, "g", TEN), (2.5, "g", TEN)]),
        ("rise_per_day('g', 12)", 1.0, (0, "g", HUNDRED), [(0.25, "g", TEN), (2.5, "g", TEN)]),
        ("rise_per_day('g', 12)", None, (0, "g", HUNDRED), [(0.25, "g", TEN)]),
        # the colour
        ("colour('g', 'r', 24)", 2.5, (0, "g", TEN), [(0.5, "r", HUNDRED)]),
        ("colour('r', 'g', 24)", -2.5, (0, "g", TEN), [(0.5, "r", HUNDRED)]),
        ("color('g', 'r', 24)", 2.5, (0, "g", TEN), [(0.5, "r", HUNDRED)]),
        ("colour('g', 'r', 11.9)", None, (0, "g", TEN), [(0.5, "r", HUNDRED)]),
        ("colour('g', 'r', 24)", None, (0, "g", TEN), [(0.5, "r", -HUNDRED)]),
        ("colour('g', 'r', 24)", None, (0, "g", TEN), [(0.5, "g", HUNDRED)]),
        ("colour('g', 'r', 24)", 0.0, (0, "g", TEN), [(0.5, "r", HUNDRED), (0.1, "r", TEN)]),
        ("colour('g', 'r', 24)", 2.5, (0, "g", TEN), [(0.5, "r", HUNDRED), (3, "g", TEN), (3.01, "r", TEN)]),
        ("colour('g', 'r', 24)", 2.5, (0, "i", TEN), [(8, "g", TEN), (8.5, "r", HUNDRED)]),
        ("colour('g', 'r', 24)", 2.5, (0, "g", -TEN), [(8, "g", TEN), (8.5, "r", HUNDRED)]),
        # how long ago, and how many
        ("days_since_detection('g')", 2.0, (0, "g", TEN), [(2, "g", -TEN), (3, "g", TEN), (1, "r", TEN)]),
        ("days_since_detection()", 1.0, (0, "g", TEN), [(2, "g", -TEN), (3, "g", TEN), (1, "r", TEN)]),
        ("days_since_detection('i')", None, (0, "i", TEN), [(2, "g", TEN)]),
        ("days_since_detection()", None, (0, "g", TEN), []),
        ("days_since_detection()", 2.0, (0, "g", TEN), [(0, "g", TEN), (2, "g", TEN)]),
        ("detections('g')", 3, (0, "g", TEN), [(1, "g", -TEN), (2, "r", TEN), (3, "g", None)]),
        ("detections('r')", 1, (0, "g", TEN), [(1, "g", -TEN), (2, "r", TEN), (3, "g", None)]),
        ("detections('i')", 0, (0, "g", TEN), [(1, "g", TEN)]),
        ("detections()", 1, (0, "g", TEN), []),
        # arithmetic
        ("nJy_to_ab(diaSource.psfFlux)", 26.4, (0, "g", HUNDRED), []),
        ("nJy_to_ab(diaSource.psfFlux)", None, (0, "g", -TEN), []),
        ("nJy_to_ab(diaSource.psfFlux)", None, (0, "g", math.nan), []),
        ("nJy_to_ab(0)", None, (0, "g", TEN), []),
        ("nJy_to_ab(sqrt(-1))", None, (0, "g", TEN), []),
        ("nJy_to_ab(3631e9)", 0.0, (0, "g", TEN), []),
        ("ab_to_nJy(23.9)", 1000.0, (0, "g", TEN), []),
        ("ab_to_nJy(nJy_to_ab(diaSource.psfFlux) - 2.5)", HUNDRED, (0, "g", TEN), []),
        ("array_max(transform(prvDiaSources, s -> nJy_to_ab(s.psfFlux)))", 28.9, (0, "g", 1.0), [(1, "g", TEN)]),
        (f"days_since({NOW - 3})", 3.0, (0, "g", TEN), []),
        ("days_since(array_min(prvDiaSources.midpointMjdTai))", 5.0, (0, "g", TEN), [(5, "g", TEN)]),
        ("days_since(NULL)", None, (0, "g", TEN), []),
    ],
)  # fmt: skip
def test_hand_made_histories(sky, text, answer, own, past):
    found = asked_once(sky, text, own, *past)
    assert found == (answer if answer is None else pytest.approx(answer, abs=2e-4))


def test_a_question_is_worked_out_once_and_decodes_only_the_fields_that_it_needs():
    columns = formats.get("lsst").columns()
    first, again = (bind(Cut(t), columns) for t in ("brightest( 'g')<19", 'BRIGHTEST("g") > 3'))
    assert [c.name for c in first.columns] == [c.name for c in again.columns] == ["brightest('g')"]
    decoded = {c.name: c for c in columns.of_packet(first.columns)}
    assert decoded.keys() == {
        "prvDiaSources", "diaSource.midpointMjdTai", "diaSource.psfFlux", "diaSource.band"
    }  # fmt: skip
    assert set(decoded["prvDiaSources"].fields()) == {"midpointMjdTai", "psfFlux", "band"}


def test_counting_and_ages_need_no_fluxes():
    columns = formats.get("lsst").columns()
    for text in ("detections()", "days_since_detection()"):
        (column,) = bind(Cut(f"{text} > 1"), columns).columns
        assert set(column.uses) == {"prvDiaSources[].midpointMjdTai", "diaSource.midpointMjdTai"}


@pytest.mark.parametrize("name", ["lsst", "ztf"])
def test_what_a_question_gives_has_a_unit_a_type_and_a_description(name):
    columns = formats.get(name).columns()
    for text, unit, kind in [
        ("brightest('g')", "mag", "double"),
        ("rise_per_day('g')", "mag/d", "double"),
        ("colour('g', 'r', 12)", "mag", "double"),
        ("days_since_detection('g')", "d", "double"),
        ("detections('g')", "", "int"),
    ]:
        (column,) = bind(Cut(f"{text} > 1"), columns).columns
        assert (column.name, column.unit, column.schema) == (text, unit, ["null", kind])
        assert column.is_scalar
        assert column.description.endswith(". Derived.")
