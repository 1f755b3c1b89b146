"""The call of a user's function in a Python worker of Spark: arguments in pandas, within a time, errors told."""

from __future__ import annotations

import contextlib
import faulthandler
import json
import linecache
import os
import re
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from types import FrameType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from skysieve.errors import FilterError
from skysieve.packets.tables import NULLABLE

_SECONDS = 30.0
_SECONDS_SET = "SKYSIEVE_FUNCTION_SECONDS"
_GRACE = 10.0
_LONGEST = 500
"""Characters of what is told of an error: Spark cuts long messages off, and this one must arrive whole."""
_MARK = re.compile(r"skysieve-function-error (\{.*\})")
_FILE = "<filter {}>"


@dataclass(frozen=True)
class Call:
    """A function in the text that defines it, and how it is called.

    Attributes
    ----------
    code, name
        The text, and the function's name in it.
    columns
        What each argument is.
    per_alert
        Whether it judges one alert at a time.
    seconds
        How long it may take for one batch of alerts, some hundreds.
    """

    code: str
    name: str
    columns: tuple[str, ...]
    per_alert: bool = False
    seconds: float = _SECONDS

    def on_arrow(self, fine: pa.Array, *arrays: pa.Array) -> pa.Array:
        """One verdict per row, NULL where it is not fine; then come partition, offset, record and the arguments."""
        alerts = [array.filter(fine) for array in arrays]
        if not len(alerts[0]):
            return pa.nulls(len(fine), pa.bool_())
        verdicts = self._watched(alerts[:3], alerts[3:])
        at = pc.if_else(fine, pc.subtract(pc.cumulative_sum(pc.cast(fine, "int64")), 1), None)
        return verdicts.take(at)

    def _watched(self, places: Sequence[pa.Array], values: Sequence[pa.Array]) -> pa.Array:
        """The verdicts; an error tells the first alert on which the function raises by itself."""
        try:
            with _within(self.seconds):
                return self._verdicts(values)
        except _Late as error:
            row = self._slow(values, len(places[0]))
            place = None if row is None else [int(part[row].as_py()) for part in places]
            raise self._told(error, place) from None
        except _AnswerError as error:
            raise self._told(error, None) from None
        except (Exception, SystemExit) as error:  # whatever a user's function raises
            with contextlib.suppress(_Late), _within(self.seconds):
                for row in range(len(places[0])):
                    try:
                        self._verdicts([value.slice(row, 1) for value in values])
                    except _AnswerError:
                        break  # it gives as many verdicts as there were alerts, however many there are now
                    except (Exception, SystemExit) as alone:
                        place = [int(part[row].as_py()) for part in places]
                        raise self._told(alone, place) from None
            raise self._told(error, None) from None

    def _slow(self, values: Sequence[pa.Array], count: int) -> int | None:
        """The first alert that takes half of the time by itself; None if none does, or the first two do, as all may."""
        end, late = time.monotonic() + self.seconds, None
        for row in range(count):
            try:
                with _within(self.seconds / 2), contextlib.suppress(Exception, SystemExit):
                    self._verdicts([value.slice(row, 1) for value in values])
            except _Late:
                if row or count == 1:
                    return None if late == 0 else row
                late = row
            else:
                if late is not None or time.monotonic() > end:
                    return late
        return None

    def _verdicts(self, values: Sequence[pa.Array]) -> pa.Array:
        function, count = compiled(self.code, self.name), len(values[0])
        if self.per_alert:
            rows = zip(*(value.to_pylist() for value in values), strict=True)
            found: Any = [function(*row) for row in rows]
            return pa.array([None if v is None else _flag(v) for v in found], pa.bool_())
        return _checked(function(*map(as_pandas, values)), count)

    def _told(self, error: BaseException, place: list[int] | None) -> FunctionError:
        frames = traceback.extract_tb(error.__traceback__)
        own = [f for f in frames if f.filename == _FILE.format(self.name)]
        line = own[-1].lineno if own else None
        text = self.code.split("\n")[line - 1].strip() if line else ""
        reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        if isinstance(error, _Late | _AnswerError | _FlagError):
            reason = str(error)
        told = {"function": self.name, "reason": _short(reason), "line": line, "text": _short(text)}
        return FunctionError({**told, "place": place})


class FunctionError(Exception):
    """What went wrong in a user's function, in a form that survives the way through Spark's messages."""

    def __init__(self, what: dict[str, Any]) -> None:
        super().__init__(f"skysieve-function-error {json.dumps(what)}")


class _AnswerError(Exception):
    """What a function returned is not one boolean per alert."""


class _FlagError(Exception):
    """What a function returned for one alert is no boolean."""


class _Late(BaseException):
    """The time is up; no `except Exception` of a user's function takes it."""


def failure(message: str) -> dict[str, Any] | None:
    """What a worker said of a user's function, from the message in which Spark wraps it."""
    match = _MARK.search(message)
    found: dict[str, Any] | None = json.loads(match[1]) if match else None
    return found


def describe(what: dict[str, Any]) -> str:
    """Say it to people: the line, the alert, the cure.

    Examples
    --------
    >>> describe({"function": "f", "reason": "KeyError: 'g'", "line": 3, "text": "flux['g']", "place": [0, 12, 0]})
    "The function 'f' raised KeyError: 'g' in line 3 (flux['g']), on the alert at partition 0, offset 12."
    """
    where = f" in line {what['line']} ({what['text']})" if what["line"] else ""
    verb = "" if what["reason"].startswith(("was ", "returned ")) else "raised "
    told = f"The function {what['function']!r} {verb}{what['reason']}{where}"
    if what["reason"].startswith("was ") and what["place"] is None:
        return f"{told}: a batch holds some hundreds of alerts; judge them by array operations."
    if what["reason"].startswith("ModuleNotFoundError"):
        return f"{told}: install it where Spark's Python workers run."
    if what["place"] is None and not verb:
        return f"{told}."
    if what["place"] is None:
        return f"{told}, on a batch of alerts; on none of them by itself."
    partition, offset, record = what["place"]
    return f"{told}, on the alert at partition {partition}, offset {offset}" + (
        f", number {record} in its packet." if record else "."
    )


def seconds_allowed() -> float:
    """How long a function may take for a batch: ``$SKYSIEVE_FUNCTION_SECONDS``, or 30 s.

    Raises
    ------
    FilterError
        If that is no time.
    """
    text = os.environ.get(_SECONDS_SET, "")
    with contextlib.suppress(ValueError):
        seconds = float(text or _SECONDS)
        if 0 < seconds < float("inf"):
            return seconds
    raise FilterError(f"${_SECONDS_SET} is {text!r}: write a number of seconds above 0.")


def as_pandas(values: pa.Array) -> pd.Series[Any] | pd.DataFrame:
    """A record as a DataFrame, anything else as a Series; integers and flags stay what they are beside missing values.

    Examples
    --------
    >>> as_pandas(pa.array([{"id": 2**60 + 1}, {"id": None}]))["id"].tolist()
    [1152921504606846977, <NA>]
    """
    if pa.types.is_struct(values.type):
        fields = {f.name: as_pandas(part) for f, part in zip(values.type, values.flatten(), strict=True)}
        return pd.DataFrame(
            {n: v if isinstance(v, pd.Series) else v.to_dict("records") for n, v in fields.items()}
        )
    # where nothing is missing, functions get the types that they are written for
    return pd.Series(values.to_pandas(types_mapper=NULLABLE.get if values.null_count else None))


def _checked(found: Any, count: int) -> pa.Array:
    if isinstance(found, pd.DataFrame):
        raise _AnswerError(f"returned a DataFrame of {found.shape[1]} columns, not one boolean per alert")
    if not isinstance(found, pd.Series | np.ndarray | list | tuple):
        raise _AnswerError(f"returned {_kind(found)}, not one boolean per alert")
    series = found if isinstance(found, pd.Series) else pd.Series(found)
    if len(series) != count:
        raise _AnswerError(f"returned {len(series)} values for {count} alerts")
    return pa.array([None if pd.isna(v) else _flag(v) for v in series.tolist()], pa.bool_())


def _flag(value: Any) -> bool:
    if not isinstance(value, bool | np.bool_):
        raise _FlagError(f"returned {_kind(value)} for an alert, not True or False")
    return bool(value)


def _kind(value: Any) -> str:
    return f"a {type(value).__name__}" if value is not None else "nothing"


@cache
def compiled(code: str, name: str) -> Callable[..., Any]:
    """The function of that name that a text defines; compiled once in a worker."""
    file = _FILE.format(name)
    linecache.cache[file] = (len(code), None, code.splitlines(keepends=True), file)
    space: dict[str, Any] = {"__name__": "__skysieve_filter__"}
    exec(compile(code, file, "exec"), space)
    function: Callable[..., Any] = space[name]
    return function


@contextlib.contextmanager
def _within(seconds: float) -> Iterator[None]:
    """Raise where this takes too long; end the process if it does not even notice, as in a loop of C."""

    def is_late(_signal: int, _frame: FrameType | None) -> None:
        raise _Late(f"was not done after {seconds:g} s")

    # a thread of Python's would wait for ever for a loop of C to let it run; this one does not
    faulthandler.dump_traceback_later(seconds + min(seconds, _GRACE), exit=True, file=2)
    is_main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGALRM, is_late) if is_main else None
    left = signal.setitimer(signal.ITIMER_REAL, seconds) if is_main else (0.0, 0.0)
    try:
        yield
    finally:
        if is_main:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
            signal.setitimer(signal.ITIMER_REAL, *left)
        faulthandler.cancel_dump_traceback_later()


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"
