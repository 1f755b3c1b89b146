"""Filters for LSST in the languages of other brokers, each beside what it means in plain Python."""

from languages.filters_lsst import BAND, COUNT, REL, SNR
from languages.plain import between, both, either, ge, gt, lt, no, one_of


def of_object(means):
    """Lasair's rows are objects: an alert without one, or with one that has no id, is in none."""
    return lambda a: both(a("diaObject.diaObjectId") is not None, means(a))


RA, DEC, OBJECT_G = "diaObject.ra", "diaObject.dec", "diaObject.g_psfFluxMean"
OBJECT_R = "diaObject.r_psfFluxMean"
LASAIR = {
    what: of_object(means)
    for what, means in {
        "SELECT objects.diaObjectId FROM objects WHERE objects.nDiaSources > 3": lambda a: gt(a(COUNT), 3),
        "SELECT ra FROM objects WHERE ra BETWEEN 50 AND 160 && decl < 0": lambda a: both(
            between(a(RA), 50, 160), lt(a(DEC), 0)
        ),
        "nDiaSources IN (1, 2) OR g_psfFluxMean > 500": lambda a: either(
            one_of(a(COUNT), 1, 2), gt(a(OBJECT_G), 500)
        ),
        "NOT r_psfFluxMean > 1000": lambda a: no(gt(a(OBJECT_R), 1000)),
        "r_psfFluxMean IS NULL": lambda a: a(OBJECT_R) is None,
        "objects.g_psfFluxMean < objects.r_psfFluxMean ORDER BY ra": lambda a: lt(a(OBJECT_G), a(OBJECT_R)),
        "ABS(decl) < 20 AND nDiaSources >= 2": lambda a: both(
            lt(None if a(DEC) is None else abs(a(DEC)), 20), ge(a(COUNT), 2)
        ),
    }.items()
}
"""Queries of Lasair over its objects."""

BOOM = {
    '[{"$match": {"candidate.snr": {"$gt": 10}, "candidate.band": {"$in": ["g", "r", "i"]}}}]': lambda a: (
        both(gt(a(SNR), 10), one_of(a(BAND), "g", "r", "i"))
    ),
    '[{"$match": {"candidate.reliability": {"$not": {"$lt": 0.5}}}}]': lambda a: (
        a(REL) is None or a(REL) >= 0.5
    ),
    '[{"$match": {"candidate.ndethist": {"$gte": 3}}}, {"$match": {"candidate.isDipole": false}}]': lambda a: (
        both(ge(a(COUNT), 3), a("diaSource.isDipole") is False)
    ),
    '[{"$match": {"$expr": {"$gt": [{"$divide": ["$candidate.snr", 2]}, 5.5]}}}]': lambda a: gt(a(SNR), 11),
    '[{"$match": {"$or": [{"candidate.reliability": {"$exists": false}}, {"candidate.snr": {"$lt": 6}}]}}]': (
        lambda a: a(REL) is None or lt(a(SNR), 6)
    ),
}
"""Pipelines of BOOM: a field that a document lacks is in no order, and not unlike any value."""
