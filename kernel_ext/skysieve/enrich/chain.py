"""The enrichments of one stream, in order: each can read the columns of the packet, and what those before it give."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from skysieve.enrich.base import Enrichment, read, written
from skysieve.enrich.store import Store
from skysieve.errors import EnrichmentError
from skysieve.packets.columns import Columns
from skysieve.packets.formats import Places

log = logging.getLogger(__name__)


def readable(said: Mapping[str, dict[str, Any]]) -> dict[str, Enrichment]:
    """Those that can be had here; the others must not hurt the filters that do without."""
    found = {}
    for name, what in said.items():
        try:
            found[name] = read(what)
        except EnrichmentError as error:
            log.warning("the enrichment %r is left out: %s", name, error)
    return found


def adding(packet: Columns, enrichments: Mapping[str, Enrichment]) -> Columns:
    """The columns of a packet and, after them, what enrichments give; one that lacks what it reads is left out."""
    known = packet
    for name, one in enrichments.items():
        try:
            known = known.adding(one.columns(name, known))
        except EnrichmentError as error:
            log.warning("the enrichment %r is left out: %s", name, error)
    return known


def changed(
    said: Mapping[str, dict[str, Any]],
    changes: Mapping[str, Enrichment | None],
    packet: Columns,
    places: Places,
) -> dict[str, dict[str, Any]]:
    """What the registry shall say of them: one that is new is the last, one that is replaced keeps its place.

    Raises
    ------
    EnrichmentError
        If what it needs cannot be had, or another reads what it no longer gives, or its name is that of columns of
        the packet.
    """
    found, here, known = dict(said), readable(said), packet
    for name in {**said, **changes}:
        one = changes[name] if name in changes else here.get(name)
        if one is not None and name in changes:
            if any(column.path[0] == name for column in packet) or not name.isidentifier():
                raise EnrichmentError(f"{name!r} cannot be an enrichment: take another name.")
            one = one.prepared(Store.default(), known, places)
            found[name] = written(one)
        if one is not None:
            known = known.adding(one.columns(name, known))
        elif name in changes:
            found.pop(name, None)
    return found
