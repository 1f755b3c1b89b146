"""Whether what a version was made with is still here: its code's packages, its columns' schemas, its catalogues."""

from __future__ import annotations

from skysieve.engine.registry import Registered
from skysieve.enrich.base import providers
from skysieve.errors import ColumnError, DeploymentError
from skysieve.filter import BoundFilter
from skysieve.languages.functions import missing
from skysieve.stream import Stream


def rebuilt(record: Registered, source: Stream) -> BoundFilter:
    """The filter of a deployment, ready to run.

    Raises
    ------
    DeploymentError, ColumnError, EnrichmentError
        If that cannot be; names the piece that is missing.
    """
    if lost := missing(record.filter.made_with):
        needs = ", ".join(f"{name} {version}" for name, version in lost.items())
        raise DeploymentError(
            f"Filter {record.name!r} {record.current} cannot be rebuilt: it was made with {needs}, which the "
            "supervisor's Python lacks. Install that there and on Spark's workers, and start the filter again."
        )
    try:
        bound = record.filter.bind(source.filterable)
        for provider in providers(bound.columns):
            provider.enrichment.check()
        return bound
    except ColumnError as error:
        gone = set(record.said(record.current).schemas) - set(map(str, source.versions))
        if not gone:
            raise
        raise ColumnError(
            f"{error} It was deployed when {source.name!r} had packets of schema {', '.join(sorted(gone))}, "
            "of which it shows none any more."
        ) from None
