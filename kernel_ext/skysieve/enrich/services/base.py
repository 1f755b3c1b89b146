"""What the services have in common: templates with columns of the alert, what asks them, and what goes wrong."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from skysieve.engine.values import Value
from skysieve.errors import EnrichmentError

HOLE = re.compile(r"(?<!\$)\{([A-Za-z_][\w.]*)\}")
"""Where a template takes the value of a column: ``{diaObject.diaObjectId}``."""
_LIST = re.compile(r"""(["\w.]+)\s+IN\s*\(\s*\{([A-Za-z_][\w.]*)\}\s*\)""", re.IGNORECASE)

INSTALL = "pip install 'skysieve[lookup]', here and where Spark's Python workers run"

Key = tuple[Any, ...]
"""The values of a template's columns for one alert; none of them is missing."""
Row = tuple[Any, ...]
"""The values of the columns that were asked for, in their order."""
Turn = Callable[[], float]
"""Waits until a request may be sent; gives the seconds that are left for its answer."""


class Failure(Exception):  # noqa: N818 - it is an answer, too
    """Why a service gave no answer.

    Attributes
    ----------
    reason
        For people, and for filters: it begins with one word that says the kind.
    of_service
        Whether it is the service that failed, and other keys would fare no better.
    pause
        Seconds for which the service wants to be left alone.
    """

    def __init__(self, reason: str, *, of_service: bool = True, pause: float = 0.0) -> None:
        self.reason, self.of_service, self.pause = reason, of_service, pause
        super().__init__(reason)


class TooLate(Failure):
    """A request was not sent, for its batch can wait no longer; that says nothing of the service."""

    def __init__(self) -> None:
        super().__init__("busy: the batch's time was over before this was asked", of_service=False)


Answers = dict[Key, Row | Failure | None]
"""What is known of each key; None where the service knows nothing."""


class Client(ABC):
    """What asks a service, in a worker; used by several threads."""

    at_most = 1
    """How many keys are asked for together, in as many requests as it takes."""

    @abstractmethod
    def load(self) -> None:
        """Import what it needs, before its time is counted.

        Raises
        ------
        EnrichmentError
            If that is not installed here.
        """

    @abstractmethod
    def ask(self, keys: Sequence[Key], turn: Turn) -> Iterator[Answers]:
        """Ask for some keys; calls ``turn`` before each request, and gives what each answers.

        Raises
        ------
        Failure
            If the service does not answer.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of connections and secrets, so that they are made and read anew."""

    def without_secrets(self, text: str) -> str:
        """A text of the service's own, in which its secrets are blackened."""
        return text


class Service(Value):
    """Where to ask, and what: a value without secrets, which the registry keeps."""

    @property
    @abstractmethod
    def template(self) -> str:
        """The text with the names of columns in braces."""

    @abstractmethod
    def client(self, wanted: Sequence[str]) -> Client:
        """What asks it for columns of these names."""

    @abstractmethod
    def place(self) -> str:
        """Which service it is, for people."""

    def parameters(self) -> tuple[str, ...]:
        """The columns that the template takes, each once."""
        return tuple(dict.fromkeys(HOLE.findall(self.template)))

    @property
    def list_of(self) -> tuple[str, str] | None:
        """Of a query that takes many keys at once (``x IN ({column})``): x and the column."""
        found = _LIST.search(self.template)
        return (found[1].rsplit(".", 1)[-1].strip('"'), found[2]) if found else None


def check_query(query: str) -> None:
    """Make sure that a query's columns are where values can stand.

    Raises
    ------
    EnrichmentError
        If it takes none, or one within quotes, or a list beside others.
    """
    holes = list(HOLE.finditer(query))
    if not holes:
        raise EnrichmentError(
            "The query takes no column of the alert: write one in braces, as in WHERE id IN ({diaObject.diaObjectId})."
        )
    for hole in holes:
        before = query[: hole.start()]
        if before.count("'") % 2 or before.count('"') % 2:
            raise EnrichmentError(
                f"{hole[0]} stands within quotes; leave these away, texts are quoted anyway."
            )
    if _LIST.search(query) and len(holes) > 1:
        raise EnrichmentError("A query with IN ({column}) can take this one column alone, and once.")


def with_list(query: str, what: str) -> str:
    """The query, with a text instead of the braces in ``IN ({column})``."""
    return _LIST.sub(lambda found: f"{found[1]} IN ({what})", query)


def picked(names: Iterable[str], wanted: Sequence[str]) -> list[int]:
    """Where the wanted columns are in a result; their case does not count.

    Raises
    ------
    Failure
        If one is not there.
    """
    where = {name.lower(): i for i, name in reversed(list(enumerate(names)))}
    for name in wanted:
        if name.lower() not in where:
            raise Failure(f"garbage: the answer has no column {name!r}, only {', '.join(where)[:200]}")
    return [where[name.lower()] for name in wanted]


def by_key(keys: Sequence[Key], rows: Iterable[tuple[Any, Row]]) -> Answers:
    """Rows of a result, each with its key, by the keys that were asked for; of each the first counts."""
    found: dict[Any, Row] = {}
    for key, row in rows:
        found.setdefault(_comparable(key), row)
    return {key: found.get(_comparable(key[0])) for key in keys}


def _comparable(value: Any) -> str:
    """A key as it is compared: databases give numbers with a point, and texts with spaces at their end."""
    if isinstance(value, bytes):
        return value.decode(errors="replace").rstrip()
    if isinstance(value, float | Decimal) and value % 1 == 0:
        return str(int(value))
    return str(value).rstrip()


def chunks(keys: Sequence[Key], size: int) -> Iterator[Sequence[Key]]:
    """The keys, some at a time."""
    for start in range(0, len(keys), size):
        yield keys[start : start + size]
