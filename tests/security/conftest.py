"""A Kafka that asks who one is."""

from __future__ import annotations

import pytest

from .authorities import Authority


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()
