"""Real kernels of the interpreter that runs the tests, whatever kernels are installed on this machine."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client import AsyncKernelManager, BlockingKernelClient, KernelManager
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

CELL_PATIENCE = 180


class ThisPython(KernelSpecManager):
    """Knows one kernel."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name=kernel_name, language="python")


def execute(
    path: Path, cells: slice = slice(None), environment: dict[str, str] | None = None
) -> nbformat.NotebookNode:
    """The notebook in a file, executed from top to bottom in a fresh kernel."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells = notebook.cells[cells]
    manager = AsyncKernelManager(kernel_spec_manager=ThisPython())
    client = NotebookClient(notebook, km=manager, timeout=CELL_PATIENCE)
    more = {} if environment is None else {"env": environment}
    try:
        return client.execute(cwd=str(path.parent), cleanup_kc=True, **more)
    except CellExecutionError as error:
        told = [
            o.text for cell in notebook.cells for o in cell.get("outputs", ()) if o.output_type == "stream"
        ]
        error.add_note(f"What was printed up to there:\n{''.join(told)}")
        raise


class Kernel:
    """A kernel that runs one cell after another."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager, self.client = manager, client

    @property
    def pid(self) -> int:
        return int(self.manager.provisioner.pid)

    def run(self, cell: str) -> list[nbformat.NotebookNode]:
        """Run a cell and give what it shows at its end, as a notebook would keep it."""
        outputs: list[nbformat.NotebookNode] = []
        places: dict[str, nbformat.NotebookNode] = {}

        def keep(message: dict[str, Any]) -> None:
            place = message["content"].get("transient", {}).get("display_id")
            if message["msg_type"] in ("stream", "display_data", "execute_result", "error"):
                outputs.append(nbformat.v4.output_from_msg(message))
                if place:
                    places[place] = outputs[-1]
            elif message["msg_type"] == "update_display_data":
                places[place].data = nbformat.from_dict(message["content"]["data"])

        self.client.execute_interactive(cell, timeout=CELL_PATIENCE, output_hook=keep)
        return [o for o in outputs if o.get("data") != {"text/plain": ""}]

    def text(self, cell: str) -> str:
        """Run a cell that must not fail, and give what it prints."""
        outputs = self.run(cell)
        assert not [o for o in outputs if o.output_type == "error"], outputs
        return "".join(o.text for o in outputs if o.output_type == "stream").strip()

    def complete(self, cell: str, cursor: int | None = None) -> dict[str, Any]:
        """What Tab offers at a place of a cell, or at its end."""
        reply = self.client.complete(cell, cursor, reply=True, timeout=CELL_PATIENCE)
        return dict(reply["content"])


@contextmanager
def kernel() -> Iterator[Kernel]:
    """A fresh kernel, shut down at the end if it still lives."""
    manager = KernelManager(kernel_spec_manager=ThisPython())
    manager.start_kernel()
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def cell(notebook: nbformat.NotebookNode, name: str) -> nbformat.NotebookNode:
    """The cell of that id."""
    return next(c for c in notebook.cells if c.id == name)


def said(notebook: nbformat.NotebookNode, name: str, pattern: str) -> list[int]:
    """The numbers in what a cell prints, by a pattern with a group for each."""
    found = re.search(pattern, shown(notebook, name))
    assert found, f"{pattern!r} is not in {shown(notebook, name)!r}"
    return [int(number) for number in found.groups()]


def shown(notebook: nbformat.NotebookNode, name: str, kind: str = "text/plain") -> str:
    """What a cell shows: its printed text, or its results in one kind of display."""
    parts = []
    for output in cell(notebook, name).outputs:
        if output.output_type == "stream":
            parts.append(output.text if kind == "text/plain" else "")
        else:
            parts.append(str(output.data.get(kind, "")))
    return "".join(parts)
