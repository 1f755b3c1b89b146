"""Filters for ZTF in every language, each beside what it means in plain Python."""

import skysieve
from pyspark.sql.connect import functions as F  # noqa: N812

from languages.filters_lsst import any_of, count
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
    is_null,
    lt,
    ne,
    no,
    one_of,
    single,
    sub,
)  # fmt: skip

MAG, RB, DRB, FID, JD = (f"candidate.{name}" for name in ("magpsf", "rb", "drb", "fid", "jd"))
PAST = "prv_candidates"
ONE_ID = 697251920015010010


def detected(a):
    """Those of the history with a magnitude; the others are upper limits."""
    return None if a(PAST) is None else [p for p in a(PAST) if not is_null(p["magpsf"])]


def days_since_last(a):
    times = [p["jd"] for p in detected(a) or []]
    return a(JD) - max(times) if times else None


SQL = {
    "magpsf < 18.5": lambda a: lt(a(MAG), 18.5),
    "candidate.rb >= 0.55 AND nbad = 0": lambda a: both(ge(a(RB), 0.55), eq(a("candidate.nbad"), 0)),
    "drb > 0.9": lambda a: gt(a(DRB), 0.9),
    "NOT drb > 0.9": lambda a: no(gt(a(DRB), 0.9)),
    "drb IS NULL": lambda a: a(DRB) is None,
    "coalesce(drb, rb) > 0.8": lambda a: gt(a(RB) if a(DRB) is None else a(DRB), 0.8),
    "fid IN (1, 3)": lambda a: one_of(a(FID), 1, 3),
    "isdiffpos IN ('t', '1')": lambda a: one_of(a("candidate.isdiffpos"), "t", "1"),
    "NOT isdiffpos = 't' OR magpsf > 19": lambda a: either(ne(a("candidate.isdiffpos"), "t"), gt(a(MAG), 19)),
    "objectId LIKE 'ZTF18%' OR objectId LIKE 'ZTF2_a%'": lambda a: (
        a("objectId").startswith("ZTF18") or (a("objectId").startswith("ZTF2") and a("objectId")[5] == "a")
    ),
    "substring(objectId, 4, 2) >= '20'": lambda a: a("objectId")[3:5] >= "20",
    "CAST(substring(objectId, 4, 2) AS INT) + 2000 = 2018": lambda a: int(a("objectId")[3:5]) == 18,
    f"candid = {ONE_ID}": lambda a: a("candid") == ONE_ID,
    f"candid > {ONE_ID} AND candid % 10 = 2": lambda a: a("candid") > ONE_ID and a("candid") % 10 == 2,
    "candidate.candid = candid": lambda a: a("candidate.candid") == a("candid"),
    "ssnamenr <> 'null'": lambda a: ne(a("candidate.ssnamenr"), "null"),
    "ssdistnr BETWEEN 0 AND 5": lambda a: between(a("candidate.ssdistnr"), 0, 5),
    "distnr > 1.5 AND sgscore1 < 0.5": lambda a: both(
        gt(a("candidate.distnr"), 1.5), lt(a("candidate.sgscore1"), 0.5)
    ),
    "jd - jdstarthist < 30": lambda a: lt(sub(a(JD), a("candidate.jdstarthist")), 30),
    "ndethist / ncovhist > 0.2": lambda a: gt(div(a("candidate.ndethist"), a("candidate.ncovhist")), 0.2),
    "1 / nbad > 0 OR ncovhist > 1000": lambda a: either(
        gt(div(1, a("candidate.nbad")), 0), gt(a("candidate.ncovhist"), 1000)
    ),
    "magpsf - diffmaglim < -2.25": lambda a: lt(single(sub(a(MAG), a("candidate.diffmaglim"))), -2.25),
    "magpsf + magnr > 37": lambda a: gt(single(add(a(MAG), a("candidate.magnr"))), 37),
    "abs(ssdistnr) > 30 AND classtar >= 0.5": lambda a: both(
        gt(abs(a("candidate.ssdistnr")), 30), ge(a("candidate.classtar"), 0.5)
    ),
    "pow(10, -0.4D * (magpsf - 20D)) > 5": lambda a: 10 ** (-0.4 * (a(MAG) - 20)) > 5,
    "CASE fid WHEN 1 THEN magpsf < 18 WHEN 2 THEN magpsf < 17 END": lambda a: (
        lt(a(MAG), 18) if a(FID) == 1 else lt(a(MAG), 17) if a(FID) == 2 else None
    ),
    "size(prv_candidates) > 10": lambda a: None if a(PAST) is None else len(a(PAST)) > 10,
    "prv_candidates IS NULL": lambda a: a(PAST) is None,
    "exists(prv_candidates, p -> p.magpsf < magpsf)": lambda a: any_of(
        a.all(PAST, "magpsf"), lambda m: lt(m, a(MAG))
    ),
    "exists(prv_candidates, p -> p.isdiffpos IN ('t', '1') AND p.fid = fid)": lambda a: (
        None if a(PAST) is None
        else either(*(both(one_of(p["isdiffpos"], "t", "1"), eq(p["fid"], a(FID))) for p in a(PAST)))
    ),
    "size(filter(prv_candidates, p -> p.magpsf IS NOT NULL)) >= 5": lambda a: ge(
        count(a.all(PAST, "magpsf"), lambda m: m is not None), 5
    ),
    "array_min(prv_candidates.magpsf) < 17": lambda a: lt(
        min((p["magpsf"] for p in detected(a) or []), default=None), 17
    ),
    "array_max(prv_candidates.jd) - array_min(prv_candidates.jd) > 25": lambda a: (
        None if not a(PAST) else max(a.all(PAST, "jd")) - min(a.all(PAST, "jd")) > 25
    ),
    "forall(prv_candidates, p -> p.diffmaglim > 19 OR p.magpsf IS NOT NULL)": lambda a: (
        None if a(PAST) is None
        else both(*(either(gt(p["diffmaglim"], 19), not is_null(p["magpsf"])) for p in a(PAST)))
    ),
    "aggregate(prv_candidates, 0, (n, p) -> n + if(p.magpsf IS NULL, 0, 1)) = 0": lambda a: (
        None if a(PAST) is None else detected(a) == []
    ),
    "size(fp_hists) > 0": lambda a: None if a("fp_hists") is None else len(a("fp_hists")) > 0,
    "length(cutoutScience.stampData) > 9000": lambda a: gt(len(a("cutoutScience.stampData")), 9000),
    "schemavsn = '3.3' OR publisher RLIKE 'fink|Fink'": lambda a: (
        a("schemavsn") == "3.3" or "ink" in (a("publisher") or "")
    ),
    "derived.mag < 18 AND is_positive": lambda a: both(
        lt(a(MAG), 18), one_of(a("candidate.isdiffpos"), "t", "1")
    ),
    "abs(gal_b) < 20": lambda a: abs(galactic_latitude(a("candidate.ra"), a("candidate.dec"))) < 20,
    "days_since_first > 100": lambda a: gt(
        sub(a(JD), min(t for t in (a("candidate.jdstarthist"), a(JD)) if t is not None)), 100
    ),
    "days_since_last < 3": lambda a: lt(days_since_last(a), 3),
    "n_detections >= 20": lambda a: ge(a("candidate.ndethist"), 20),
    "is_solar_system": lambda a: between(a("candidate.ssdistnr"), 0, 5),
}  # fmt: skip

COLUMNS = {
    "bright": (lambda c: (c.magpsf < 17) | (c.rb > 0.9), lambda a: either(lt(a(MAG), 17), gt(a(RB), 0.9))),
    "deep": (lambda c: c.drb.isNotNull() & ~(c.drb < 0.99), lambda a: ge(a(DRB), 0.99)),
    "named": (lambda c: c.objectId.startswith("ZTF18") & c.ssnamenr.eqNullSafe("null"),
              lambda a: a("objectId").startswith("ZTF18") and a("candidate.ssnamenr") == "null"),
    "one": (lambda c: c.candid == ONE_ID, lambda a: a("candid") == ONE_ID),
    "rising": (lambda c: F.exists(c.prv_candidates, lambda p: (p.fid == c.fid) & (p.magpsf > c.magpsf)),
               lambda a: None if a(PAST) is None else either(
                   *(both(eq(p["fid"], a(FID)), gt(p["magpsf"], a(MAG))) for p in a(PAST)))),
    "bands": (lambda c: F.size(F.array_distinct(c.prv_candidates.fid)) > 1,
              lambda a: None if a(PAST) is None else len({p["fid"] for p in a(PAST)}) > 1),
}  # fmt: skip


def quality(rb, nbad):
    return (rb >= 0.55) & (nbad == 0)


def neighbour(candidate):
    return (candidate["distnr"] < 1) & (candidate["sgscore1"] > 0.5)


def mostly_limits(prv_candidates):
    return prv_candidates.map(
        lambda past: past is not None and sum(p["magpsf"] is None for p in past) > len(past) / 2
    )


@skysieve.per_alert
def brightest(candidate, prv_candidates):
    before = [p["magpsf"] for p in prv_candidates or [] if p["magpsf"] is not None]
    return candidate["magpsf"] < min(before) if before else None


@skysieve.per_alert
def odd(candid, drb):
    return candid % 2 == 1 if drb is None else drb > 0.5


PYTHON = {
    quality: lambda a: both(ge(a(RB), 0.55), eq(a("candidate.nbad"), 0)),
    neighbour: lambda a: both(lt(a("candidate.distnr"), 1), gt(a("candidate.sgscore1"), 0.5)),
    mostly_limits: lambda a: bool(a(PAST)) and 2 * len(detected(a)) < len(a(PAST)),
    brightest: lambda a: lt(a(MAG), brightest_before(a)),
    odd: lambda a: a("candid") % 2 == 1 if a(DRB) is None else a(DRB) > 0.5,
}


def brightest_before(a):
    return min((p["magpsf"] for p in detected(a) or []), default=None)


BOOM = {
    '[{"$match": {"candidate.drb": {"$gt": 0.9}}}, {"$project": {"objectId": 1}}]': lambda a: gt(a(DRB), 0.9),
    '[{"$match": {"candidate.magpsf": {"$lt": 18.5}, "candidate.fid": {"$in": [1, 3]}}}]': lambda a: both(
        lt(a(MAG), 18.5), one_of(a(FID), 1, 3)
    ),
    '[{"$match": {"candidate.drb": {"$not": {"$gt": 0.9}}}}]': lambda a: a(DRB) is None or a(DRB) <= 0.9,
    '[{"$match": {"candidate.drb": {"$exists": false}, "candidate.rb": {"$gte": 0.55}}}]': lambda a: both(
        a(DRB) is None, ge(a(RB), 0.55)
    ),
    '[{"$match": {"$or": [{"candidate.rb": {"$gte": 0.8}}, {"candidate.ndethist": {"$lt": 5}}]}}]': lambda a: (
        either(ge(a(RB), 0.8), lt(a("candidate.ndethist"), 5))
    ),
    '[{"$match": {"$expr": {"$gt": [{"$subtract": ["$candidate.magpsf", "$candidate.magap"]}, 0.0]}}}]': (
        lambda a: gt(sub(a(MAG), a("candidate.magap")), 0)
    ),
    '[{"$match": {"candidate.isdiffpos": true}}, {"$match": {"candidate.nbad": {"$eq": 0}}}]': lambda a: both(
        one_of(a("candidate.isdiffpos"), "t", "1"), eq(a("candidate.nbad"), 0)
    ),
}
"""Pipelines of BOOM: a field that a document lacks is in no order, and not unlike any value."""
