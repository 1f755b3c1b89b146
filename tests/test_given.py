"""What is known of the matches that a consumer's group was given: little is noted, and the rest found again."""

from datetime import UTC, datetime

from skysieve.given import Given
from skysieve.topics import Record


def match(offset, source, *, version="a", stream="some-alerts"):
    told = {"topic": stream, "partition": 0, "offset": source, "record": 0}
    headers = [("skysieve.version", version.encode())]
    headers += [(f"skysieve.source.{name}", str(value).encode()) for name, value in told.items()]
    return Record("filter.bright", 0, offset, datetime.now(UTC), None, b"packet", tuple(headers))


def nothing(begin, end):
    raise AssertionError("nothing need be read")


def given(note, place, matches, between=nothing):
    one = Given(note, place)
    for each in matches:
        assert not one.holds(each, between)
        one.add(each)
    return one


def test_a_duplicate_does_not_move_the_newest_back():
    one = given(None, 0, [match(0, 5), match(1, 9)])
    again = match(2, 5)
    assert one.holds(again, nothing)
    one.add(again)
    past = [match(0, 5), match(1, 9), again]
    assert Given(one.note, 3).holds(match(3, 9), lambda begin, end: past[begin:end])


def test_a_topic_that_was_made_anew_is_not_taken_for_what_was_given():
    one = given(None, 0, [match(offset, offset) for offset in range(10)])
    assert not Given(one.note, 10).holds(match(0, 3), nothing)


def test_the_note_stays_short_and_knows_the_newest_sources():
    long = "s" * 240
    versions = [f"{number:08x}" for number in range(100)]
    one = given(None, 0, [match(n, n, version=v, stream=long) for n, v in enumerate(versions)])
    assert len(one.note) <= 2000
    read = []
    after = Given(one.note, 100)
    assert not after.holds(
        match(100, 98, version=versions[-1], stream=long), lambda *asked: read.append(asked) or []
    )
    assert read[0] == (0, 100)
