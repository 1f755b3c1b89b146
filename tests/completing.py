"""What Tab offers, without Kafka: the cursor is where the bar stands."""

from __future__ import annotations

from skysieve.completion import FilterCompleter
from skysieve.errors import SessionError
from skysieve.magics import SkysieveMagics
from skysieve.packets import formats
from skysieve.sources.surveys import simulated
from skysieve.stream import Stream
from skysieve.topics import Topics
from skysieve.vocabulary import Vocabularies

NOWHERE = Topics("nowhere:1")


def stream_of(survey: str) -> Stream:
    """A stream of a survey's alerts that needs no Kafka."""
    stream = Stream(f"{survey}-alerts", NOWHERE)
    packets = [packet.value for packet in simulated(survey, count=2, seed=3)]
    vars(stream).update(_sample=packets, format=formats.get(survey).fitted(packets))
    return stream


class Observatory:
    """A session with streams that need no Kafka, which counts how often it is asked for one."""

    topics = NOWHERE

    def __init__(self, *streams: Stream) -> None:
        self._streams = {stream.name: stream for stream in streams}
        self.asked = 0

    @property
    def streams(self) -> list[str]:
        return sorted(self._streams)

    def stream(self, name: str) -> Stream:
        self.asked += 1
        if name not in self._streams:
            raise SessionError("no such stream")
        return self._streams[name]


LSST, ZTF = stream_of("lsst"), stream_of("ztf")
OPTIONS = SkysieveMagics.preview_cell.parser._actions


def completer(*streams: Stream) -> FilterCompleter:
    session = Observatory(*streams)
    return FilterCompleter(Vocabularies(lambda: session), OPTIONS, {})


def offers(cell: str, complete: FilterCompleter | None = None) -> dict[str, str]:
    """What is offered where the bar stands, with types; each takes the place of what is before it."""
    complete = complete or completer(LSST)
    cursor = cell.index("|")
    text = cell.replace("|", "", 1)
    fragment, found = complete(text, cursor)
    assert text[:cursor].endswith(fragment)
    return {text[: cursor - len(fragment)].split("\n")[-1] + one.text: one.type for one in found}
