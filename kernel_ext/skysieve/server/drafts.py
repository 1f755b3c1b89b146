"""Filters that are being typed: what is wrong with them, and where. Neither a kernel nor Spark is asked."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Literal

from skysieve import languages, lint
from skysieve.errors import FilterError, SkysieveError, StreamError
from skysieve.filter import Filter, check_name
from skysieve.languages import Cut
from skysieve.languages.cells import read
from skysieve.languages.detection import could_make_columns, language, without_comments
from skysieve.server.models import Draft, Judged, Mistake
from skysieve.stream import Stream, open_stream
from skysieve.stream_topics import streams
from skysieve.topics import Topics

_KEPT = 20.0
"""Seconds for which the columns of a stream are taken to be the same, and a Kafka that did not answer to be gone."""
_STREAMS = 8


class Drafts:
    """Judges them; the columns of their streams are kept, so that not each pause in the typing asks Kafka."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], tuple[float, Stream | StreamError | None]] = {}

    def judged(self, topics: Topics | None, draft: Draft) -> Judged:
        """What is wrong with a draft; without a session, what is wrong with it on every stream."""
        stream = self._stream(topics, draft.stream) if topics else None
        found = [*_in_the_name(draft)]
        if isinstance(stream, StreamError):
            found.append(Mistake(part="stream" if draft.stream else "name", message=str(stream)))
            stream = None
        with suppress(RecursionError, MemoryError):  # of a text that nobody would write
            found += _in_the_text(draft, stream)
        return Judged(mistakes=found)

    def _stream(self, topics: Topics, name: str) -> Stream | StreamError | None:
        """A stream whose columns are known; None where Kafka does not tell."""
        key = topics.bootstrap, name
        at, known = self._kept.pop(key, (-_KEPT, None))
        if time.monotonic() - at > _KEPT:
            at, known = time.monotonic(), _opened(topics, name)
        self._kept[key] = at, known
        while len(self._kept) > _STREAMS:
            self._kept.pop(next(iter(self._kept)), None)
        return known


def _opened(topics: Topics, name: str) -> Stream | StreamError | None:
    try:
        every = [name] if name else streams(topics.names())
        if len(every) != 1:
            return (
                StreamError(f"Which stream? Add --stream NAME; here are {', '.join(every)}.")
                if every
                else None
            )
        found = open_stream(topics, every[0])
        _ = found.format, found.filterable
    except StreamError as error:
        return error
    except SkysieveError:
        return None
    return found


def _in_the_name(draft: Draft) -> Iterator[Mistake]:
    try:
        check_name(draft.name)
    except FilterError as error:
        yield Mistake(part="name", message=str(error))


def _in_the_text(draft: Draft, stream: Stream | None) -> Iterator[Mistake]:
    text = re.sub(r"\r\n?", "\n", draft.text).rstrip()
    written = draft.language or language(text)
    is_sql = written == "sql"
    if not without_comments(text) or written == "columns":
        return
    if is_sql and not draft.language and could_make_columns(text, set(draft.names)):
        return
    if written == "boom" and stream is None:  # whose names depend on the survey
        return
    whole = Cut(text)
    try:
        given = read(text, written, {}, stream.format.name if stream else "")
        spoken = languages.get(given.get("language", "sql"))
        cuts = spoken.cuts(given["where"])
    except FilterError as error:
        yield _mistake(error, whole)
        return
    if stream is None:
        return
    is_fine = True
    for cut in cuts:
        try:
            spoken.bind(cut, stream.filterable)
        except FilterError as error:
            is_fine = False
            # a place in what a text was translated to is none in the text
            yield _mistake(error, cut) if given["where"] == text else _at(whole, str(error))
    if not is_fine:
        return
    try:
        doubts = lint.before(
            Filter("draft", stream=stream.name, **given), stream.filterable, stream.described
        )
    except FilterError as error:  # in what is no cut, such as what the filter sends along
        yield _at(whole, str(error))
        return
    for doubt in doubts:
        cut = next((cut for cut in cuts if cut.text == doubt.cut and given["where"] == text), whole)
        yield _at(cut, f"{doubt.message} {doubt.cure}", "warning")


def _mistake(error: FilterError, cut: Cut) -> Mistake:
    """A mistake at its place; at the cut's where it has none."""
    if error.line and error.column:
        # which the underlining says already
        place = f" (cut {cut.text!r}, line {error.line})"
        message = error.reason.removesuffix(place)
        return Mistake(
            part="text", line=error.line, column=error.column, length=error.length, message=message
        )
    return _at(cut, str(error))


def _at(cut: Cut, message: str, severity: Literal["error", "warning"] = "error") -> Mistake:
    place = {"line": cut.line, "column": cut.column, "length": len(cut.text)}
    return Mistake(part="text", severity=severity, **place, message=message.split("\n")[0])
