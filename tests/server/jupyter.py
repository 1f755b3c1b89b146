"""A real Jupyter server with Skysieve's extension, in a process and a home of its own."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import websocket
from processes import wait_until

_OURS = ("JUPYTER", "XDG_", "SKYSIEVE_", "SPARK_")


@dataclass(frozen=True)
class Answer:
    """What the server answered."""

    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def message(self) -> str:
        return str(self.json["message"])


@dataclass(frozen=True)
class Jupyter:
    """A server that runs."""

    port: int
    token: str
    folder: Path
    process: subprocess.Popen[bytes]
    base: str = "/"

    @property
    def log(self) -> str:
        return (self.folder / "jupyter.log").read_text()

    def ask(
        self, path: str, method: str = "GET", body: Any = None, *, token: str | None = None, **headers: str
    ) -> Answer:
        """Ask for something under ``/skysieve/``; with the server's token unless another is given."""
        token = self.token if token is None else token
        sent = {"Authorization": f"token {token}"} if token else {}
        connection = HTTPConnection("127.0.0.1", self.port, timeout=40)
        text = body if isinstance(body, str) else None if body is None else json.dumps(body)
        connection.request(
            method,
            f"{self.base}skysieve/{path}",
            text,
            {**sent, **{k.replace("_", "-"): v for k, v in headers.items()}},
        )
        answer = connection.getresponse()
        found = Answer(answer.status, answer.read(), {k.lower(): v for k, v in answer.getheaders()})
        connection.close()
        return found

    @contextmanager
    def changes(self, token: str | None = None, **how: Any) -> Iterator[Changes]:
        """Listen to what changes."""
        token = self.token if token is None else token
        address = f"ws://127.0.0.1:{self.port}/skysieve/changes?token={token}"
        opened = websocket.create_connection(address, timeout=30, **{"suppress_origin": True, **how})
        try:
            yield Changes(opened)
        finally:
            opened.close()


class Changes:
    """What a panel is told, put together as a panel does."""

    def __init__(self, opened: websocket.WebSocket) -> None:
        self._opened = opened
        self.session: dict[str, Any] = {}
        self.streams: dict[str, dict[str, Any]] = {}
        self.filters: dict[str, dict[str, Any]] = {}

    def next(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self._opened.recv())
        if told["anew"]:
            self.streams, self.filters = {}, {}
        self.session = told["session"] or self.session
        for held, kind in ((self.streams, "streams"), (self.filters, "filters")):
            held.update({one["name"]: one for one in told[kind]})
            for name in told[f"{kind}_gone"]:
                held.pop(name, None)
        return told

    def until(self, done: Any) -> Changes:
        """Listen until something is so; the socket's own patience ends it."""
        while not done(self):
            self.next()
        return self

    @property
    def states(self) -> dict[str, str]:
        return {part["name"]: part["state"] for part in self.session.get("parts", [])}


@contextmanager
def jupyter(folder: Path, *options: str, **environment: str) -> Iterator[Jupyter]:
    """Start a server on the loopback interface, and stop it."""
    token, port = secrets.token_hex(16), _free_port()
    home = folder / "home"
    home.mkdir(parents=True)
    places = ("HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    command = [
        *(sys.executable, "-m", "jupyter_server", "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}"),
        *("--ServerApp.port_retries=0", "--ServerApp.open_browser=False", "--ServerApp.allow_root=True"),
        *(f"--ServerApp.root_dir={folder}", f"--IdentityProvider.token={token}"),
        "--ServerApp.jpserver_extensions={'skysieve.server': True, 'jupyter_lsp': False, 'jupyterlab': False}",
        *options,
    ]
    told = {name: str(home) for name in places} | {"SKYSIEVE_HOME": str(folder / "sky")} | environment
    with (folder / "jupyter.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env={**kept, **told}, stdout=log, stderr=log)
    server = Jupyter(port, token, folder, process)
    try:
        wait_until(lambda: process.poll() is not None or _answers(port), "Jupyter", 60)
        assert process.poll() is None, server.log
        yield server
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(15)
        if process.poll() is None:
            process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def _answers(port: int) -> bool:
    with suppress(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
        return True
    return False
