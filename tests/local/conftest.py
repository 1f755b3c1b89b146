"""Homes for sessions of a test's own; they share the user's jars, and are empty of processes at the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from skysieve import local
from skysieve.home import Home


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A home in which nothing was ever started."""
    for variable in ("SKYSIEVE_KAFKA_PORT", "SKYSIEVE_SPARK_PORT", "SKYSIEVE_SPARK_MEMORY"):
        monkeypatch.delenv(variable, raising=False)
    home = replace(Home.at(tmp_path / "sky"), cache=Home.default().cache)
    yield home
    local.down(home)
