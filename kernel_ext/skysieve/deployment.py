"""A deployment: a filter version that should be running, its output topic and its state."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from skysieve.engine import registry
from skysieve.engine.registry import Registered
from skysieve.engine.status import OUT, FilterStatus, State, status_of, statuses
from skysieve.errors import DeploymentError, nearest
from skysieve.filter import Filter
from skysieve.jobs import Bar
from skysieve.matches import is_alert
from skysieve.packets import tables
from skysieve.stream import open_stream
from skysieve.times import Time, start_text
from skysieve.topics import Record, Topics

if TYPE_CHECKING:
    from skysieve_widgets import LiveView

_EVERY = 0.2


@dataclass(frozen=True)
class Deployment:
    """A handle on a deployed filter. It holds no state: every question is answered by Kafka.

    Attributes
    ----------
    name
        Name of the filter.
    """

    name: str
    topics: Topics = field(repr=False)

    @property
    def _record(self) -> Registered:
        found = registry.registered(self.topics)
        if self.name not in found:
            raise DeploymentError(f"No filter {self.name!r} is deployed.{nearest(self.name, found)}")
        return found[self.name]

    @property
    def filter(self) -> Filter:
        """The filter, in its current version."""
        return self._record.filter

    @property
    def stream(self) -> str:
        """The stream that it judges."""
        return self._record.stream

    @property
    def version(self) -> str:
        """The current version."""
        return self._record.current

    @property
    def versions(self) -> pd.DataFrame:
        """Every version, oldest first: ``version``, ``where``, ``deployed``, ``current``."""
        record = self._record
        rows = [
            {
                "version": v.version,
                "where": v.where,
                "deployed": v.deployed,
                "current": v.version == record.current,
            }
            for v in record.versions
        ]
        return pd.DataFrame(rows)

    @property
    def output_topic(self) -> str:
        """The Kafka topic of its matches."""
        return self._record.filter.output_topic

    def status(self) -> FilterStatus:
        """What the supervisor says of it; ``starting`` until it has taken note of the last change."""
        return as_it_is(self._record, statuses(self.topics).get(self.name))

    def wait(self, state: State = "running", timeout: float = 60) -> Deployment:
        """Wait until it is in a state.

        Parameters
        ----------
        state
            ``"running"`` (and its backfill done) or ``"stopped"``.
        timeout
            Seconds without any progress.

        Raises
        ------
        DeploymentError
            If it fails, or has not come so far in time.
        """
        bar = Bar(f"backfill of {self.name}")
        try:
            self._wait(state, timeout, bar)
        finally:
            bar.close()
        return self

    def _wait(self, state: State, timeout: float, bar: Bar) -> None:
        reached, end = 0, time.monotonic() + timeout
        while (status := self.status()).state != state:
            if past := status.backfill:
                bar(past.done, past.count)
                if past.done > reached:  # as long as it gets on, there is no reason to give up
                    reached, end = past.done, time.monotonic() + timeout
            if status.state in OUT:
                became = "failed" if status.state == "failed" else "is paused"
                raise DeploymentError(f"Filter {self.name!r} {became}: {status.error}")
            if time.monotonic() > end:
                tail = f" ({status.error})" if status.error else ""
                raise DeploymentError(
                    f"Filter {self.name!r} is still {status.state} after {timeout:g} s{tail}. "
                    "`skysieve status` tells whether the supervisor runs."
                )
            time.sleep(_EVERY)

    def matches(self) -> int:
        """Number of records in its output topic."""
        if not self.topics.partitions(self.output_topic):
            return 0
        begin, end = self.topics.bounds(self.output_topic)
        return sum(end[p] - begin[p] for p in end)

    def records(self, last: int = 10) -> list[Record]:
        """Its newest matches as Kafka records: the packet's own bytes, and headers that say where it came from."""
        return self.topics.last(self.output_topic, last) if self.topics.partitions(self.output_topic) else []

    def results(self, last: int = 10) -> pd.DataFrame:
        """Its newest matches, decoded.

        Returns
        -------
        pandas.DataFrame
            One row per match: the scalar columns of the alert, then ``skysieve.version`` and the
            ``skysieve.source`` partition, offset and record. Of an aggregate, one row per update of a group.
        """
        found = self.records(last)
        if self.filter.grouping:
            return pd.DataFrame(
                [
                    {**json.loads(r.value or b"{}"), "skysieve.version": _header(r, "skysieve.version", str)}
                    for r in found
                ]
            )
        found = [record for record in found if is_alert(record)]
        stream = open_stream(self.topics, self.stream).learned(r.value or b"" for r in found)
        packets = [(r.value or b"", _header(r, "skysieve.source.record", int) or 0) for r in found]
        table = tables.scalars(packets, stream.format)
        for header, kind in _SHOWN.items():
            table[header] = pd.array([_header(r, header, kind) for r in found])
        return table

    def live(self, every: float = 2.0) -> LiveView:
        """Watch it: rates, pass rate and latency over time, and its newest matches as they arrive.

        It reads the few newest matches at each look and moves no consumer group's place. It ends with its ``close()``.

        Parameters
        ----------
        every
            Seconds between two looks.
        """
        from skysieve_widgets import LiveView

        from skysieve.live import Watched

        return LiveView(Watched(self), title=self.name, every=every)

    def start(self, start: Time = "latest") -> Deployment:
        """Run it again after a stop, a pause or a failure, on alerts from now on.

        Parameters
        ----------
        start
            ``"earliest"`` or a time in the past: judge also those that Kafka holds from then on.

        Raises
        ------
        DeploymentError
            If it is to judge the past, and runs already.
        """
        record = self._record
        if record.wanted == "running" and self.status().state not in OUT:
            if start != "latest":
                raise DeploymentError(
                    f"Filter {self.name!r} runs already: `.stop()` it, then `.start(start=…)` judges the past as well."
                )
            return self
        return self._write(record, wanted="running", start=start_text(start), run=registry.new_run())

    def stop(self) -> Deployment:
        """Stop it; it stays deployed and can be started again."""
        return self._write(self._record, wanted="stopped")

    def rollback(self, version: str | None = None) -> Deployment:
        """Go back to an earlier version: the one before, or the one given (its first characters are enough)."""
        record = self._record
        names = [v.version for v in record.versions]
        if version is None:
            at = names.index(record.current)
            if at == 0:
                raise DeploymentError(f"Filter {self.name!r} has no version before {record.current}.")
            version = names[at - 1]
        found = [n for n in names if n.startswith(version)]
        if len(found) != 1:
            raise DeploymentError(
                f"Filter {self.name!r} has no one version {version!r}; it has {', '.join(names)}."
            )
        return self._write(record, current=found[0], wanted="running", start="latest", run=registry.new_run())

    def remove(self, *, results: bool = False) -> None:
        """Take it out of the registry, so that it stops for good.

        Parameters
        ----------
        results
            Delete its output topic with the matches as well.
        """
        topic, version = self.output_topic, self.version
        registry.unregister(self.topics, self.name)
        end = time.monotonic() + 30
        while results and self.name in statuses(self.topics):
            if time.monotonic() > end:
                raise DeploymentError(
                    f"{self.name!r} ({version}) was removed but still runs, so {topic} was kept."
                )
            time.sleep(_EVERY)
        if results:
            self.topics.delete(topic)

    def _write(self, record: Registered, **changes: Any) -> Deployment:
        registry.register(self.topics, record.model_copy(update=changes))
        return self

    def _repr_html_(self) -> str:
        from skysieve_widgets import deployment_html

        return deployment_html(self.status(), matches=self.matches())

    def __str__(self) -> str:
        from skysieve_widgets import deployment_text

        return deployment_text(self.status(), matches=self.matches())

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))


def as_it_is(record: Registered, status: FilterStatus | None) -> FilterStatus:
    """The status of a deployment, if it is that of its current run and not of what was wanted before."""
    settled = status is not None and status.run == record.run
    if status is not None and settled and (status.state == "stopped") == (record.wanted == "stopped"):
        return status
    return status_of(record, "starting")


_SHOWN: dict[str, type] = {
    "skysieve.version": str,
    "skysieve.source.partition": int,
    "skysieve.source.offset": int,
    "skysieve.source.record": int,
}


def _header(record: Record, name: str, kind: type) -> Any:
    value = dict(record.headers).get(name)
    return None if value is None else kind(value.decode())
