"""What a deployment tells of itself."""

from __future__ import annotations

from typing import Protocol

from skysieve_widgets.markup import card, count, escape, key_values

_LOOKS = {"running": "sky-good", "failed": "sky-bad"}


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
    error = f'<p class="sky-alarm">{escape(deployment.error)}</p>' if deployment.error else ""
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
    return "\n".join([*lines, *([f"! {deployment.error}"] if deployment.error else [])])
