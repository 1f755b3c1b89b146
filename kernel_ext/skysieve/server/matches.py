"""The newest matches of a filter, for a look at them as they arrive."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Sequence
from typing import Any

from skysieve.engine.registry import stated
from skysieve.errors import PacketError, StreamError
from skysieve.matches import as_match, is_alert, source_of
from skysieve.packets import formats
from skysieve.packets.formats import Format
from skysieve.server import models
from skysieve.server.failures import NotThereError
from skysieve.server.filters import deployment
from skysieve.topics import Record, Topics


def newest(topics: Topics, name: str, last: int) -> models.MatchPage:
    """The newest matches, newest first."""
    found, record = deployment(topics, name)
    records = found.records(last)[::-1]
    packets = _format(topics, record.stream, [one for one in records if is_alert(one)])
    return models.MatchPage(
        items=[_match(one, packets) if is_alert(one) else _told(one) for one in records],
        start=0,
        total=found.matches() if records else 0,
    )


def picture(topics: Topics, name: str, partition: int, offset: int) -> bytes:
    """Cutouts and light curve of one match, as a PNG.

    Raises
    ------
    PacketError
        If its packet cannot be decoded.
    """
    from skysieve_widgets import alert_figure

    found, registered = deployment(topics, name)
    record = topics.one(found.output_topic, partition, offset)
    packets = _format(topics, registered.stream, [record])
    alert = _alert(record, packets)
    try:
        figure = alert_figure(alert)
    except ValueError as error:
        raise PacketError("view", f"This alert cannot be drawn: {error}") from None
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=80)
    return drawn.getvalue()


def _format(topics: Topics, stream: str, records: Sequence[Record]) -> Format | None:
    """How the packets of these matches are framed: as was stated for their stream, or as they look."""
    values = [record.value for record in records if record.value]
    if not values:
        return None
    said = stated(topics, stream).format
    found = formats.get(said) if said else formats.detect(values[0])
    return found.fitted(values) if found else None


def _alert(record: Record, packets: Format | None) -> dict[str, Any]:
    if packets is None or record.value is None:
        raise PacketError("format", "This packet is in no format that Skysieve knows.")
    source = source_of(record)
    alerts = packets.read(record.value)
    number = source.record if source else 0
    if number >= len(alerts):
        raise NotThereError(f"The packet has no alert {number}.")
    return alerts[number]


def _told(record: Record) -> models.Match:
    """What is told of a group or a notice, in the place of annotations."""
    return models.Match(
        id=(record.key or b"").decode(),
        version=as_match(record).version,
        arrived=record.timestamp,
        partition=record.partition,
        offset=str(record.offset),
        annotations={name: _text(value) for name, value in json.loads(record.value or b"{}").items()},
    )


def _match(record: Record, packets: Format | None) -> models.Match:
    alert: dict[str, Any] = {}
    problem = ""
    try:
        alert = _alert(record, packets)
    except (PacketError, StreamError, NotThereError) as error:
        problem = str(error)
    places = packets.places if packets else formats.Places()
    match = as_match(record)
    return models.Match(
        id=_text(_at(alert, places.id)),
        object=_text(_at(alert, places.object)),
        ra=_number(_at(alert, places.ra)),
        dec=_number(_at(alert, places.dec)),
        version=match.version,
        arrived=record.timestamp,
        partition=record.partition,
        offset=str(record.offset),
        annotations={name: _text(value) for name, value in match.annotations.items()},
        problem=problem,
    )


def _at(alert: Any, name: str | None) -> Any:
    for part in name.split(".") if name else ():
        alert = alert.get(part) if isinstance(alert, dict) else None
    return alert if name else None


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
