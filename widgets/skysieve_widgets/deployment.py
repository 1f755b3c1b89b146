"""What a deployment tells of itself."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from skysieve_widgets.markup import card, count, escape, key_values

_LOOKS = {"running": "sky-good", "failed": "sky-bad", "paused": "sky-bad"}


class HealthLike(Protocol):
    """What is shown of how a filter does."""

    @property
    def judged(self) -> int:
        """Alerts judged within the last hour."""

    @property
    def matched(self) -> int:
        """How many of these passed."""

    @property
    def pass_rate(self) -> float | None:
        """Their share."""

    @property
    def judged_per_second(self) -> float:
        """Alerts judged per second."""

    @property
    def matched_per_second(self) -> float:
        """Matches per second."""

    @property
    def last_match(self) -> datetime | None:
        """When it last had a match."""

    @property
    def drift(self) -> str | None:
        """What to say where it passes another share than its preview did."""


class BankLike(Protocol):
    """What is shown of how the query does that a filter runs in."""

    @property
    def lag(self) -> int:
        """Alerts that wait."""

    @property
    def lag_seconds(self) -> float:
        """For how long."""

    @property
    def latency_median(self) -> float | None:
        """Seconds from a packet to its matches."""

    @property
    def latency_p99(self) -> float | None:
        """The same, for the slowest hundredth."""

    @property
    def restarts(self) -> int:
        """How often it fell and was started again."""

    @property
    def lost(self) -> int:
        """Packets that Kafka deleted before it came to them."""

    @property
    def groups(self) -> int | None:
        """Of an aggregate, how many groups its state has."""

    @property
    def late(self) -> int:
        """How often it left alerts out, which came too late or have no time."""

    @property
    def in_python(self) -> bool:
        """Whether packets are split in Python."""


class BackfillLike(Protocol):
    """What is shown of a backfill."""

    @property
    def done(self) -> int:
        """Alerts judged."""

    @property
    def count(self) -> int:
        """Alerts to judge in all."""


class ArchiveLike(Protocol):
    """What is shown of the files that matches are written to."""

    @property
    def sink(self) -> str:
        """Where they are."""

    @property
    def error(self) -> str | None:
        """Why the last attempt failed, if it did."""

    @property
    def updated(self) -> datetime:
        """When that was."""


class DeploymentLike(Protocol):
    """What is shown of a deployment's status."""

    @property
    def name(self) -> str:
        """Name of the filter."""

    @property
    def version(self) -> str | None:
        """Version of the filter."""

    @property
    def state(self) -> str | None:
        """State, such as ``"running"``; None while it is not known."""

    @property
    def stream(self) -> str:
        """Name of the stream."""

    @property
    def output_topic(self) -> str | None:
        """Kafka topic of the matches."""

    @property
    def error(self) -> str | None:
        """Why it does not run, if it does not."""

    @property
    def health(self) -> HealthLike | None:
        """How it does, once that is known."""

    @property
    def bank(self) -> BankLike | None:
        """How its query does, once that is known."""

    @property
    def backfill(self) -> BackfillLike | None:
        """What of the past it has yet to judge."""

    @property
    def archive(self) -> ArchiveLike | None:
        """The files that its matches are written to, once there are any."""


def health_rows(deployment: DeploymentLike) -> list[tuple[str, str]]:
    """How a deployment does, as pairs of a word and what to say; empty until it is known."""
    rows, health, bank = [], deployment.health, deployment.bank
    if past := deployment.backfill:
        share = 100 * past.done / past.count if past.count else 100
        rows.append(("backfill", f"{count(past.done)} of {count(past.count)} alerts ({share:.0f} %)"))
    if health and bank:
        rate = "" if health.pass_rate is None else f" ({100 * health.pass_rate:.3g} %)"
        rows.append(("last hour", f"{count(health.matched)} of {count(health.judged)} alerts passed{rate}"))
        rows.append(
            ("now", f"{health.judged_per_second:,.1f} alerts/s in, {health.matched_per_second:,.2f} out")
        )
        last = "none yet" if health.last_match is None else f"{health.last_match:%Y-%m-%d %H:%M:%S} UTC"
        rows.append(("last match", last))
    if bank:
        waiting = f"{count(bank.lag)} alerts, {bank.lag_seconds:.1f} s" if bank.lag else "none"
        rows.append(("lag", waiting))
        if bank.latency_median is not None and bank.latency_p99 is not None:
            rows.append(("latency", f"{bank.latency_median:.2f} s median, {bank.latency_p99:.2f} s for 99 %"))
        if bank.groups is not None:
            late = f", {count(bank.late)} times alerts came too late" if bank.late else ""
            rows.append(("groups", f"{count(bank.groups)} that can change{late}"))
        if bank.restarts:
            rows.append(("restarts", count(bank.restarts)))
        if bank.lost:
            rows.append(("lost", f"{count(bank.lost)} packets, which Kafka deleted before they were judged"))
        if bank.in_python:
            rows.append(("decoding", "packets are split in Python first: they are no single plain records"))
    if files := deployment.archive:
        became = f"could not be written: {files.error}" if files.error else "written"
        rows.append(("archive", f"{files.sink}, {became} {files.updated:%Y-%m-%d %H:%M} UTC"))
    return rows


def deployment_html(deployment: DeploymentLike, matches: int | None = None) -> str:
    """Write a deployment's status as HTML for a notebook.

    Parameters
    ----------
    deployment
        A deployment or its status.
    matches
        Number of matches delivered so far, if it is known.

    Returns
    -------
    str
        HTML with its own scoped style, without scripts or external resources, everything escaped.
    """
    state = deployment.state or "unknown"
    look = "sky-bad" if deployment.error else _LOOKS.get(state, "sky-wait")
    version = "" if deployment.version is None else f" version {escape(deployment.version)}"
    rows = [("stream", deployment.stream), ("output topic", deployment.output_topic or "—")]
    if matches is not None:
        rows.append(("matches", count(matches)))
    rows += health_rows(deployment)
    error = "".join(f'<p class="sky-alarm">{escape(text)}</p>' for text in _alarms(deployment))
    return card(
        f'<p class="sky-head"><b>{escape(deployment.name)}</b>{version} '
        f'<span class="sky-badge {look}">{escape(state)}</span></p>{error}{key_values(rows)}'
    )


def deployment_text(deployment: DeploymentLike, matches: int | None = None) -> str:
    """Write a deployment's status as plain text for a terminal; the parameters are those of :func:`deployment_html`."""
    version = "" if deployment.version is None else f" version {deployment.version}"
    told = [f"stream {deployment.stream}", f"output topic {deployment.output_topic or '—'}"]
    if matches is not None:
        told.append(f"{count(matches)} match{'' if matches == 1 else 'es'}")
    lines = [f"{deployment.name}{version}: {deployment.state or 'unknown'}", ", ".join(told)]
    lines += [f"{word}: {said}" for word, said in health_rows(deployment)]
    return "\n".join([*lines, *(f"! {text}" for text in _alarms(deployment))])


def _alarms(deployment: DeploymentLike) -> list[str]:
    drift = deployment.health.drift if deployment.health else None
    return [text for text in (deployment.error, drift) if text]
