"""The filter builder over a stream: its columns, a sample of its newest alerts, previews and deployments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from skysieve import nights
from skysieve.answers import answers
from skysieve.errors import FilterError
from skysieve.filter import Filter
from skysieve.languages import sql
from skysieve.nights import Nights
from skysieve.packets.decode import PROBLEM
from skysieve.sample import Samples
from skysieve.slices import Slice
from skysieve.verdicts import judged

if TYPE_CHECKING:
    from skysieve_widgets import FilterBuilder

    from skysieve.deployment import Deployment
    from skysieve.preview import Preview
    from skysieve.session import Session

_NAME = "new-filter"


class StreamSample:
    """A slice of a stream, from which columns and verdicts are fetched as they are asked for.

    It is always the same packets, and each is a preview's job: what was decoded before is not decoded again.
    """

    def __init__(self, samples: Samples, which: Slice) -> None:
        self._samples, self._which = samples, which
        self._nights: Nights | None = None
        self._is_measured = False

    @property
    def nights(self) -> Nights | None:
        """How many alerts the stream has in a night, once something was fetched."""
        return self._nights

    def fetch(self, columns: Sequence[str], conditions: Sequence[str]) -> pd.DataFrame:
        """One row per alert that could be decoded: these columns, and what these conditions say, by their texts.

        Id, position and time come along, since a preview reads them anyway.

        Raises
        ------
        FilterError
            If a condition cannot run on the stream.
        """
        where = asked(columns, conditions)
        with answers():
            self._which, table = judged(self._samples, self._which, [Filter(_NAME, where, self._stream)])
        if not self._is_measured:
            time = self._which.stream.format.places.time
            self._nights, self._is_measured = nights.measure(self._which, table, time)[0], True
        decoded = table[table[PROBLEM].isna()].reset_index(drop=True)
        known = [str(name) for name in decoded if name in self._which.stream.filterable]
        says = {text: decoded[f"cut{i}"] for i, text in enumerate(conditions)}
        return pd.concat([decoded[known], pd.DataFrame(says, index=decoded.index)], axis=1)

    @property
    def _stream(self) -> str:
        return self._which.stream.name


def asked(columns: Sequence[str], conditions: Sequence[str]) -> str:
    """A filter whose cuts are these conditions first, and which reads these columns.

    Examples
    --------
    >>> print(asked(["diaSource.snr"], ["band = 'g' OR band = 'r'"]))
    (band = 'g' OR band = 'r')
    AND `diaSource`.`snr` IS NOT NULL
    >>> asked([], [])
    'TRUE'
    """
    read = [".".join(f"`{part.replace('`', '``')}`" for part in name.split(".")) for name in columns]
    cuts = [*(f"({text})" for text in conditions), *(f"{name} IS NOT NULL" for name in read)]
    return "\nAND ".join(cuts) or "TRUE"


def builder(
    session: Session, which: Slice, last: int, spec: Filter | str, name: str, text: str
) -> FilterBuilder:
    """The form of a stream.

    Parameters
    ----------
    session
        What previews and deploys.
    which
        The sample.
    last
        Number of packets that a preview reads.
    spec
        A filter to begin with, or the name of a stream.
    name, text
        Name and SQL of a new filter, where none is given.

    Raises
    ------
    FilterError
        If the filter is not in SQL.
    """
    from skysieve_widgets import FilterBuilder
    from skysieve_widgets.builder import BuilderColumns

    stream = spec.stream if isinstance(spec, Filter) else spec
    if isinstance(spec, Filter):
        if spec.language != "sql":
            raise FilterError(f"Filter {spec.name!r} is in {spec.language}: only one in SQL has rows.")
        name, text = name or spec.name, text or spec.where

    def preview(name: str, text: str) -> Preview:
        return session.preview(Filter(name, text, stream), last=last)

    def deploy(name: str, text: str) -> Deployment:
        return session.deploy(Filter(name, text, stream))

    sample, known = StreamSample(session._samples, which), which.stream.format.places.names
    return FilterBuilder(
        sample.fetch(known[:1], []),
        name=name or _NAME,
        stream=stream,
        columns=BuilderColumns.of_table(which.stream.columns()),
        sql=text,
        source=sample,
        split=sql.content,
        preview=preview,
        deploy=deploy,
    )
