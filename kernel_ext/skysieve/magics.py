"""``%%filter`` previews the filter in its cell; ``%deploy`` lets it run."""

from __future__ import annotations

import sys
from typing import Any

from IPython.core.magic import Magics, cell_magic, line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

from skysieve.deployment import Deployment
from skysieve.errors import FilterError, SessionError, SkysieveError, nearest
from skysieve.filter import Filter
from skysieve.preview import Preview
from skysieve.session import Session, attach


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
    @argument("name", help="Name of the filter.")
    @argument("--stream", "-s", help="Stream that it judges; not needed where there is only one.")
    @argument("--last", "-n", type=int, default=None, help="Preview on the newest so many packets (5,000).")
    @argument(
        "--between",
        nargs=2,
        metavar=("BEGIN", "END"),
        help="Preview on packets of this range of time instead.",
    )
    @cell_magic("filter")
    def preview_cell(self, line: str, cell: str) -> Preview | None:
        """Preview the SQL in this cell; `%deploy NAME` then lets it run."""
        try:
            options = parse_argstring(self.preview_cell, line)
            session = self._session()
            spec = Filter(options.name, cell.strip("\n"), self._stream(session, options.stream))
            self._filters[spec.name] = spec
            between = tuple(options.between) if options.between else None
            return session.preview(spec, last=options.last, between=between)
        except SkysieveError as error:
            self._say(error)
            return None

    @magic_arguments()
    @argument("name", help="Name of a filter previewed in this notebook.")
    @argument("--start", default="latest", help="latest (default), earliest, or an ISO time with a zone.")
    @argument("--no-wait", action="store_true", help="Do not wait until it runs.")
    @line_magic("deploy")
    def deploy_line(self, line: str) -> Deployment | None:
        """Let a filter that was previewed in this notebook run as a streaming query."""
        try:
            options = parse_argstring(self.deploy_line, line)
            if options.name not in self._filters:
                hint = nearest(options.name, self._filters)
                raise FilterError(
                    f"No %%filter cell of this notebook is named {options.name!r}: run it first.{hint}"
                )
            deployed = self._session().deploy(self._filters[options.name], start=options.start)
            return deployed if options.no_wait else deployed.wait("running")
        except SkysieveError as error:
            self._say(error)
            return None

    def _session(self) -> Session:
        attached = [v for v in self.shell.user_ns.values() if isinstance(v, Session)]
        if attached:
            return attached[-1]
        if self._own is None:
            self._own = attach()
        return self._own

    def _stream(self, session: Session, name: str | None) -> str:
        if name:
            return name
        known = session.streams
        if len(known) == 1:
            return known[0]
        raise SessionError(f"Which stream? Add --stream NAME; here are {', '.join(known) or 'none yet'}.")

    def _say(self, error: SkysieveError) -> None:
        """Show a mistake as its message alone; a traceback through Skysieve helps nobody mend a filter.

        Where a notebook is run unattended, the cell still fails.
        """
        self.shell.user_ns["_skysieve_error"] = error
        if self.shell.__class__.__name__ == "ZMQInteractiveShell":
            raise _ShownError(error) from None
        print(f"{type(error).__name__}: {error}", file=sys.stderr)


class _ShownError(SkysieveError):
    """An error that IPython renders as its message, with no traceback."""

    def __init__(self, cause: SkysieveError) -> None:
        self.cause = cause
        super().__init__(str(cause))

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self.cause).__name__}: {self.cause}"]
