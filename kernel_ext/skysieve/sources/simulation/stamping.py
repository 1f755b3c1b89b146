"""Values written over others in an encoded packet, all of one kind at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from skysieve.sources.simulation.layout import Path, varints
from skysieve.sources.simulation.telescope import Floats

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]


class Places:
    """Where values of one width lie in a packet.

    Examples
    --------
    >>> packet = np.zeros(16, dtype=np.uint8)
    >>> Places([4], 8).write_doubles(packet, np.array([1.5]))
    >>> packet[4:12].view("<f8").tolist()
    [1.5]
    """

    def __init__(self, starts: Iterable[int], width: int) -> None:
        first = np.fromiter(starts, dtype=np.intp)
        self._spread = first[:, None] + np.arange(width)
        self._width = width

    def __len__(self) -> int:
        return len(self._spread)

    def write_doubles(self, packet: Bytes, values: Floats) -> None:
        """Write one double at each place."""
        packet[self._spread] = values.astype("<f8").view(np.uint8).reshape(-1, 8)

    def write_floats(self, packet: Bytes, values: Floats) -> None:
        """Write one float at each place."""
        packet[self._spread] = values.astype("<f4").view(np.uint8).reshape(-1, 4)

    def write_varints(self, packet: Bytes, values: Ints) -> None:
        """Write one integer at each place, each of them as wide as the one before."""
        packet[self._spread] = varints(values, self._width)

    def write_texts(self, packet: Bytes, values: Sequence[str]) -> None:
        """Write one text of the places' width at each place."""
        packet[self._spread] = np.frombuffer("".join(values).encode("ascii"), dtype=np.uint8).reshape(
            -1, self._width
        )


class Scattered:
    """Fields that take the same number, each with something of its own added: times, or positions.

    Parameters
    ----------
    places
        Where each value of the packet lies, by path.
    fields
        Path of each, the index of the number that it takes, and what is added to that.
    """

    def __init__(self, places: Mapping[Path, int], fields: Iterable[tuple[Path, int, float]]) -> None:
        present = [(places[path], index, own) for path, index, own in fields if path in places]
        self._places = Places((at for at, _, _ in present), 8)
        self._index = np.array([index for _, index, _ in present], dtype=np.intp)
        self._own = np.array([own for _, _, own in present], dtype=float)

    def write(self, packet: Bytes, numbers: Floats, scale: float = 1.0, turn: float = np.inf) -> None:
        """Write ``number + scale × own`` into each field, less whole turns."""
        values = numbers[self._index] + scale * self._own
        self._places.write_doubles(packet, values % turn if np.isfinite(turn) else values)
