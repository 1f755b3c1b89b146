"""The live view: a widget around a source that is asked again and again."""

from __future__ import annotations

import base64
import math
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import traitlets

from skysieve_widgets.drawn import Drawn, source
from skysieve_widgets.live.poller import Poller
from skysieve_widgets.live.snapshot import Arrival, LiveSource, Snapshot
from skysieve_widgets.markup import count

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FILES = ("elements.js", "builder/axis.js", "live/plot.js", "live/matches.js", "live/live.js")
_NUMBERS = ("judged_per_second", "matched_per_second", "pass_rate", "latency_median", "latency_p99")


class LiveView(Drawn):
    """Shows how a deployment does, and its newest matches as they arrive.

    A thread asks the source. Where that fails, the view says why and asks again, later each time, until it answers.
    However long it runs, it keeps the same number of points and of matches. It ends with :meth:`close`, or with the
    kernel.

    Parameters
    ----------
    source
        What is asked.
    title
        What stands above.
    every
        Seconds between two looks.
    points
        Looks that are kept for the plots.
    matches
        Matches that are kept.

    Attributes
    ----------
    paused
        Whether it does not look. Can be set.
    looks
        The looks that are kept: time (seconds since 1970), alerts/s in, matches/s out, pass rate, latency (median and
        99 %, s).
    matches
        The newest matches, newest first.
    told
        ``state``, number of ``matches``, ``note`` and ``problem``.
    patience
        Seconds without a look after which the page says that it hears nothing: its kernel has ended. Can be set.

    Examples
    --------
    >>> class Quiet:
    ...     def poll(self):
    ...         return Snapshot("running", judged_per_second=120.0, matches=3)
    >>> view = LiveView(Quiet(), title="bright")
    >>> view.told["state"], view.looks[0][1]
    ('running', 120.0)
    >>> view.close()
    """

    _esm = source(*_FILES)
    _css = source("live/live.css")

    title = traitlets.Unicode().tag(sync=True)
    paused = traitlets.Bool(False).tag(sync=True)
    looks: Any = traitlets.List().tag(sync=True)
    matches: Any = traitlets.List().tag(sync=True)
    told = traitlets.Dict().tag(sync=True)
    patience = traitlets.Float(60.0).tag(sync=True)

    def __init__(
        self,
        source: LiveSource,
        *,
        title: str = "",
        every: float = 2.0,
        points: int = 600,
        matches: int = 25,
    ) -> None:
        self._source = source
        self._looks: deque[list[float | None]] = deque(maxlen=points)
        self._rows: deque[dict[str, Any]] = deque(maxlen=matches)
        self._poller = Poller(self._look, self._failed, every)
        super().__init__(title=title, patience=max(60.0, 5 * every))
        # the first one at once, so that a notebook that is saved now has something to show
        self._poller.look()
        self._poller.start()

    def pause(self) -> None:
        """Stop looking."""
        self.paused = True

    def resume(self) -> None:
        """Look again, now and on."""
        self.paused = False

    def close(self) -> None:
        """End, and let go of the source."""
        self._poller.stop()
        super().close()

    @traitlets.observe("paused")
    def _on_paused(self, _change: Any) -> None:
        if self.paused:
            self._poller.pause()
        else:
            self._poller.resume()

    def _look(self) -> None:
        found = self._source.poll()
        self._looks.append([round(time.time(), 3), *(_finite(getattr(found, name)) for name in _NUMBERS)])
        known = {row["key"] for row in self._rows}
        new = [one for one in found.arrivals if one.key not in known]
        for one in new[-(self._rows.maxlen or 0) :]:
            self._rows.appendleft(_row(one))
        with self.hold_sync():
            self.told = self._told(found)
            self.looks = list(self._looks)
            if new:
                self.matches = list(self._rows)

    def _told(self, found: Snapshot) -> dict[str, Any]:
        return {"state": found.state, "matches": found.matches, "note": found.note, "problem": ""}

    def _failed(self, error: Exception, seconds: float) -> None:
        """Say what keeps it from looking; what was seen before stays."""
        known = self.told or {"state": "unknown", "matches": None, "note": ""}
        why = " ".join(str(error).split()) or type(error).__name__
        self.told = {**known, "problem": f"{why.removesuffix('.')}. Next look in {seconds:.0f} s."}

    def __str__(self) -> str:
        matches = self.told.get("matches")
        told = f", {count(matches)} match{'es' * (matches != 1)}" if matches is not None else ""
        return f"{self.title or 'deployment'}: {self.told.get('state', 'unknown')}{told}"

    def __repr__(self) -> str:
        return f"<LiveView {self}>"

    def figure(self) -> Figure:
        """Draw rates, pass rate and latency over time, and the newest matches as rows."""
        from skysieve_widgets.live.figure import live_figure

        return live_figure(str(self), self.looks, self.matches, self.told.get("problem", ""))


def _row(one: Arrival) -> dict[str, Any]:
    """What the browser is told of a match."""
    image = base64.b64encode(one.thumbnail).decode("ascii")
    return {
        "key": one.key,
        "time": one.time.strftime("%H:%M:%S") if one.time else "",
        "date": one.time.strftime("%Y-%m-%d %H:%M:%S UTC") if one.time else "",
        "id": one.alert_id,
        "ra": _finite(one.ra),
        "dec": _finite(one.dec),
        "band": one.band,
        "magnitude": _finite(one.magnitude),
        "positive": one.is_positive,
        "image": f"data:image/png;base64,{image}" if image else "",
        "light": [
            [mjd, flux, band] for mjd, flux, band in one.light if math.isfinite(mjd) and math.isfinite(flux)
        ],
        "problem": one.problem,
    }


def _finite(value: float | None) -> float | None:
    """The number, or None for what JSON has none for."""
    return None if value is None or not math.isfinite(value) else float(value)
