"""Lengths of time, as filters write them."""

from __future__ import annotations

import re

from sqlglot.tokens import Token, TokenType  # type: ignore[attr-defined]

from skysieve.languages.parsing import refuse

_SPAN = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*(second|minute|hour|day|week)s?\s*", re.IGNORECASE)
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}
_LONGEST = 3660 * 86400.0


def seconds_of(text: str, token: Token, at_least: float) -> float:
    """The seconds that a token of a text says.

    Raises
    ------
    FilterSyntaxError
        If it is no length of time, or one that is too short or too long.
    """
    found = _SPAN.fullmatch(token.text) if token.token_type == TokenType.STRING else None
    seconds = float(found[1]) * _SECONDS[found[2].lower()] if found else -1
    if not at_least <= seconds <= _LONGEST:
        refuse(
            f"{token.text!r} is no length of time: write for example '30 days' or '90 minutes', from "
            f"{at_least:g} s to ten years",
            text,
            token,
        )
    return seconds
