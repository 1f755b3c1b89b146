"""What the registry's and the status topic's records have in common."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """An immutable record; fields that a later release may add are let pass."""

    model_config = ConfigDict(frozen=True, extra="ignore")


def now() -> datetime:
    """Tell the time, aware of its zone."""
    return datetime.now(UTC)
