"""Lookups: what an external service (TAP, SQL, REST) knows of an alert; the stream never stops for it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Self

import pyarrow as pa
from pydantic import Field, ValidationError

from skysieve.enrich.asking import Asker, Limits
from skysieve.enrich.base import ARROW, Enrichment, Given, register
from skysieve.enrich.function import declared
from skysieve.enrich.services import Rest, Sql, Tap
from skysieve.enrich.services.base import Answers, Failure, Key
from skysieve.enrich.store import Store
from skysieve.errors import EnrichmentError
from skysieve.packets.columns import Columns
from skysieve.packets.formats import Places

_REASON = "reason"
_RANGE = {"int": 1 << 31, "long": 1 << 63}


@register
class Lookup(Enrichment):
    """Columns that a service gives for an alert, asked for in the middle of the stream.

    It gives the columns below and ``reason``: NULL where the service answered, else a text that says why all others are
    NULL. It begins with one of ``no key`` (the alert lacks what is asked with), ``not found`` (the service knows
    nothing of it), ``slow``, ``down``, ``busy`` (its rate limit or ours, or the batch's time was over), ``refused`` and
    ``garbage``.

    Parameters
    ----------
    service
        A :class:`Tap`, :class:`Sql` or :class:`Rest`.
    columns
        Name and type of each column of the answer: ``boolean``, ``int``, ``long``, ``float``, ``double`` or ``string``,
        and after that, if you like, a unit in brackets and a description.
    **limits
        Those of :class:`skysieve.enrich.asking.Limits`: ``time_limit``, ``rate``, ``at_once``, ``keep``, ``most``,
        ``pause``.

    Raises
    ------
    EnrichmentError
        If these cannot be.

    Examples
    --------
    >>> hosts = Lookup(
    ...     Sql("sqlite:////data/hosts.db", "SELECT id, z FROM hosts WHERE id IN ({diaObject.diaObjectId})"),
    ...     columns={"z": "double Redshift of the host"},
    ...     time_limit=2,
    ... )
    >>> [one.name for one in hosts.gives()]
    ['z', 'reason']
    """

    kind: ClassVar[str] = "lookup"

    service: Annotated[Tap | Sql | Rest, Field(discriminator="via")]
    given: tuple[Given, ...]
    limits: Limits

    def __init__(self, service: Any = None, columns: Mapping[str, str] | None = None, **more: Any) -> None:
        if "given" not in more:
            unknown = set(more) - set(Limits.model_fields)
            if unknown:
                raise EnrichmentError(
                    f"A lookup has no {unknown.pop()}=, only {', '.join(Limits.model_fields)}."
                )
            if not isinstance(service, Tap | Sql | Rest):
                raise EnrichmentError("A lookup asks a Tap(…), Sql(…) or Rest(…).")
            try:
                limits = Limits(**more)
            except ValidationError as error:
                first = error.errors()[0]
                raise EnrichmentError(f"{first['loc'][0]}={first['input']!r}: {first['msg']}.") from None
            given = tuple(declared(name, text) for name, text in (columns or {}).items())
            more = {"given": given, "limits": limits}
        super().__init__(**{"service": service, **more})
        if not self.given:
            raise EnrichmentError("Say which columns a lookup gives: columns={'name': 'double'}.")
        if _REASON in {one.name for one in self.given}:
            raise EnrichmentError(
                f"A lookup's column cannot be called {_REASON!r}, which tells why there are none."
            )

    def prepared(self, store: Store, columns: Columns, places: Places) -> Self:
        """The same, what it asks with found among the columns; the service itself is not asked, for it may be down."""
        reads = []
        for name in self.service.parameters():
            column = columns.resolve(name)
            if not column.is_scalar:
                raise EnrichmentError(f"{{{name}}} is {column.name}, which is no number or text to ask with.")
            reads.append(column.name)
        self.service.client([]).load()
        return self.model_copy(update={"reads": tuple(reads)})

    def gives(self) -> tuple[Given, ...]:
        """What was said of it, and the reason."""
        return (*self.given, Given(name=_REASON, type="string", description="Why the others are NULL"))

    def made_of(self) -> str:
        """The service, and the mark of what it is asked."""
        return f"{self.service.place()}, {hashlib.sha256(self._text.encode()).hexdigest()[:8]}"

    @property
    def _text(self) -> str:
        return json.dumps(self.model_dump(mode="json", exclude={"reads"}), sort_keys=True)

    def on_arrow(self, *arrays: pa.Array) -> pa.Array:
        """Ask for a batch, each object once."""
        keys = [_key(values) for values in zip(*(array.to_pylist() for array in arrays), strict=True)]
        answers = _asker(self._text).answers(key for key in keys if key is not None)
        known = {key: self._values(key, answers) for key in answers}
        none = (*[None] * len(self.given), "no key")
        rows = [none if key is None else known[key] for key in keys]
        columns = zip(*rows, strict=True) if rows else [()] * (len(self.given) + 1)
        gives = self.gives()
        values = [pa.array(list(c), ARROW[one.type]) for c, one in zip(columns, gives, strict=True)]
        return pa.StructArray.from_arrays(values, [one.name for one in gives])

    def _values(self, key: Key, answers: Answers) -> tuple[Any, ...]:
        row, reason = answers[key], None
        if row is None:
            reason = "not found"
        elif isinstance(row, Failure):
            reason = row.reason
        else:
            try:
                return (*(typed(v, one) for v, one in zip(row, self.given, strict=True)), None)
            except (ValueError, ArithmeticError) as error:
                reason = f"garbage: {error}"
        return (*[None] * len(self.given), reason)


@lru_cache(maxsize=32)
def _asker(text: str) -> Asker:
    """What asks for a lookup, kept with all it knows for as long as the worker lives."""
    lookup = Lookup(**json.loads(text))
    return Asker(lookup.service.client([one.name for one in lookup.given]), lookup.limits)


def _key(values: tuple[Any, ...]) -> Key | None:
    """What to ask with; None where any of it is missing."""
    is_missing = any(v is None or (isinstance(v, float) and not math.isfinite(v)) for v in values)
    return None if is_missing else values


def typed(value: Any, given: Given) -> Any:
    """A value of an answer, as its column has it.

    Raises
    ------
    ValueError
        If it is of another type, or does not fit.

    Examples
    --------
    >>> typed(5.0, Given(name="n", type="int"))
    5
    >>> typed("5", Given(name="n", type="int"))
    Traceback (most recent call last):
    ValueError: 'n' is a str, no int
    """
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    if given.type == "boolean" and (isinstance(value, bool) or value in (0, 1)):
        return bool(value)  # SQLite and ADQL have no other
    if given.type in ("float", "double") and number:
        return float(value)
    if given.type in _RANGE and number and value % 1 == 0:
        if -_RANGE[given.type] <= value < _RANGE[given.type]:
            return int(value)
        raise ValueError(f"{given.name!r} does not fit into {given.type}")
    if given.type == "string" and not isinstance(value, int | float | dict | list):
        # dates and identifiers, too; JSON can hold what is no text
        return str(value).encode(errors="replace").decode()
    raise ValueError(f"{given.name!r} is a {type(value).__name__}, no {given.type}")
