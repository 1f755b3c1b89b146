"""Filters for LSST in every language, each beside what it means in plain Python.

A language more (those of other brokers, say) is a table more here, and a line in `kinds` of test_every_filter.py.
"""

import io
import math

import numpy as np
import pandas as pd
import skysieve
from astropy.io import fits
from pyspark.sql.connect import functions as F  # noqa: N812

from languages.plain import (
    add,
    between,
    both,
    div,
    either,
    eq,
    galactic_latitude,
    ge,
    gt,
    lt,
    mag,
    mul,
    ne,
    no,
    one_of,
    single,
    sub,
)  # fmt: skip

ID, SNR, BAND, REL = "diaSource.diaSourceId", "diaSource.snr", "diaSource.band", "diaSource.reliability"
FLUX, ERR, NOW = "diaSource.psfFlux", "diaSource.psfFluxErr", "diaSource.midpointMjdTai"
PAST, FORCED, COUNT = "prvDiaSources", "prvDiaForcedSources", "diaObject.nDiaSources"
ONE_ID = 313897383979122767


def known(values):
    return None if values is None else [v for v in values if v is not None]


def any_of(values, test):
    return None if values is None else either(*map(test, values))


def all_of(values, test):
    return None if values is None else both(*map(test, values))


def count(values, test):
    return None if values is None else sum(test(v) is True for v in values)


def largest(values):
    return max(known(values) or [None]) if known(values) is not None and known(values) else None


def total(values):
    """A sum in the order of the array, NULL with one NULL in it."""
    if values is None or None in values:
        return None
    result = 0.0
    for value in values:
        result += value
    return result


def first_seen(a):
    first = a("diaObject.firstDiaSourceMjdTai")
    times = known(a.all(PAST, "midpointMjdTai")) or []
    return first if first is not None else min([*times, a(NOW)])


def detections(a):
    if a("diaSource.ssObjectId") not in (None, 0):
        return None
    past = a(PAST)
    return a(COUNT) if a(COUNT) is not None else 1 if past is None else len(past) + 1


SQL = {
    "snr > 20": lambda a: gt(a(SNR), 20),
    "diaSource.snr >= 15.55667495727539D": lambda a: ge(a(SNR), 15.55667495727539),
    "reliability > 0.9": lambda a: gt(a(REL), 0.9),
    "reliability = 1": lambda a: eq(a(REL), 1),
    "NOT reliability > 0.7": lambda a: no(gt(a(REL), 0.7)),
    "reliability <> 0.4863438308238983D": lambda a: ne(a(REL), 0.4863438308238983),
    "reliability IS NULL": lambda a: a(REL) is None,
    "NOT (extendedness IS NULL)": lambda a: a("diaSource.extendedness") is not None,
    "extendedness > 0.5 OR extendedness IS NULL": lambda a: either(
        gt(a("diaSource.extendedness"), 0.5), a("diaSource.extendedness") is None
    ),
    "snr BETWEEN 5.5 AND 12": lambda a: between(a(SNR), 5.5, 12),
    "NOT snr NOT BETWEEN 10 AND 50": lambda a: between(a(SNR), 10, 50),
    "snr > 10 AND reliability BETWEEN 0.3 AND 0.8 AND band = 'i'": lambda a: both(
        gt(a(SNR), 10), between(a(REL), 0.3, 0.8), eq(a(BAND), "i")
    ),
    "band IN ('g', 'r')": lambda a: one_of(a(BAND), "g", "r"),
    "band NOT IN ('g', NULL)": lambda a: no(one_of(a(BAND), "g", None)),
    "detector IN (2, 43, 142)": lambda a: one_of(a("diaSource.detector"), 2, 43, 142),
    "detector % 2 = 0": lambda a: a("diaSource.detector") % 2 == 0,
    "band LIKE '_' AND target_name LIKE '%lowdust'": lambda a: both(
        len(a(BAND)) == 1, None if a("target_name") is None else a("target_name").endswith("lowdust")
    ),
    "observation_reason ILIKE 'DDF\\_E%'": lambda a: (
        None if a("observation_reason") is None else a("observation_reason").lower().startswith("ddf_e")
    ),
    "target_name RLIKE '^ddf.*, low'": lambda a: (
        None if a("target_name") is None else a("target_name").startswith("ddf") and ", low" in a("target_name")
    ),
    "length(target_name) > 17 OR upper(band) = 'G'": lambda a: either(
        None if a("target_name") is None else len(a("target_name")) > 17, eq(a(BAND), "g")
    ),
    f"`diaSource`.diaobjectid = {ONE_ID}": lambda a: eq(a("diaSource.diaObjectId"), ONE_ID),
    f"diaSource.diaObjectId <> {ONE_ID}": lambda a: ne(a("diaSource.diaObjectId"), ONE_ID),
    f"diaSource.diaObjectId = {ONE_ID + 1} OR diaSource.diaObjectId = {ONE_ID - 1}": lambda a: False,
    "diaSource.diaSourceId % 113 = 7 OR diaSource.diaSourceId % 2 = 0": lambda a: (
        a(ID) % 113 == 7 or a(ID) % 2 == 0
    ),
    "diaSource.ssObjectId <> 0": lambda a: ne(a("diaSource.ssObjectId"), 0),
    "coalesce(diaSource.ssObjectId, 0) = 0": lambda a: a("diaSource.ssObjectId") in (None, 0),
    "diaSource.diaObjectId <=> NULL OR snr <=> 41.1F": lambda a: (
        a("diaSource.diaObjectId") is None or a(SNR) == float(np.float32(41.1))
    ),
    "diaObject IS NULL": lambda a: a("diaObject") is None,
    "ssSource IS NOT NULL": lambda a: isinstance(a("ssSource"), dict),
    "diaObject.nDiaSources > 1": lambda a: gt(a(COUNT), 1),
    "nDiaSources BETWEEN 2 AND 310": lambda a: between(a(COUNT), 2, 310),
    "isDipole": lambda a: a("diaSource.isDipole"),
    "NOT isDipole AND NOT shape_flag": lambda a: both(no(a("diaSource.isDipole")), no(a("diaSource.shape_flag"))),
    "isNegative = true": lambda a: a("diaSource.isNegative"),
    "isNegative IS NOT TRUE": lambda a: a("diaSource.isNegative") is not True,
    "glint_trail IS NULL OR pixelFlags_streak": lambda a: either(
        a("diaSource.glint_trail") is None, a("diaSource.pixelFlags_streak")
    ),
    "psfFlux / psfFluxErr > 10": lambda a: gt(div(a(FLUX), a(ERR)), 10),
    "psfFlux / (trailNdata - 5) > 0": lambda a: gt(
        div(a(FLUX), None if a("diaSource.trailNdata") is None else single(a("diaSource.trailNdata") - 5)), 0
    ),
    "NOT snr / diaSource.ssObjectId > 0": lambda a: no(gt(div(a(SNR), a("diaSource.ssObjectId")), 0)),
    "diaSource.x - diaSource.y > 100.5 AND diaSource.x + diaSource.y < 4500": lambda a: both(
        gt(single(sub(a("diaSource.x"), a("diaSource.y"))), 100.5),
        lt(single(add(a("diaSource.x"), a("diaSource.y"))), 4500),
    ),
    "diaSource.x * -2D < -3000 AND -diaSource.y < -1000": lambda a: both(
        lt(mul(a("diaSource.x"), -2.0), -3000), lt(-a("diaSource.y"), -1000)
    ),
    "(snr > 30 OR (reliability > 0.6 AND NOT band = 'g')) AND (detector < 100 OR extendedness < 0.1)": (
        lambda a: both(
            either(gt(a(SNR), 30), both(gt(a(REL), 0.6), ne(a(BAND), "g"))),
            either(lt(a("diaSource.detector"), 100), lt(a("diaSource.extendedness"), 0.1)),
        )
    ),
    "abs(psfFlux) < 3000": lambda a: lt(abs(a(FLUX)), 3000),
    "log10(psfFlux) > 3.5": lambda a: None if a(FLUX) <= 0 else math.log10(a(FLUX)) > 3.5,
    "NOT ln(psfFlux) > 8": lambda a: None if a(FLUX) <= 0 else math.log(a(FLUX)) <= 8,
    "sqrt(psfFlux) < 60": lambda a: None if a(FLUX) < 0 else math.sqrt(a(FLUX)) < 60,
    "pow(snr, 2) > 200 AND floor(diaSource.ra) % 2 = 0": lambda a: (
        a(SNR) ** 2 > 200 and math.floor(a("diaSource.ra")) % 2 == 0
    ),
    "greatest(trailLength, extendedness) > 1.2": lambda a: gt(
        largest([a("diaSource.trailLength"), a("diaSource.extendedness")]), 1.2
    ),
    "if(reliability > 0.5, snr > 10, snr > 30)": lambda a: (
        gt(a(SNR), 10) if gt(a(REL), 0.5) else gt(a(SNR), 30)
    ),
    "CASE WHEN band = 'i' THEN snr > 12 WHEN band = 'g' THEN reliability > 0.4 END": lambda a: (
        gt(a(SNR), 12) if a(BAND) == "i" else gt(a(REL), 0.4) if a(BAND) == "g" else None
    ),
    "CASE band WHEN 'r' THEN 1 ELSE detector END < 50": lambda a: (
        a(BAND) == "r" or lt(a("diaSource.detector"), 50)
    ),
    "nvl(reliability, 2) > 0.95": lambda a: (2 if a(REL) is None else a(REL)) > 0.95,
    "nullif(trailNdata, 0) IS NULL": lambda a: a("diaSource.trailNdata") in (None, 0),
    "CAST(snr AS INT) = 5": lambda a: eq(int(a(SNR)), 5),
    "snr::int IN (5, 6, 41)": lambda a: one_of(int(a(SNR)), 5, 6, 41),
    "CAST(diaSource.diaSourceId AS STRING) LIKE '%1'": lambda a: str(a(ID)).endswith("1"),
    "CAST(trailNdata AS BOOLEAN)": lambda a: ne(a("diaSource.trailNdata"), 0),
    "CAST(band AS INT) IS NULL AND CAST('7' AS INT) < detector": lambda a: lt(7, a("diaSource.detector")),
    "size(prvDiaSources) > 5": lambda a: None if a(PAST) is None else len(a(PAST)) > 5,
    "prvDiaSources IS NULL OR cardinality(prvDiaForcedSources) = 0": lambda a: either(
        a(PAST) is None, None if a(FORCED) is None else len(a(FORCED)) == 0
    ),
    "exists(prvDiaSources, s -> s.psfFlux > 3000 AND s.band = 'i')": lambda a: (
        None if a(PAST) is None
        else either(*(both(gt(s["psfFlux"], 3000), eq(s["band"], "i")) for s in a(PAST)))
    ),
    "size(filter(prvDiaSources, s -> s.snr > diaSource.snr)) >= 1": lambda a: ge(
        count(a.all(PAST, "snr"), lambda snr: gt(snr, a(SNR))), 1
    ),
    "forall(prvDiaSources, s -> s.midpointMjdTai < diaSource.midpointMjdTai)": lambda a: all_of(
        a.all(PAST, "midpointMjdTai"), lambda t: lt(t, a(NOW))
    ),
    "array_max(prvDiaSources.psfFlux) > 4000": lambda a: gt(largest(a.all(PAST, "psfFlux")), 4000),
    "array_max(transform(prvDiaSources, s -> s.psfFlux / s.psfFluxErr)) > 20": lambda a: gt(
        None if a(PAST) is None else largest([div(s["psfFlux"], s["psfFluxErr"]) for s in a(PAST)]), 20
    ),
    "aggregate(prvDiaForcedSources, 0D, (t, s) -> t + s.psfFlux) > 0": lambda a: gt(
        total(a.all(FORCED, "psfFlux")), 0
    ),
    "array_contains(prvDiaForcedSources.band, 'g')": lambda a: (
        None if a(FORCED) is None else any(s["band"] == "g" for s in a(FORCED))
    ),
    "size(array_distinct(prvDiaSources.band)) > 1": lambda a: (
        None if a(PAST) is None else len({s["band"] for s in a(PAST)}) > 1
    ),
    "element_at(prvDiaSources, -1).snr > 12": lambda a: gt(
        a.all(PAST, "snr")[-1] if a(PAST) else None, 12
    ),
    "prvDiaSources[0].diaSourceId % 2 = 1": lambda a: (
        None if not a(PAST) else a(PAST)[0]["diaSourceId"] % 2 == 1
    ),
    "cutoutScience IS NOT NULL AND length(cutoutScience) > 20000": lambda a: (
        a("cutoutScience") is not None and len(a("cutoutScience")) > 20000
    ),
}  # fmt: skip

DERIVED = {
    "derived.mag < 22.5": lambda a: lt(mag(a(FLUX)), 22.5),
    "mag_err > 0.1": lambda a: (
        None if mag(a(FLUX)) is None else gt(2.5 / math.log(10) * a(ERR) / a(FLUX), 0.1)
    ),
    "abs(gal_b) > 50": lambda a: abs(galactic_latitude(a("diaSource.ra"), a("diaSource.dec"))) > 50,
    "days_since_first > 1": lambda a: gt(a(NOW) - first_seen(a), 1),
    "days_since_last > 0.02": lambda a: gt(sub(a(NOW), largest(a.all(PAST, "midpointMjdTai"))), 0.02),
    "n_detections = 1": lambda a: eq(detections(a), 1),
    "is_solar_system": lambda a: a("diaSource.ssObjectId") not in (None, 0),
    "NOT is_positive": lambda a: a(FLUX) <= 0,
}

COLUMNS = {
    "faint": (lambda c: (c.snr > 5) & (c.snr < 7), lambda a: both(gt(a(SNR), 5), lt(a(SNR), 7))),
    "red": (lambda c: c.band.isin("r", "i") & ~c.isDipole,
            lambda a: both(one_of(a(BAND), "r", "i"), no(a("diaSource.isDipole")))),
    "unsure": (lambda c: c.reliability.isNull() | c.reliability.between(0.4, 0.6),
               lambda a: either(a(REL) is None, between(a(REL), 0.4, 0.6))),
    "field": (lambda c: c.target_name.like("%cosmos%") | c.target_name.startswith("lowdust"),
              lambda a: None if a("target_name") is None
              else "cosmos" in a("target_name") or a("target_name").startswith("lowdust")),
    "one-object": (lambda c: c.diaSource.diaObjectId == ONE_ID, lambda a: eq(a("diaSource.diaObjectId"), ONE_ID)),
    "significant": (lambda c: F.abs(c.psfFlux / c.psfFluxErr) >= 15.0,
                    lambda a: ge(abs(div(a(FLUX), a(ERR))), 15)),
    "by-band": (lambda c: F.when(c.band == "g", c.snr > 6).when(c.band == "r", c.snr > 5.1)
                .otherwise(c.snr > 30),
                lambda a: gt(a(SNR), {"g": 6, "r": 5.1}.get(a(BAND), 30))),
    "whole": (lambda c: c.snr.cast("int").isin(5, 7, 9), lambda a: int(a(SNR)) in (5, 7, 9)),
    "brightened": (lambda c: F.exists(c.prvDiaSources, lambda s: s.psfFlux < c.psfFlux),
                   lambda a: any_of(a.all(PAST, "psfFlux"), lambda flux: lt(flux, a(FLUX)))),
    "often": (lambda c: F.size(F.filter(c.prvDiaSources, lambda s: s.snr > 8)) > 3,
              lambda a: gt(count(a.all(PAST, "snr"), lambda snr: gt(snr, 8)), 3)),
    "never-faint": (lambda c: F.forall(c.prvDiaSources, lambda s: s["snr"] > 5),
                    lambda a: all_of(a.all(PAST, "snr"), lambda snr: gt(snr, 5))),
    "remainder": (lambda c: (c.diaSource.diaSourceId % 7 == 3) | (c.detector % 5 == 0),
                  lambda a: a(ID) % 7 == 3 or a("diaSource.detector") % 5 == 0),
    "no-object": (lambda c: ~c.diaObject.isNotNull(), lambda a: a("diaObject") is None),
    "as-sql": (lambda c: F.expr("diaSource.snr > 8 OR diaSource.band = 'g'") & (c.detector > 40),
               lambda a: both(either(gt(a(SNR), 8), eq(a(BAND), "g")), gt(a("diaSource.detector"), 40))),
}  # fmt: skip


def bright_and_real(snr, reliability):
    return (snr > 10) & (reliability > 0.5)


def good_ratio(diaSource):  # noqa: N803
    return (diaSource.psfFlux / diaSource.psfFluxErr > 8) & ~diaSource.isDipole.fillna(True)


def of_one_object(diaObject):  # noqa: N803
    return diaObject["diaObjectId"] == ONE_ID


def exact_ids(diaSource):  # noqa: N803
    return diaSource["diaSourceId"].map(lambda number: int(number) % 11 < 4)


def often_seen(prvDiaSources):  # noqa: N803
    return prvDiaSources.map(lambda past: past is not None and len(past) > 2)


def no_negative(isNegative):  # noqa: N803
    return ~isNegative


def seen_once(nDiaSources):  # noqa: N803
    return nDiaSources == 1


def as_numpy(snr, detector):
    return np.logical_or(snr.to_numpy() > 12, detector.to_numpy() % 3 == 0)


def has_bright_cutout(cutoutScience):  # noqa: N803
    return cutoutScience.map(lambda c: c is not None and np.nanmax(fits.getdata(io.BytesIO(c))) > 2000)


def some_unknown(reliability):
    return pd.Series([None if np.isnan(value) else value > 0.6 for value in reliability], dtype=object)


@skysieve.per_alert
def one_by_one(diaSource, prvDiaSources):  # noqa: N803
    if diaSource["reliability"] is None:
        return None
    return diaSource["snr"] > 8 or len(prvDiaSources or []) > 2


@skysieve.per_alert
def fainter_than_before(psfFlux, prvDiaSources):  # noqa: N803
    return bool(prvDiaSources) and psfFlux < max(source["psfFlux"] for source in prvDiaSources)


@skysieve.per_alert
def odd_id(diaSource, diaObject):  # noqa: N803
    return diaSource["diaSourceId"] % 2 == 1 and diaObject is not None


def peak(cutout):
    return None if cutout is None else float(np.nanmax(fits.getdata(io.BytesIO(cutout))))


PYTHON = {
    bright_and_real: lambda a: both(gt(a(SNR), 10), gt(a(REL), 0.5)),
    good_ratio: lambda a: both(gt(div(a(FLUX), a(ERR)), 8), a("diaSource.isDipole") is False),
    of_one_object: lambda a: eq(a("diaObject.diaObjectId"), ONE_ID),
    exact_ids: lambda a: a(ID) % 11 < 4,
    often_seen: lambda a: len(a(PAST) or []) > 2,
    no_negative: lambda a: a("diaSource.isNegative") is False,
    seen_once: lambda a: eq(a(COUNT), 1),
    as_numpy: lambda a: a(SNR) > 12 or a("diaSource.detector") % 3 == 0,
    has_bright_cutout: lambda a: gt(peak(a("cutoutScience")), 2000),
    some_unknown: lambda a: gt(a(REL), 0.6),
    one_by_one: lambda a: a(REL) is not None and (a(SNR) > 8 or len(a(PAST) or []) > 2),
    fainter_than_before: lambda a: bool(a(PAST)) and a(FLUX) < max(a.all(PAST, "psfFlux")),
    odd_id: lambda a: a(ID) % 2 == 1 and a("diaObject") is not None,
}
