"""Which session is shown, and what is told of it."""

import ast

import pytest
from skysieve import local
from skysieve.engine.status import SupervisorStatus
from skysieve.engine.values import now
from skysieve.home import Home
from skysieve.server.models import Remote
from skysieve.server.place import Place
from skysieve.server.work import Works


@pytest.fixture
def place(tmp_path, monkeypatch):
    for name in ("SKYSIEVE_KAFKA", "SKYSIEVE_SPARK"):
        monkeypatch.delenv(name, raising=False)
    return Place(Home.at(tmp_path))


def supervisor(place, told):
    return next(part for part in place.session(told).parts if part.name == "supervisor")


def test_the_line_that_attaches_to_a_named_session_is_nothing_but_that(place):
    place.named = Remote(spark='sc://host"+evil+":1', kafka='host"+evil:9092', password="secret")
    line = place.session({}).attach
    assert "secret" not in line
    call = ast.parse(line).body[1].value
    assert [one.value for one in call.args] == ['sc://host"+evil+":1']
    assert [(one.arg, one.value.value) for one in call.keywords] == [("kafka", 'host"+evil:9092')]


def test_no_password_is_shown_where_a_session_is(place):
    place.named = Remote(spark="sc://host:1", kafka="host:9092", user="ada", password="secret")
    assert "secret" not in repr(place)
    assert "secret" not in repr(place.named)
    assert "secret" not in place.session({}).model_dump_json()


def test_a_supervisor_elsewhere_is_known_by_its_sign_of_life(place, monkeypatch):
    monkeypatch.setenv("SKYSIEVE_KAFKA", "127.0.0.1:1")
    assert supervisor(place, {}).state == "stopped"
    alive = SupervisorStatus(session="s", pid=1, heartbeat=now())
    assert supervisor(place, {"/supervisor": alive.model_dump_json().encode()}).state == "running"
    silent = alive.model_copy(update={"heartbeat": now().replace(year=2020)})
    told = supervisor(place, {"/supervisor": silent.model_dump_json().encode()})
    assert told.state == "stopped"
    assert "sign of life" in told.reason
    assert supervisor(place, {"/supervisor": b"<img>"}).state == "stopped"


def test_a_supervisor_that_waits_for_spark_says_so_wherever_it_runs(place, monkeypatch):
    waiting = SupervisorStatus(session="", pid=9, heartbeat=now(), waiting="No Spark Connect server answers.")
    told = {"/supervisor": waiting.model_dump_json().encode()}
    monkeypatch.setattr(local, "pids", lambda home: {"kafka": 7, "spark": 8, "supervisor": 9})
    found = supervisor(place, told)
    assert (found.state, found.waits_for, found.reason) == ("waiting", "spark", waiting.waiting)
    monkeypatch.setattr(local, "pids", lambda home: {"kafka": 7, "spark": 8, "supervisor": 10})
    assert supervisor(place, told).state == "running"  # that was said by the one before it
    monkeypatch.setenv("SKYSIEVE_KAFKA", "127.0.0.1:1")
    assert supervisor(place, told).state == "waiting"


@pytest.mark.parametrize("missing", ["kafka", "spark"])
def test_a_supervisor_here_waits_for_the_part_that_does_not_run(place, monkeypatch, missing):
    pids = {"kafka": 7, "spark": 8, "supervisor": 9}
    monkeypatch.setattr(local, "pids", lambda home: {k: v for k, v in pids.items() if k != missing})
    found = supervisor(place, {})
    assert (found.state, found.waits_for) == ("waiting", missing)


def test_after_a_crash_the_parts_that_are_left_are_shown(place, monkeypatch):
    monkeypatch.setattr(local, "pids", lambda home: {"kafka": 7})
    told = place.session({})
    assert told.place == "local"
    assert [(part.name, part.state) for part in told.parts] == [
        ("kafka", "running"),
        ("spark", "stopped"),
        ("supervisor", "stopped"),
    ]


def test_a_start_that_fails_ends_with_its_reason(tmp_path):
    import asyncio

    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    seen = []

    async def start():
        works = Works(Home.at(blocked), lambda: seen.append(works.last))
        works.begin("start")
        while works.last.state == "running":
            await asyncio.sleep(0.05)
        return works.last

    ended = asyncio.run(start())
    assert ended.state == "failed"
    assert "files cannot be kept in" in ended.error
    assert seen[0].state == "running"
