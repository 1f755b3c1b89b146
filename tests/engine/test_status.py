"""What the status topic tells."""

import os

import pytest
from skysieve import Filter
from skysieve.engine.health import FilterHealth, QueryHealth
from skysieve.engine.registry import Registered, Version
from skysieve.engine.status import STATUS, SupervisorStatus, status_of, told
from skysieve.engine.supervisor import Supervisor
from skysieve.engine.values import now
from skysieve.errors import SessionError


def record(name="bright"):
    spec = Filter(name, "diaSource.snr > 20", stream="some-alerts")
    version = Version(version=spec.version, where=spec.where, deployed=now())
    return Registered(
        name=name,
        stream=spec.stream,
        owner="ada",
        wanted="running",
        start="latest",
        run="1",
        versions=(version,),
        current=spec.version,
    )


def test_a_filter_that_runs_is_told_with_how_it_and_its_query_do():
    health = QueryHealth(
        query="some-alerts", lag=3, updated=now(), filters={"bright": FilterHealth(judged=7)}
    )
    found = told(
        {
            "bright": status_of(record(), "running").model_dump_json().encode(),
            "/health/some-alerts": health.model_dump_json().encode(),
        }
    )
    assert found["bright"].health == FilterHealth(judged=7)
    assert found["bright"].bank.lag == 3


def test_a_record_that_cannot_be_read_hides_no_other():
    found = told(
        {
            "bright": status_of(record(), "running").model_dump_json().encode(),
            "broken": b"{}",
            "/health/some-alerts": b"<img src=x>",
            "/archive/bright": b"",
        }
    )
    assert list(found) == ["bright"]
    assert found["bright"].bank is None


def test_a_supervisor_without_spark_says_so_as_a_sign_of_life(topics):
    def refuse(_):
        raise SessionError("No Spark Connect server answers at nowhere:1.")

    waiting = Supervisor(topics, refuse, "unused")
    waiting._book.recall()
    with pytest.raises(SessionError):
        waiting._open_session()
    # the session's own supervisor gives its signs meanwhile
    signs = [
        SupervisorStatus.model_validate_json(record.value)
        for record in topics.read(STATUS, topics.begin(STATUS), topics.end(STATUS))
        if record.key == b"/supervisor"
    ]
    assert {one.waiting for one in signs if one.pid == os.getpid()} == {
        "No Spark Connect server answers at nowhere:1."
    }
