"""Enrichments: named providers of further columns on a stream, which filters then use like any other."""

from skysieve.enrich.base import Enrichment
from skysieve.enrich.crossmatch import Crossmatch, Watchlist
from skysieve.enrich.function import Computed
from skysieve.enrich.watchmap import Watchmap

__all__ = ["Computed", "Crossmatch", "Enrichment", "Watchlist", "Watchmap"]
