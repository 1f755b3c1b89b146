"""Start and stop of the local session, in a process of its own, whose steps the panel shows."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from typing import Literal

from skysieve.errors import SessionError
from skysieve.home import Home
from skysieve.server.models import Work

_COMMANDS = {"start": "up", "stop": "down"}
_STEPS = 200


class Works:
    """The one start or stop that is under way, or was the last.

    Parameters
    ----------
    home
        The local session's files.
    changed
        Called with each step.
    """

    def __init__(self, home: Home, changed: Callable[[], None]) -> None:
        self._home, self._changed = home, changed
        self._tasks: set[asyncio.Task[None]] = set()
        self.last: Work | None = None

    def begin(self, doing: Literal["start", "stop"]) -> Work:
        """Begin it.

        Raises
        ------
        SessionError
            If another is under way.
        """
        if self.last and self.last.state == "running":
            raise SessionError(
                f"The session is being {_PARTICIPLES[self.last.doing]}: wait until that is done."
            )
        begun = self._note(Work(doing=doing, steps=[], state="running"))
        task = asyncio.get_running_loop().create_task(self._run(begun))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return begun

    async def _run(self, work: Work) -> None:
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "skysieve", _COMMANDS[work.doing]),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                env=self._environment(),
                start_new_session=True,  # Ctrl-C in JupyterLab's terminal is not meant for it
            )
            assert process.stderr is not None
            async for line in process.stderr:
                if text := line.decode(errors="replace").rstrip():
                    work = self._note(work.model_copy(update={"steps": [*work.steps, text][-_STEPS:]}))
            code = await process.wait()
        except OSError as error:
            self._note(work.model_copy(update={"state": "failed", "error": str(error)}))
            return
        ended: dict[str, str] = {"state": "done"} if code == 0 else _failed(work, code)
        self._note(work.model_copy(update=ended))

    def _note(self, work: Work) -> Work:
        self.last = work
        self._changed()
        return work

    def _environment(self) -> Mapping[str, str]:
        return {
            **os.environ,
            "SKYSIEVE_HOME": str(self._home.state),
            "SKYSIEVE_CACHE": str(self._home.cache),
            "PYTHONUNBUFFERED": "1",
            "NO_COLOR": "1",
        }


_PARTICIPLES = {"start": "started", "stop": "stopped"}


def _failed(work: Work, code: int) -> dict[str, str]:
    """What the command line said at its end: the error, and the end of a log where there is one."""
    begin = next((i for i, line in enumerate(work.steps) if line.startswith("SessionError: ")), None)
    told = work.steps[begin:] if begin is not None else work.steps[-5:]
    return {
        "state": "failed",
        "error": "\n".join(told) or f"`skysieve {_COMMANDS[work.doing]}` ended with {code}.",
    }
