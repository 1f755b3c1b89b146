"""What is wrong with a filter that is being typed, and where."""

from __future__ import annotations

import pytest
from skysieve.server.drafts import Drafts
from skysieve.server.models import Draft
from skysieve.sources import send
from skysieve.sources.surveys import simulated


def mistakes(text, topics=None, **said):
    return Drafts().judged(topics, Draft(**{"name": "bright", "text": text, **said})).mistakes


def meant(text, mistake):
    """The part of a text that a mistake points at."""
    line = text.split("\n")[mistake.line - 1]
    return line[mistake.column - 1 :][: mistake.length]


@pytest.fixture
def filled(topics, stream):
    send(simulated("lsst", count=3, seed=5), stream, topics.bootstrap)
    return stream


@pytest.mark.parametrize(
    ("text", "part", "told"),
    [
        ("snr > 5\nAND AND ra > 3", "AND", "missing before this AND"),
        ("snr > 'abc", "'", "has no end"),
        ("-- é 🔭\nsnr > 5 AND count(ra) > 2", "count(ra)", "judges one alert"),
        ("def bright(snr:\n    return snr", "(", "This is not Python"),
    ],
)
def test_a_mistake_in_the_text_is_told_with_its_place_and_without_a_session(text, part, told):
    (found,) = mistakes(text)
    assert found.part == "text"
    assert told in found.message
    assert meant(text, found) == part


@pytest.mark.parametrize("text", ["", "\n\n", "-- what I look for\n", "diaSource.snr > 20"])
def test_what_is_right_or_not_yet_begun_is_left_alone(text):
    assert mistakes(text) == []


def test_each_cut_with_an_unknown_column_is_told(topics, filled):
    text = "diaSource.snrr > 5 AND diaSource.snr > 5\nAND /* é */ diaSource.psfFlx > 3"
    found = mistakes(text, topics, stream=filled)
    assert [meant(text, one) for one in found] == ["diaSource.snrr", "diaSource.psfFlx"]
    assert "Did you mean diaSource.snr" in found[0].message


def test_an_unknown_column_of_a_function_or_of_another_brokers_query_is_told(topics, filled):
    (found,) = mistakes("def bright(snrr):\n    return snrr > 5", topics, stream=filled)
    assert (found.line, "snrr" in found.message) == (1, True)
    (found,) = mistakes("SELECT objectId FROM objects WHERE gmagg < 18", topics, stream=filled)
    assert "gmagg" in found.message
    assert meant("SELECT objectId FROM objects WHERE gmagg < 18", found) == "gmagg"
    pipeline = '[{"$match": {"candidate.snrr": {"$gt": 3}}}]'
    (found,) = mistakes(pipeline, topics, stream=filled)
    assert meant(pipeline, found) == '"candidate.snrr"'


def test_what_is_likely_to_be_wrong_is_told_once_nothing_else_is(topics, filled):
    text = "psfFlux_flag\nAND NOT snr < 5"
    found = mistakes(text, topics, stream=filled)
    assert [(one.severity, meant(text, one)) for one in found] == [
        ("warning", "psfFlux_flag"),
        ("warning", "NOT snr < 5"),
    ]
    assert "keeps only" in found[0].message
    (only,) = mistakes(f"{text} AND snrr > 3", topics, stream=filled)
    assert (only.severity, only.line) == ("error", 2)


def test_a_mistake_in_what_is_no_cut_is_told_too(topics, filled):
    query = "SELECT diaSource.snrr AS far FROM objects WHERE diaSource.snr > 5"
    found = mistakes(query, topics, stream=filled)
    assert [one.severity for one in found] == ["error"]


def test_an_expression_of_the_notebooks_variables_is_for_its_kernel_to_judge(topics, filled):
    text = "lsst.snrr > F.lit(20)"
    assert mistakes(text, topics, stream=filled, names=["lsst", "F"]) == []
    assert len(mistakes(text, topics, stream=filled, names=["F"])) == 1
    assert len(mistakes(text, topics, stream=filled, names=["lsst", "F"], language="sql")) == 1


def test_a_stream_that_is_not_there_and_a_name_that_cannot_be_are_told(topics, filled):
    found = mistakes("snr > 5", topics, stream=f"{filled}x", name="no/name")
    assert [one.part for one in found] == ["name", "stream"]
    assert f"Did you mean {filled}" in found[1].message


@pytest.mark.parametrize("text", ["(" * 40_000, "NOT " * 10_000 + "snr", "-" * 40_000 + "1"])
def test_a_text_that_no_parser_can_take_does_no_harm(text):
    assert isinstance(mistakes(text), list)


def test_it_is_judged_by_a_server_that_has_neither_session_nor_kernel(idle):
    answer = idle.ask("draft", "POST", {"name": "bright", "text": "snr >"})
    assert answer.status == 200
    assert answer.json["mistakes"][0] == {
        "part": "text",
        "severity": "error",
        "line": 1,
        "column": 5,
        "length": 1,
        "message": "This is not a condition in SQL: something is missing after this",
    }
    assert idle.ask("draft", "POST", {"name": "bright", "text": "x" * 60_000}).status == 400
