"""The call of a user's function in a Python worker of Spark: arguments in pandas, within a time, errors told."""

from __future__ import annotations

import contextlib
import faulthandler
import linecache
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import FrameType
from typing import IO, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from skysieve.errors import FilterError
from skysieve.languages.faults import (
    FILE,
    AnswerError,
    Fault,
    FlagError,
    FunctionError,
    Late,
    cure_of,
    reason_of,
)
from skysieve.packets.tables import NULLABLE

_SECONDS = 30.0
_SECONDS_SET = "SKYSIEVE_FUNCTION_SECONDS"
_GRACE = 10.0
_WORDS = "PYTHON_FAULTHANDLER_DIR"
"""Where Spark looks for the last words of a worker that died; they become a part of its message."""


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
        """The verdicts; an error tells the first alert on which the function fails by itself."""
        try:
            with _within(self.seconds):
                return self._verdicts(values)
        except (Exception, SystemExit, Late) as error:  # whatever a user's function raises
            row, alone = self._alone(values, error)
            place = None
            if row is not None:
                partition, offset, record = (int(part[row].as_py()) for part in places)
                place = partition, offset, record
            given = values if row is None else [value.slice(row, 1) for value in values]
            raise FunctionError(self._fault(alone, place, given)) from None

    def _alone(self, values: Sequence[pa.Array], error: BaseException) -> tuple[int | None, BaseException]:
        """The first alert on which it fails by itself, and how; none, and the error, where there is none."""
        if isinstance(error, AnswerError) and not isinstance(error, FlagError):
            return None, error  # it gives as many verdicts as there were alerts, however many there are now
        if isinstance(error, Late):
            return self._slow(values), error
        rows, first = range(len(values[0])), error
        # what was halved so often takes twice the time at most, and pandas some for each half
        with contextlib.suppress(Late), _within(2 * self.seconds + _GRACE):
            while len(rows) > 1:
                for half in (rows[: len(rows) // 2], rows[len(rows) // 2 :]):
                    try:
                        self._verdicts([value.slice(half.start, len(half)) for value in values])
                    except (Exception, SystemExit) as other:
                        if isinstance(other, AnswerError) and not isinstance(other, FlagError):
                            return None, error
                        rows, first = half, other
                        break
                else:
                    return None, error
            return rows.start, first
        return None, error

    def _slow(self, values: Sequence[pa.Array]) -> int | None:
        """The first alert that takes half of the time by itself; none where all took a part of it."""
        end = time.monotonic() + self.seconds
        for row in range(len(values[0])):
            if time.monotonic() > end:
                break
            try:
                with _within(self.seconds / 2), contextlib.suppress(Exception, SystemExit):
                    self._verdicts([value.slice(row, 1) for value in values])
            except Late:
                return row
        return None

    def _verdicts(self, values: Sequence[pa.Array]) -> pa.Array:
        function, count = compiled(self.code, self.name), len(values[0])
        if self.per_alert:
            rows = zip(*(value.to_pylist() for value in values), strict=True)
            found: Any = [function(*row) for row in rows]
            return pa.array([None if v is None else _flag(v) for v in found], pa.bool_())
        return _checked(function(*map(as_pandas, values)), count)

    def _fault(
        self, error: BaseException, place: tuple[int, int, int] | None, values: Sequence[pa.Array]
    ) -> Fault:
        frames = traceback.extract_tb(error.__traceback__)
        own = [f.lineno for f in frames if f.filename == FILE.format(self.name)]
        line = self._answered(values) if isinstance(error, AnswerError) else own[-1] if own else None
        text = self.code.split("\n")[line - 1] if line else ""
        fields = [f.name for v in values if pa.types.is_struct(v.type) for f in v.type]
        return Fault(
            self.name,
            reason_of(error),
            cure_of(error, fields, is_of_one=place is not None),
            line,
            text.strip(),
            place,
            len(text) - len(text.lstrip()) + 1,
        )

    def _answered(self, values: Sequence[pa.Array]) -> int | None:
        """The line with which the function returns for these alerts; it is called once more for that."""
        lines: list[int] = []
        code = getattr(compiled(self.code, self.name), "__code__", None)

        def look(frame: FrameType, event: str, _: Any) -> None:
            if event == "return" and frame.f_code is code:
                lines.append(frame.f_lineno)

        sys.setprofile(look)
        try:
            with contextlib.suppress(Exception, SystemExit, Late), _within(self.seconds):
                self._verdicts(values)
        finally:
            sys.setprofile(None)
        return lines[-1] if lines else None


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


_ONE_EACH = "Return one boolean for each alert, in their order, such as flux > 5."


def _checked(found: Any, count: int) -> pa.Array:
    if isinstance(found, pd.DataFrame):
        raise AnswerError(
            f"returned a DataFrame of {found.shape[1]} columns, not one boolean per alert",
            "Return one of its columns, or all(axis=1) of it.",
        )
    if not isinstance(found, pd.Series | np.ndarray | list | tuple):
        raise AnswerError(
            f"returned {_kind(found)}, not one boolean per alert",
            "Not each way through it ends in a return."
            if found is None
            else f"{_ONE_EACH} One that judges a single alert needs @skysieve.per_alert before it.",
        )
    series = found if isinstance(found, pd.Series) else pd.Series(found)
    if len(series) != count:
        raise AnswerError(f"returned {len(series)} values for {count} alerts", _ONE_EACH)
    return pa.array([None if pd.isna(v) else _flag(v) for v in series.tolist()], pa.bool_())


def _flag(value: Any) -> bool:
    if not isinstance(value, bool | np.bool_):
        raise FlagError(
            f"returned {_kind(value)} for an alert, not True or False",
            "Compare it with something, such as > 5.",
        )
    return bool(value)


def _kind(value: Any) -> str:
    return f"a {type(value).__name__}" if value is not None else "nothing"


@cache
def compiled(code: str, name: str, file: str = FILE) -> Callable[..., Any]:
    """The function of that name that a text defines; compiled once in a worker."""
    file = file.format(name)
    linecache.cache[file] = (len(code), None, code.splitlines(keepends=True), file)
    space: dict[str, Any] = {"__name__": "__skysieve_filter__"}
    exec(compile(code, file, "exec"), space)
    function: Callable[..., Any] = space[name]
    return function


@contextlib.contextmanager
def _within(seconds: float) -> Iterator[None]:
    """Raise where this takes too long; end the process if it does not even notice, as in a loop of C."""

    def is_late(_signal: int, _frame: FrameType | None) -> None:
        raise Late(f"was not done after {seconds:g} s")

    # a thread of Python's would wait for ever for a loop of C to let it run; this one does not
    words = _last_words()
    faulthandler.dump_traceback_later(seconds + min(seconds, _GRACE), exit=True, file=words or 2)
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
        if words:
            words.close()


def _last_words() -> IO[str] | None:
    """What Spark reads when this process is dead."""
    folder = os.environ.get(_WORDS)
    with contextlib.suppress(OSError):
        return Path(folder, str(os.getpid())).open("a") if folder else None
    return None
