"""``%%filter`` previews the filter in its cell; ``%deploy`` lets it run."""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

from skysieve.attaching import attach
from skysieve.completion import FilterCompleter
from skysieve.deployment import Deployment
from skysieve.errors import FilterError, FilterSyntaxError, SessionError, SkysieveError, nearest, underlined
from skysieve.filter import Filter
from skysieve.languages.cells import TRANSLATED, read
from skysieve.languages.detection import LANGUAGES, language
from skysieve.preview import Preview
from skysieve.session import Session
from skysieve.vocabulary import Vocabularies

_FILTER = (
    "%%filter NAME [--stream STREAM] [--last PACKETS | --between BEGIN END | --night DATE | --files PATH ...] "
    "[--ids ID ...] [--language LANGUAGE]"
)
_DEPLOY = "%deploy NAME [--start latest|earliest|TIME] [--sink parquet:FOLDER] [--no-wait]"


def _unquoted(text: str) -> str:
    """An argument without the quotes that IPython leaves on it; a time with a space in it needs them."""
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


@magics_class
class SkysieveMagics(Magics):  # type: ignore[misc]
    """The magics of ``%load_ext skysieve``.

    They use the session that the notebook attached to, whatever its variable is called, and attach to one if there
    is none.
    """

    def __init__(self, shell: Any) -> None:
        super().__init__(shell)
        self._filters: dict[str, Filter] = {}
        self._own: Session | None = None

    @magic_arguments()
    @argument("name", type=_unquoted, help="Name of the filter.")
    @argument(
        "--stream", "-s", type=_unquoted, help="Stream that it judges; not needed where there is only one."
    )
    @argument("--last", "-n", type=int, default=None, help="Preview on the newest so many packets (5,000).")
    @argument(
        "--between",
        nargs=2,
        type=_unquoted,
        metavar=("BEGIN", "END"),
        help="Preview on packets of this range of time instead, each an ISO time with a zone.",
    )
    @argument("--night", type=_unquoted, help="Preview on the night that begins on this date: 2026-03-05.")
    @argument("--files", nargs="+", type=_unquoted, help="Preview on the packets in these files and folders.")
    @argument("--ids", nargs="+", type=_unquoted, help="Preview on the alerts of these ids only.")
    @argument(
        "--language",
        "-l",
        type=_unquoted,
        choices=LANGUAGES,
        default=None,
        help="What the cell is written in; not needed where its text tells.",
    )
    @cell_magic("filter")
    def preview_cell(self, line: str, cell: str) -> Preview:
        """Preview the filter in this cell; `%deploy NAME` then lets it run."""
        options = _options(self.preview_cell, line, _FILTER)
        # a cell that fails must not leave its former filter to be deployed in its place
        self._filters.pop(options.name, None)
        written = options.language or language(cell, self.shell.user_ns)
        with _without_traceback(cell):
            session = self._session()
            stream = self._stream(session, options.stream)
            given = read(cell, written, self.shell.user_ns, session.stream(stream).format.name)
        with _without_traceback(given["where"]):
            spec = Filter(options.name, stream=stream, **given)
        with _without_traceback(spec.where):
            if written in TRANSLATED:
                print(f"In SQL: {spec.where}")
            found = session.preview(
                spec,
                last=options.last,
                between=tuple(options.between) if options.between else None,
                night=options.night,
                files=options.files,
                ids=options.ids,
            )
        self._filters[spec.name] = spec
        return found

    @magic_arguments()
    @argument("name", type=_unquoted, help="Name of a filter previewed in this notebook.")
    @argument(
        "--start",
        type=_unquoted,
        default="latest",
        help="latest (default), earliest, or an ISO time with a zone.",
    )
    @argument(
        "--sink", type=_unquoted, help="Where its matches go as files, too: parquet:/folder or parquet:URL."
    )
    @argument("--no-wait", action="store_true", help="Do not wait until it runs.")
    @line_magic("deploy")
    def deploy_line(self, line: str) -> Deployment:
        """Let a filter that was previewed in this notebook run as a streaming query."""
        options = _options(self.deploy_line, line, _DEPLOY)
        with _without_traceback():
            if options.name not in self._filters:
                hint = nearest(options.name, self._filters)
                raise FilterError(
                    f"This notebook has previewed no filter {options.name!r}: run its %%filter cell first, "
                    f"without an error.{hint}"
                )
            spec = self._filters[options.name]
            deployed = self._session().deploy(spec, start=options.start, sink=options.sink)
            return deployed if options.no_wait else deployed.wait("running")

    def completer(self) -> FilterCompleter:
        """What completes the cells of ``%%filter``."""
        return FilterCompleter(
            Vocabularies(self._session), self.preview_cell.parser._actions, self.shell.user_ns
        )

    def _session(self) -> Session:
        """The session of the notebook's variables, not of its outputs (``_``, ``_3``), which may be let go already."""
        named = [v for name, v in self.shell.user_ns.items() if not name.startswith("_")]
        attached = [v for v in named if isinstance(v, Session) and not _is_let_go(v)]
        if attached:
            return attached[-1]
        if self._own is None or _is_let_go(self._own):
            self._own = attach()
        return self._own

    def _stream(self, session: Session, name: str | None) -> str:
        if name:
            return name
        known = session.streams
        if len(known) == 1:
            return known[0]
        if not known:
            raise SessionError("No stream is here yet: `skysieve simulate --stream lsst-alerts` makes one.")
        raise SessionError(f"Which stream? Add --stream NAME; here are {', '.join(known)}.")


def _is_let_go(session: Session) -> bool:
    return bool(getattr(session.spark, "is_stopped", False))  # which only Spark Connect's client tells


def _options(magic: Callable[..., Any], line: str, usage: str) -> Namespace:
    try:
        found: Namespace = parse_argstring(magic, line)
    except (UsageError, ValueError) as error:  # ValueError: a quote that is not closed
        raise UsageError(f"{error}. Write {usage}") from None
    return found


@contextmanager
def _without_traceback(text: object = None) -> Iterator[None]:
    """Let IPython show a mistake as its message alone; a traceback through Skysieve helps nobody mend a filter.

    Under it comes the line of the filter that has it, where that is known.
    """
    try:
        yield
    except SkysieveError as error:
        shown = "\n".join([f"{type(error).__name__}: {error}", *_underlined(error, text)])
        vars(error)["_render_traceback_"] = lambda: [shown]
        raise


def _underlined(error: SkysieveError, text: object) -> Iterator[str]:
    """The place of an error in the text; the message of a syntax error has its own."""
    if not isinstance(error, FilterError) or isinstance(error, FilterSyntaxError):
        return
    if error.line and error.column and isinstance(text, str):
        yield underlined(re.sub(r"\r\n?", "\n", text), error.line, error.column, error.length)
