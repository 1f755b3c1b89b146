"""Growing pauses between attempts."""

from __future__ import annotations

import time
from dataclasses import dataclass

LONGEST = 30.0
"""Seconds."""


@dataclass
class Pause:
    """A growing time between attempts."""

    seconds: float = 0.25
    until: float = 0.0

    def is_over(self) -> bool:
        """Whether to try now; if so, the next pause begins, longer where the last attempt was not long ago."""
        now = time.monotonic()
        if now < self.until:
            return False
        recent = now < self.until + 2 * LONGEST
        self.seconds = min(2 * self.seconds, LONGEST) if recent else 0.5
        self.until = now + self.seconds
        return True
