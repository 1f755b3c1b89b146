"""What went wrong in a user's function: told by a worker, found again in Spark's message, and said to people."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING, Any

from skysieve.errors import FilterError, nearest

if TYPE_CHECKING:
    from skysieve.packets.formats import Format

FILE = "<filter {}>"
"""What tracebacks call the text of a function."""
_MARK = re.compile(r"skysieve-function-error (\{.*\})")
_DIED = "Python worker exited unexpectedly"
_LAST_WORDS = re.compile(r'File "<filter (\w+)>", line (\d+)')
_LONGEST = 500
"""Characters of what is told of an error: Spark cuts long messages off, and this one must arrive whole."""
_MISSING = re.compile(r"NoneType|NAType|\bNone\b|\bNA\b")


@dataclass(frozen=True)
class Fault:
    """What went wrong in a user's function.

    Attributes
    ----------
    function
        Its name.
    reason
        What it did: ``"raised KeyError: 'g'"``.
    cure
        What to do.
    line, column, text
        Where in the text that defines it, counted from 1, and that line; None where that is not known.
    place
        Partition, offset and number in its packet of the alert; None if it was no one alert.
    alert
        The id of that, once it is known.

    Examples
    --------
    >>> print(Fault("f", "raised KeyError: 'g'", "Try i.", 3, "x['g']", (0, 12, 0), alert="170032"))
    The function 'f' raised KeyError: 'g' in line 3 (x['g']), on the alert 170032 at partition 0, offset 12. Try i.
    """

    function: str
    reason: str
    cure: str = ""
    line: int | None = None
    text: str = ""
    place: tuple[int, int, int] | None = None
    column: int = 1
    alert: str = ""

    def __str__(self) -> str:
        where = f" in line {self.line}" if self.line else ""
        where += f" ({self.text})" if where and self.text else ""
        if self.place:
            partition, offset, record = self.place
            name = f" {self.alert}" if self.alert else ""
            where += f", on the alert{name} at partition {partition}, offset {offset}"
            where += f", number {record} in its packet" if record else ""
        return f"The function {self.function!r} {self.reason}{where}. {self.cure}".rstrip()

    def named(self, packet_format: Format, packet: Callable[[int, int], bytes]) -> Fault:
        """The same with the id of the alert, where its packet is still to be had.

        ``packet`` gives that at a partition and offset.
        """
        name = packet_format.places.id
        if self.place is None or name is None:
            return self
        partition, offset, record = self.place
        try:
            value = packet(partition, offset)
            alert: Any = packet_format.fitted([value]).read(value)[record]
            return replace(self, alert=str(reduce(lambda part, key: part[key], name.split("."), alert)))
        except Exception:  # whatever keeps the id from being told: the fault itself must be
            return self

    def error(self) -> FilterError:
        """It as an error, at its place in the filter's text."""
        place = (self.line, self.column, len(self.text)) if self.line else ()
        return FilterError(str(self), *place)


class FunctionError(Exception):
    """A fault in a form that survives the way through Spark's messages."""

    def __init__(self, fault: Fault) -> None:
        short = {k: shortened(v) if isinstance(v, str) else v for k, v in asdict(fault).items()}
        super().__init__(f"skysieve-function-error {json.dumps(short)}")


class AnswerError(Exception):
    """What a function returned is not one boolean per alert, with the cure."""


class FlagError(AnswerError):
    """What a function returned for one alert is no boolean."""


class Late(BaseException):
    """The time is up; no `except Exception` of a user's function takes it."""


def found(message: str) -> Fault | None:
    """What a worker said of a user's function, from the message in which Spark wraps it.

    A worker that had to be ended says in which line it was then.
    """
    if match := _MARK.search(message):
        told = json.loads(match[1])
        return Fault(**{**told, "place": tuple(told["place"]) if told["place"] else None})
    if _DIED in message and (match := _LAST_WORDS.search(message)):
        is_late = "Timeout (" in message
        return Fault(
            match[1],
            "did not stop in time, so that its Python worker had to be ended:"
            if is_late
            else "crashed its Python worker",
            "Do not catch BaseException there, nor call there what runs on and on without coming back to Python."
            if is_late
            else "The log of Spark (`skysieve status` tells where) has the worker's last words.",
            int(match[2]),
        )
    return None


def reason_of(error: BaseException) -> str:
    """What a function did, by the error that it raised or that its answer is."""
    if isinstance(error, Late | AnswerError):
        return str(error.args[0])
    return f"raised {type(error).__name__}: {error}" if str(error) else f"raised {type(error).__name__}"


def cure_of(error: BaseException, fields: Iterable[str], *, is_of_one: bool) -> str:
    """What to do about an error; ``fields`` are those of the records that the function is given.

    Examples
    --------
    >>> cure_of(KeyError("psfFlx"), ["psfFlux", "snr"], is_of_one=True)
    'There is no psfFlx. Did you mean psfFlux?'
    """
    text = str(error)
    match error:
        case Late() if is_of_one:
            return (
                "Look at that alert with view(): on it, if not on any, the function does not come to its end."
            )
        case Late():
            return "A batch holds some hundreds of alerts: judge them by array operations."
        case AnswerError():
            return str(error.args[1])
        case ImportError():
            return f"For that, install {(error.name or 'it').partition('.')[0]} where Spark's Python workers run."
        case KeyError() if error.args and isinstance(error.args[0], str) and (known := list(fields)):
            hint = nearest(error.args[0], known) or " The stream's columns() tells the fields of each record."
            return f"There is no {error.args[0]}.{hint}"
        case ValueError() if "truth value of a" in text:
            return "It is given many alerts at once: write & | ~ for and or not, or put @skysieve.per_alert before it."
        case TypeError() | AttributeError() if _MISSING.search(text):
            return "A value that is missing comes as None: let the function answer for that, too."
        case SystemExit():
            return "Let it return False for what it shall not keep."
    if is_of_one:
        return "Look at that alert with view(), and let the function answer for it, too."
    return "It happens with a batch of alerts, and with none of them by itself."


def shortened(text: str) -> str:
    """The beginning of a text that is too long for Spark's messages."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"
