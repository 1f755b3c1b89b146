"""What the status topic tells."""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from processes import wait_until
from skysieve import Filter
from skysieve.connections import connect
from skysieve.engine.book import StatusBook
from skysieve.engine.health import FilterHealth, QueryHealth
from skysieve.engine.registry import Registered, Version
from skysieve.engine.status import SETTINGS, STATUS, SupervisorStatus, status_of, statuses, told
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


def test_the_session_of_spark_is_told_before_anything_runs_in_it(
    topics, name, started, tmp_path, monkeypatch
):
    """A supervisor that breaks off while it starts its first banks would else not find them again, and start twins."""
    monkeypatch.setattr("skysieve.engine.book.STATUS", f"{name}-status")
    begun = []

    def opened(session):
        begun.append(connect(started.spark, started.token, session))
        return begun[-1]

    first, second = (Supervisor(topics, opened, str(tmp_path)) for _ in range(2))
    for one in (first, second):
        one._book.recall()
        one._open_session()
    assert begun[0].session_id == begun[1].session_id
    begun[0].client.release_session()


def test_what_was_told_for_hours_is_not_all_read_again(topics, name):
    topics.create({name: 1}, SETTINGS)
    for number in range(24):  # 12 MB, as of an hour with a hundred filters; Kafka's cleaner wakes every 15 s
        topics.write(name, [(key, b"%d" % number + bytes(100_000)) for key in ("a", "b", "c", "d", "e")])

    def size():
        return sum(len(r.value or b"") for r in topics.read(name, topics.begin(name), topics.end(name)))

    wait_until(lambda: size() < 3e6, "the topic to be cleaned", 120)
    found = topics.newest_by_key(name)
    assert {key: value.rstrip(b"\0") for key, value in found.items()} == dict.fromkeys("abcde", b"23")


def test_what_is_told_together_is_written_at_the_end_and_other_threads_wait_for_nothing(topics, name):
    book = StatusBook(topics)
    with book.together():
        book.publish(status_of(record(f"{name}-a"), "running"))
        book.change(f"{name}-a", state="stopped")
        with ThreadPoolExecutor(1) as pool:
            pool.submit(book.publish, status_of(record(f"{name}-b"), "running")).result()
        assert {one for one in statuses(topics) if one.startswith(f"{name}-")} == {f"{name}-b"}
    assert statuses(topics)[f"{name}-a"].state == "stopped"
    with suppress(KeyError), book.together():
        book.forget(f"{name}-a")
        book.change(f"{name}-c", state="running")
    book.forget(f"{name}-b")
    assert not [one for one in statuses(topics) if one.startswith(f"{name}-")]
