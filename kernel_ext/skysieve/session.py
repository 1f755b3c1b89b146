"""The session: attach to Kafka and Spark, look at streams, preview filters, deploy them."""

from __future__ import annotations

import getpass
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, cast

from skysieve import building, deploying, jobs, lint
from skysieve.answers import answers
from skysieve.consumer import LOOK_BACK, Consumer
from skysieve.deployment import Deployment
from skysieve.diff import Diff, diff
from skysieve.engine import registry
from skysieve.engine.guard import Guard
from skysieve.engine.redrive import Redriven, redrive
from skysieve.enrich.base import Enrichment
from skysieve.errors import SkysieveError, StreamError
from skysieve.filter import Filter
from skysieve.group_preview import preview_groups
from skysieve.lint import Finding
from skysieve.preview import Preview, preview
from skysieve.sample import Samples
from skysieve.slices import Slice, Which, choose
from skysieve.stream import Stream, open_stream
from skysieve.stream_topics import streams
from skysieve.times import Time
from skysieve.topics import Topics

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from skysieve_widgets import AlertView, FilterBuilder

_PREVIEWED = 5000
_LOOKED_AT = 30.0


@dataclass(frozen=True)
class Session:
    """One Kafka cluster and one Spark Connect server, seen from a notebook.

    Attributes
    ----------
    topics
        The Kafka cluster.
    spark
        A Spark session of one's own.
    """

    topics: Topics
    spark: SparkSession = field(repr=False)

    @property
    def streams(self) -> list[str]:
        """Names of the streams."""
        return streams(self.topics.names())

    def stream(self, name: str) -> Stream:
        """The stream of that name.

        Raises
        ------
        StreamError
            If there is none; the message names the nearest.
        """
        found = open_stream(self.topics, name, self.spark)
        self._opened[name] = (time.monotonic(), found)
        return found

    @cached_property
    def _opened(self) -> dict[str, tuple[float, Stream]]:
        return {}

    @cached_property
    def _samples(self) -> Samples:
        return Samples(self.spark)

    @cached_property
    def _expected(self) -> dict[str, tuple[float, float]]:
        """Intervals of the pass rate, by the version of the filter that was previewed."""
        return {}

    def _recent(self, name: str) -> Stream:
        """A stream as it was looked at a moment ago: a look costs more than a second preview does."""
        opened, found = self._opened.get(name, (-_LOOKED_AT, None))
        is_fresh = found is not None and time.monotonic() - opened < _LOOKED_AT and not found.is_empty
        return found if found and is_fresh else self.stream(name)

    def preview(
        self,
        spec: Filter,
        *,
        last: int | None = None,
        between: tuple[Time, Time] | None = None,
        night: str | None = None,
        files: Sequence[str | Path] | None = None,
        ids: Sequence[int | str] | None = None,
    ) -> Preview:
        """Apply a filter to a slice of its stream.

        Parameters
        ----------
        spec
            The filter; of an aggregate, what comes back is a :class:`~skysieve.group_preview.GroupPreview`.
        last
            The newest so many packets (5,000 unless told otherwise).
        between
            The packets that arrived in this range of time instead.
        night
            Those that arrived in the night that begins on this date, from noon to noon UTC: ``"2026-03-05"``.
        files
            The packets in these files and folders; the stream only gives its name, and need not exist.
        ids
            Only the alerts of these ids, in all that the stream holds, or in the slice given besides. Packets that were
            rejected are counted, too: one of them may be such an alert.

        Raises
        ------
        FilterError
            If the filter cannot run on its stream.
        StreamError
            If the slice cannot be had.
        """
        which: Which = {"last": last, "between": between, "night": night, "files": files, "ids": ids}
        with answers():
            if spec.grouping:
                return cast("Preview", preview_groups(self._samples, self._slice(spec.stream, which), spec))
            found = preview(self._samples, self._slice(spec.stream, which), spec)
        if ids is None and found.read > found.rejected:
            self._expected[spec.version] = found.interval
        return found

    def lint(self, spec: Filter) -> tuple[Finding, ...]:
        """What is likely to be wrong with a filter: ``cut``, ``kind``, ``message``, ``cure``.

        Nothing runs for it in Spark. A preview's ``lint`` has this, too, and what its alerts show.
        """
        stream = self._recent(spec.stream)
        return tuple(lint.before(spec, stream.filterable, stream.described))

    def view(self, stream: str, alert_id: int | str) -> AlertView:
        """Look at one alert of a stream: cutouts, light curve and values.

        Parameters
        ----------
        stream
            Name of the stream.
        alert_id
            The alert's id, exact: an integer or a text. Of alerts that came twice, the last counts.

        Raises
        ------
        StreamError
            If the stream holds no such alert.
        """
        name = self._recent(stream).format.places.id
        found = self.preview(Filter("look", f"{name} IS NOT NULL", stream), ids=[alert_id])
        if not found.passed:
            raise StreamError(f"There is no alert {alert_id} in {stream!r}.")
        return found.view(found.passed - 1)

    def diff(
        self,
        old: Filter,
        new: Filter,
        *,
        last: int | None = None,
        between: tuple[Time, Time] | None = None,
        night: str | None = None,
        files: Sequence[str | Path] | None = None,
        ids: Sequence[int | str] | None = None,
    ) -> Diff:
        """What a change of a filter gains and loses on a slice of the stream, read once.

        Parameters
        ----------
        old, new
            Two filters on the same stream.
        last, between, night, files, ids
            The slice, as :meth:`preview` takes it.

        Raises
        ------
        FilterError
            If one of them cannot run on the stream, or they are on different ones.
        """
        which: Which = {"last": last, "between": between, "night": night, "files": files, "ids": ids}
        with answers():
            return diff(self._samples, self._slice(new.stream, which), old, new)

    def _slice(self, stream: str, which: Which) -> Slice:
        return choose(self.topics, stream, lambda: self._recent(stream), usual=_PREVIEWED, **which)

    def builder(
        self, spec: Filter | str, *, last: int = 10_000, name: str = "", sql: str = ""
    ) -> FilterBuilder:
        """Shape a filter by eye: a form with its cuts, histograms and what they do to the newest alerts.

        Parameters
        ----------
        spec
            A stream, or a filter in SQL to begin with.
        last
            Number of its newest packets that are the sample.
        name, sql
            Name of the filter, and the cuts to begin with.

        Raises
        ------
        StreamError
            If there is no such stream.
        FilterError
            If the filter has no rows, being in Python.
        """
        which = self._slice(spec.stream if isinstance(spec, Filter) else spec, {"last": last})
        return building.builder(self, which, last, spec, name, sql)

    def deploy(
        self,
        spec: Filter,
        *,
        start: Time = "latest",
        guard: Guard | None = None,
        sink: str | None = None,
        compare: bool = True,
    ) -> Deployment:
        """Let a filter run as a streaming query, also when this notebook is closed.

        Parameters
        ----------
        spec
            The filter; one of that name that runs already is replaced by it.
        start
            ``"latest"``: judge the alerts from now on. ``"earliest"`` or a time in the past: also those that
            Kafka still holds from then on.
        guard
            How much it may send before it is paused; by default a quarter of the alerts, and 20 GB per hour.
        sink
            Where its matches go besides its Kafka topic: ``"parquet:/data/matches"``, a folder with Parquet files of
            whole decoded alerts, partitioned by night, or a URL that Spark can write to; ``""`` ends that.
        compare
            Whether to show first what it gains and loses against the version that it replaces.

        Raises
        ------
        FilterError
            If the filter cannot run on its stream. It is checked by Spark before anything is written.
        """
        stream = self.stream(spec.stream)
        with answers():
            deploying.check(self.spark, stream, spec)
        before = registry.registered(self.topics).get(spec.name)
        if compare and before and (before.stream, before.wanted) == (spec.stream, "running"):
            self._compare(before.filter, spec)
        return deploying.deploy(
            self.topics,
            spec,
            self.topics.options.user or getpass.getuser(),
            start,
            guard,
            sink,
            expected=self._expected.get(spec.version),
            schemas=tuple(map(str, stream.versions)),
        )

    def _compare(self, old: Filter, new: Filter) -> None:
        """Show what a change does, where that can be told; a change is no reason not to deploy."""
        if old.version != new.version:
            try:
                jobs.show(self.diff(old, new))
            except SkysieveError as error:
                jobs.show(f"What the change does cannot be told: {error}")

    def enrich(self, stream: str, **enrichments: Enrichment | None) -> Stream:
        """Give a stream further columns, such as ``gaia.sep``: for filters, previews and deployments, and for everyone.

        Parameters
        ----------
        stream
            Name of the stream.
        **enrichments
            Name of each, with which its columns begin, and what it is; None takes it back.

        Raises
        ------
        EnrichmentError
            If its catalogue, region or function cannot be had, or filters that are deployed use what was of that name.
        """
        found = self.stream(stream)
        deploying.check_free(found, enrichments)
        found.enrich(**enrichments)
        self._opened.pop(stream, None)
        return self.stream(stream)

    def redrive(self, stream: str) -> Redriven:
        """Judge again what a stream's bank had to reject, now that it can be decoded.

        Matches go to the filters that run and would have had them; what still cannot be decoded stays rejected.

        Returns
        -------
        Redriven
            Number of packets ``read``, of matches ``delivered`` per filter, and of packets still ``rejected``.
        """
        with answers():
            return redrive(self.spark, self.stream(stream))

    def deployment(self, name: str) -> Deployment:
        """The deployment of that name.

        Raises
        ------
        DeploymentError
            If there is none.
        """
        found = Deployment(name, self.topics)
        _ = found.version
        return found

    @property
    def deployments(self) -> list[Deployment]:
        """Every deployment."""
        return [Deployment(name, self.topics) for name in registry.registered(self.topics)]

    def consume(
        self,
        name: str,
        *,
        group: str | None = None,
        start: Time = "earliest",
        timeout: float | None = None,
        raw: bool = False,
        look_back: int = LOOK_BACK,
    ) -> Consumer:
        """The matches of a deployed filter, decoded, one after another as they arrive; each is given once.

        With a ``group``, Kafka keeps how far it has come. What the parameters say is told by
        :class:`~skysieve.consumer.Consumer`, which needs only Kafka and can be had without a session.
        """
        return Consumer(
            self.topics, name, group=group, start=start, timeout=timeout, raw=raw, look_back=look_back
        )

    def detach(self) -> None:
        """Let go of the session. What was deployed runs on."""
        self.spark.stop()
