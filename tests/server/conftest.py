"""Jupyter servers whose Kafka is in all the states that a Kafka can be in."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from .jupyter import Jupyter, jupyter


@pytest.fixture(scope="package")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    """One with no session."""
    with jupyter(tmp_path_factory.mktemp("idle")) as running:
        yield running


@pytest.fixture(scope="package")
def unreachable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    """One whose environment names a Kafka at a closed port."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound and not listening: nobody else gets it, and it refuses
        kafka = f"127.0.0.1:{held.getsockname()[1]}"
        named = {"SKYSIEVE_KAFKA": kafka, "SKYSIEVE_SPARK": "sc://127.0.0.1:1;token=hidden-token"}
        with jupyter(tmp_path_factory.mktemp("unreachable"), **named) as running:
            yield running


@pytest.fixture(scope="package")
def silent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    """One whose Kafka takes connections and never says a word."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen(50)
        kafka = f"127.0.0.1:{held.getsockname()[1]}"
        with jupyter(tmp_path_factory.mktemp("silent"), SKYSIEVE_KAFKA=kafka) as running:
            yield running
