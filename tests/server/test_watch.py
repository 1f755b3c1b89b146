"""What a panel is told, of two looks at the session."""

from skysieve.server.models import Session, Stream
from skysieve.server.tour import NAME, tour
from skysieve.server.watch import Seen


def stream(name: str, packets: int = 0) -> Stream:
    return Stream(name=name, packets=packets)


def test_only_what_is_otherwise_is_told():
    before = Seen(Session(place="none"), {"a": stream("a"), "b": stream("b")})
    after = Seen(Session(place="none"), {"a": stream("a"), "b": stream("b", 7)})
    told = before.news(after)
    assert told is not None
    assert told.session is None
    assert told.streams == [stream("b", 7)]
    assert not told.anew


def test_where_nothing_is_otherwise_nothing_is_told():
    seen = Seen(Session(place="none"), {"a": stream("a")})
    assert seen.news(Seen(Session(place="none"), {"a": stream("a")})) is None


def test_what_is_gone_is_told():
    before = Seen(None, {"a": stream("a"), "b": stream("b")})
    told = before.news(Seen(None, {"b": stream("b")}))
    assert told is not None
    assert told.streams_gone == ["a"]


def test_who_knows_nothing_is_told_everything():
    told = Seen(Session(place="none"), {"a": stream("a")}).everything()
    assert told.anew
    assert [one.name for one in told.streams] == ["a"]


def test_the_tour_is_the_first_notebook():
    assert NAME in "01_first_light.ipynb"
    assert "skysieve" in tour()
