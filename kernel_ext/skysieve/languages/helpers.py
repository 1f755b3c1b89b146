"""Functions that a filter's SQL can call beside Spark's: the usual questions about magnitudes and histories.

They have the same names for every survey; :mod:`skysieve.languages.expansion` puts SQL in their place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from skysieve.packets import histories
from skysieve.packets.columns import Column

_NAN = "nanvl({0}, CAST(NULL AS DOUBLE))"


@dataclass(frozen=True)
class Helper:
    """A function that filters can call.

    Attributes
    ----------
    name
        Its name, in the case in which it is shown; filters may write any.
    arguments
        Their names; one that can be left out ends in ``?``. Their kind is their name without digits.
    gives
        What it gives.
    unit
        Its unit, or empty.
    example
        A cut that calls it.
    question
        Makes the column of a question about the history.
    sql
        Of any other, its SQL, with ``{0}`` for the argument and ``{now}`` for the alert's own time.
    """

    name: str
    arguments: tuple[str, ...]
    gives: str
    unit: str
    example: str
    question: Callable[..., Column] | None = field(default=None, repr=False, compare=False)
    sql: str = field(default="", repr=False)

    @property
    def signature(self) -> str:
        """How it is called, what can be left out in brackets.

        Examples
        --------
        >>> [helper.signature for helper in HELPERS.values()][:4]
        ['nJy_to_ab(flux)', 'ab_to_nJy(mag)', 'brightest([band])', 'rise_per_day(band[, hours])']
        """
        text = ""
        for name in self.arguments:
            word = (", " if text else "") + name.removesuffix("?")
            text += f"[{word}]" if name.endswith("?") else word
        return f"{self.name}({text})"

    @property
    def required(self) -> int:
        """How many arguments it needs."""
        return sum(not name.endswith("?") for name in self.arguments)

    @property
    def needs_history(self) -> bool:
        """Whether the stream must have a history, or a clock, that is known."""
        return self.question is not None or "{now}" in self.sql


def _table(*helpers: Helper) -> dict[str, Helper]:
    return {helper.name: helper for helper in helpers}


HELPERS = _table(
    Helper(
        "nJy_to_ab",
        ("flux",),
        "AB magnitude of a flux in nJy, 31.4 − 2.5 log10(flux); NULL where that is not above zero",
        "mag",
        "nJy_to_ab(diaSource.psfFlux) < 20",
        sql=f"(31.4D - 2.5D * log10({_NAN}))",
    ),
    Helper(
        "ab_to_nJy",
        ("mag",),
        "flux of an AB magnitude, 10^((31.4 − mag) / 2.5)",
        "nJy",
        "diaSource.psfFlux > ab_to_nJy(20)",
        sql=f"power(10D, (31.4D - {_NAN}) / 2.5D)",
    ),
    Helper(
        "brightest",
        ("band?",),
        "AB magnitude of the brightest detection so far, in a band or in any; NULL without one",
        "mag",
        "brightest('r') < 19",
        histories.brightest,
    ),
    Helper(
        "rise_per_day",
        ("band", "hours?"),
        "brightening between the last two detections in a band, at least so many hours apart; above zero where it "
        "brightens, NULL where there are not two or one has no magnitude",
        "mag/d",
        "rise_per_day('g', 12) > 0.2",
        histories.rise_per_day,
    ),
    Helper(
        "days_since",
        ("time",),
        "days from a time to the alert's own, both by the survey's clock (LSST: MJD in TAI, ZTF: JD)",
        "d",
        "days_since(diaObject.firstDiaSourceMjdTai) < 10",
        sql="({now} - ({0}))",
    ),
    Helper(
        "days_since_detection",
        ("band?",),
        "days from the last earlier detection, in a band or in any, to the alert's own; NULL without one",
        "d",
        "days_since_detection('g') < 3",
        histories.days_since_detection,
    ),
    Helper(
        "colour",
        ("band1", "band2", "hours"),
        "difference of the magnitudes of the newest two detections in the bands that are at most so many hours apart; "
        "NULL without such a pair",
        "mag",
        "colour('g', 'r', 24) < 0",
        histories.colour,
    ),
    Helper(
        "detections",
        ("band?",),
        "number of detections so far that the packet knows of, in a band or in any, of either sign, the alert's own "
        "among them",
        "",
        "detections('g') >= 3",
        histories.detections,
    ),
)
"""Every function, by its name."""

BY_LOWER = {name.lower(): helper for name, helper in HELPERS.items()} | {"color": HELPERS["colour"]}
"""The same in lower case, and another way to spell one."""
