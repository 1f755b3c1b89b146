"""Single alerts, decoded whole in Python, each by what its own packet says of its format and schema."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from skysieve.errors import PacketError
from skysieve.packets import formats
from skysieve.packets.formats import Format


class Alerts:
    """Decodes one alert after another, and learns the schemas that it meets on the way.

    Examples
    --------
    >>> Alerts().read(b'{"event": "GRB 260305A", "ra": NaN, "dec": -27.5}')
    {'event': 'GRB 260305A', 'ra': None, 'dec': -27.5}
    """

    def __init__(self) -> None:
        self._learned: dict[str, Format] = {}

    def read(self, packet: bytes, record: int = 0, stated: str | None = None) -> dict[str, Any]:
        """Decode one alert of a packet.

        Parameters
        ----------
        packet
            The packet's own bytes.
        record
            Number of the alert in it, from 0.
        stated
            Name of its format, where that is known; else its first bytes tell.

        Returns
        -------
        dict
            The alert by the names of its schema; integers whole, None for NaN.

        Raises
        ------
        PacketError
            If it cannot be decoded.
        StreamError
            If there is no format of the stated name.
        """
        found = formats.get(stated) if stated else formats.detect(packet)
        if found is None:
            begin = f"begins with {packet[:8].hex(' ')}" if packet else "is empty"
            raise PacketError("frame", f"the packet is in no format that Skysieve knows: it {begin}")
        alert = plain(numbered(self._alerts(found, packet), record))
        assert isinstance(alert, dict)
        return alert

    def _alerts(self, found: Format, packet: bytes) -> list[dict[str, Any]]:
        known = self._learned.get(found.name, found)
        try:
            return known.read(packet)
        except PacketError:
            learned = known.fitted([packet])
            if learned is known:
                raise
            self._learned[found.name] = learned
            return learned.read(packet)


def numbered(alerts: Sequence[dict[str, Any]], record: int) -> dict[str, Any]:
    """The alert of that number; raises PacketError where there is none."""
    if not 0 <= record < len(alerts):
        raise PacketError("frame", f"the packet has no alert {record}: it holds {len(alerts)}")
    return alerts[record]


def plain(value: Any) -> Any:
    """The same value with None for every NaN in it.

    Examples
    --------
    >>> plain({"id": 2**60 + 1, "flux": [1.5, float("nan")]})
    {'id': 1152921504606846977, 'flux': [1.5, None]}
    """
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    # NaN alone differs from itself
    return None if isinstance(value, float) and value != value else value
