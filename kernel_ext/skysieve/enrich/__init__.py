"""Enrichments: named providers of further columns on a stream, which filters then use like any other."""

from skysieve.enrich.base import Enrichment
from skysieve.enrich.classifier import Classifier
from skysieve.enrich.crossmatch import Crossmatch, Watchlist
from skysieve.enrich.features import Features
from skysieve.enrich.function import Computed
from skysieve.enrich.lookup import Lookup
from skysieve.enrich.services import Rest, Sql, Tap
from skysieve.enrich.skymap import Skymap
from skysieve.enrich.watchmap import Watchmap

__all__ = [
    "Classifier",
    "Computed",
    "Crossmatch",
    "Enrichment",
    "Features",
    "Lookup",
    "Rest",
    "Skymap",
    "Sql",
    "Tap",
    "Watchlist",
    "Watchmap",
]
