"""Without a session, with a Kafka that refuses, and with one that says nothing: what a person reads."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

LISTS = ("streams", "filters", "streams/x/columns", "filters/x/versions", "filters/x/matches")


def test_without_a_session_the_status_is_that_of_the_command_line(idle):
    assert idle.ask("status").json == {"kafka": None, "spark": None, "streams": [], "filters": []}


def test_without_a_session_every_part_is_stopped(idle):
    told = idle.ask("session").json
    assert (told["place"], told["problem"], told["work"]) == ("none", "", None)
    assert [(part["name"], part["state"]) for part in told["parts"]] == [
        ("kafka", "stopped"),
        ("spark", "stopped"),
        ("supervisor", "stopped"),
    ]
    assert told["attach"] == "import skysieve; sky = skysieve.attach()"


@pytest.mark.parametrize("path", LISTS)
def test_without_a_session_a_list_says_how_to_start_one(idle, path):
    answer = idle.ask(path)
    assert answer.status == 503
    assert "skysieve up" in answer.message


def test_a_log_that_is_not_there_is_said_not_to_be(idle):
    answer = idle.ask("session/logs/kafka")
    assert (answer.status, answer.body) == (200, b"(no log)")
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("path", LISTS)
def test_a_kafka_that_refuses_is_named(unreachable, path):
    answer = unreachable.ask(path)
    assert answer.status == 503
    assert "No Kafka broker answers at 127.0.0.1:" in answer.message


def test_the_session_says_which_part_cannot_be_reached(unreachable):
    with unreachable.changes() as told:
        told.next()
    assert told.session["place"] == "remote"
    assert told.states == {"kafka": "unreachable", "spark": "unreachable", "supervisor": "unknown"}
    assert "No Kafka broker answers" in told.session["problem"]


def test_no_token_of_an_address_is_told_or_logged(unreachable):
    told = unreachable.ask("session").json
    assert told["spark"] == "sc://127.0.0.1:1"
    assert "hidden-token" not in str(told)
    assert "hidden-token" not in unreachable.log


def test_a_session_elsewhere_is_not_started_from_here(unreachable):
    answer = unreachable.ask("session/start", "POST", {})
    assert answer.status == 409
    assert "where it runs" in answer.message


def test_a_kafka_that_says_nothing_is_given_up_and_holds_up_nothing_else(silent):
    begun = time.monotonic()
    answer = silent.ask("streams")
    took = time.monotonic() - begun
    assert answer.status in (503, 504)
    assert "Kafka" in answer.message
    assert took < 30
    with silent.changes() as told:  # which asks the same Kafka all the while
        begun = time.monotonic()
        for _ in range(20):
            assert silent.ask("session/logs/kafka").status == 200
        assert time.monotonic() - begun < 5
        told.next()
    assert told.states["kafka"] == "unreachable"


def test_a_remote_session_is_checked_before_it_is_shown(idle):
    refused = idle.ask("session/remote", "PUT", {"spark": "sc://127.0.0.1:1", "kafka": "127.0.0.1:1"})
    assert refused.status == 503
    assert "No Kafka broker answers at 127.0.0.1:1" in refused.message
    assert idle.ask("session").json["place"] == "none"


@pytest.mark.parametrize(
    "asked",
    [
        {"spark": "sc://host:1;token=secret-token", "kafka": "host:1"},
        {"spark": "http://host", "kafka": "host:1"},
        {"spark": "sc://host:1", "kafka": "user:secret-token@host:1"},
        {"spark": "sc://host:1", "kafka": "host:1", "password": ["secret-token"]},
        {"spark": "sc://host:1", "kafka": "host:1", "sasl.jaas.config": "secret-token"},
        '{"password": "secret-token", ',
    ],
)
def test_what_is_no_remote_session_is_refused_without_repeating_it(idle, asked):
    refused = idle.ask("session/remote", "PUT", asked)
    assert refused.status == 400
    assert "secret-token" not in refused.message
    assert "secret-token" not in idle.log


def test_a_user_without_a_password_is_refused_as_everywhere(idle):
    asked = {"spark": "sc://host:1", "kafka": "127.0.0.1:1", "user": "ada", "protocol": "SASL_SSL"}
    refused = idle.ask("session/remote", "PUT", asked)
    assert refused.status == 503
    assert "needs a user and a password" in refused.message


@pytest.mark.parametrize("query", ["start=-1", "start=x", "count=1e9", "count=%3Cb%3E"])
def test_a_page_is_asked_for_in_whole_numbers(unreachable, query):
    answer = unreachable.ask(f"filters?{query}")
    assert answer.status in (400, 503)


@pytest.mark.parametrize("body", ["[]", "{", '{"version": "../x"}', '{"version": 5}', '{"more": 1}'])
def test_a_body_that_makes_no_sense_is_told_so(unreachable, body):
    assert unreachable.ask("filters/x/rollback", "POST", body).status == 400


def test_nothing_of_it_needs_spark_and_jupyter_does_not_wait_for_pandas():
    program = """
import sys
import skysieve.server
from skysieve.server import handlers, panel
print("pandas" in sys.modules)
from skysieve.packets import formats
from skysieve.server import filters, matches, streams
formats.get("ztf"), formats.get("lsst").columns()
print("pyspark" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
