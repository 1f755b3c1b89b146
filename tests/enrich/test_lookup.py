"""External services are asked what they know; whatever they do, the answer is columns or a reason, never an error."""

import sqlite3
import threading
import time
from types import SimpleNamespace

import pyarrow as pa
import pytest
from processes import wait_until
from skysieve.enrich import Lookup, Rest, Sql, asking

from .looking_up import ASKS, ID, KNOWN, OVER_HTTP, ready, reasons, rest, rows, sql, tap
from .serving import Server


@pytest.mark.parametrize("how", ASKS)
def test_each_service_gives_what_it_knows_and_says_what_it_does_not(server, how):
    found = rows(ASKS[how](server), 1, 2**60 + 1, None, 5, 2, 1)
    none = dict.fromkeys(KNOWN)
    one = {"z": 0.5, "n": 3, "name": "a", "reason": None}
    assert found == [
        one,
        {"z": 1.5, "n": 9, "name": "c", "reason": None},
        {**none, "reason": "no key"},
        {**none, "reason": "not found"},
        {"z": None, "n": 7, "name": "O'Neill", "reason": None},
        one,
    ]
    assert rows(ASKS[how](server)) == []


@pytest.mark.parametrize(("how", "requests"), [("rest", 3), ("tap", 1), ("tap, each", 3)])
def test_an_object_is_asked_for_once_and_then_remembered(server, how, requests):
    lookup = ASKS[how](server)
    rows(lookup, 1, 1, 2, 5, 5, None)
    assert len(server.asked) == requests
    rows(lookup, 2, 5, 1)
    assert len(server.asked) == requests
    rows(lookup, 1, 3)
    assert len(server.asked) == requests + 1


def test_what_is_remembered_ends_with_its_time_and_its_number(server):
    brief, few = rest(server, keep=0), rest(server, most=1, at_once=1)
    rows(brief, 1)
    rows(brief, 1)
    assert len(server.asked) == 2
    rows(few, 1, 2)
    server.asked.clear()
    rows(few, 2)
    assert server.asked == []
    rows(few, 1)
    assert len(server.asked) == 1


@pytest.mark.parametrize(("uploads", "requests"), [(True, 1), (False, 3)])
def test_more_objects_than_a_query_can_hold_are_uploaded_where_the_service_takes_that(
    server, uploads, requests
):
    server.takes_uploads = uploads
    found = reasons(tap(server), *range(1200))
    assert [i for i, reason in enumerate(found) if reason is None] == [1, 2]
    assert len(server.asked) == requests
    assert ("TAP_UPLOAD" in server.asked[0]) == uploads


def test_what_a_service_cuts_off_is_not_taken_for_unknown(server):
    server.most = 1
    found = reasons(tap(server), 1, 2)
    assert found == [None, "refused: the service gives no more rows at once"]


@pytest.mark.parametrize("how", [how for how in ASKS if how != "rest"])
def test_of_several_rows_the_first_counts(server, how):
    with sqlite3.connect(server.database) as connection:
        connection.executemany(
            "INSERT INTO hosts VALUES (?, ?, ?, ?)", [(1, 0.6, 4, "later"), (2, 0.7, 8, "later")]
        )
    connection.close()
    assert [row["n"] for row in rows(ASKS[how](server), 2, 1)] == [7, 3]


def test_values_are_bound_or_escaped_whatever_they_hold(server, database):
    evil = ["O'Neill", "x' OR '1'='1", "a; DROP TABLE hosts", "{z}", ":keys", "ü"]
    by_name = f"name IN ({{{ID}}})"
    for lookup in (
        tap(server, by_name),
        sql(database, by_name),
        sql(database, f"name = {{{ID}}} AND 'a:b' <> ''"),
    ):
        assert reasons(lookup, *evil) == [None, *["not found"] * 5]
    server.objects = {name: {"n": 7} for name in ("a/b?c=d#e", "ü")}
    assert reasons(rest(server), "a/b?c=d#e", "ü", "1") == [None, None, "not found"]
    assert reasons(rest(server), "..")[0].startswith("refused: ")
    assert reasons(tap(server, by_name), "back\\slash") == ["refused: a text that ADQL cannot hold safely"]


def test_a_template_can_take_several_columns(server, database):
    spec = Sql(f"sqlite:///{database}", "SELECT n FROM hosts WHERE z > {diaSource.ra} AND n < {snr}")
    lookup = ready(Lookup(spec, {"n": "long"}))
    assert lookup.reads == ("diaSource.ra", "diaSource.snr")
    found = lookup.on_arrow(pa.array([0.0, 1.0, None, float("nan")]), pa.array([5.0, 10.0, 1.0, 1.0]))
    assert [row["n"] for row in found.to_pylist()] == [3, 9, None, None]
    assert [row["reason"] for row in found.to_pylist()] == [None, None, "no key", "no key"]


@pytest.mark.parametrize("how", OVER_HTTP)
def test_a_service_that_is_down_is_left_alone_for_a_while_and_found_again(database, how, monkeypatch):
    passed = 0.0
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + passed, sleep=time.sleep)
    monkeypatch.setattr(asking, "time", clock)
    server = Server(is_up=False)
    server.database, server.objects = database, {"1": {"z": 0.5}}
    lookup = ASKS[how](server, pause=100)
    others = set(threading.enumerate())
    assert reasons(lookup, 1, 2) == ["down: Connection refused"] * 2
    wait_until(lambda: others.issuperset(threading.enumerate()), "all that asked have heard it")
    server.server_activate()
    with server.running():
        assert reasons(lookup, 1) == ["down: Connection refused (not asked again yet)"]
        assert server.asked == []
        passed = 101.0
        assert reasons(lookup, 1) == [None]
        assert len(server.asked) == 1


@pytest.mark.parametrize("how", OVER_HTTP)
def test_a_service_that_is_slow_costs_one_batch_its_time_limit_and_is_found_again(server, how):
    lookup = ASKS[how](server, time_limit=0.2, pause=0.3, at_once=2)
    server.held.clear()
    assert all(one.startswith("slow: no answer") for one in reasons(lookup, 1, 2, 3, 4))
    asked = len(server.asked)
    assert all(one.endswith("(not asked again yet)") for one in reasons(lookup, *range(5, 500)))
    assert len(server.asked) == asked
    server.held.set()
    wait_until(lambda: reasons(lookup, 1, 2) == [None, None], "it answers again")


def test_a_database_that_hangs_takes_no_more_and_more_threads_and_is_found_again(database, monkeypatch):
    monkeypatch.setattr(asking, "_LONGEST", 0.01)
    lookup = sql(database, time_limit=0.05, pause=0.01, at_once=1)
    locked = sqlite3.connect(database, isolation_level=None)
    locked.execute("BEGIN EXCLUSIVE")
    said = set()
    for _ in range(10):
        said.update(reasons(lookup, 1))
        time.sleep(0.02)
    hanging = [thread for thread in threading.enumerate() if thread.name.endswith("(work)")]
    locked.close()
    assert said == {"slow: no answer within 0.05 s", "slow: earlier requests have not ended yet"}
    assert len(hanging) == 4
    wait_until(lambda: reasons(lookup, 1) == [None], "it answers again")


@pytest.mark.parametrize("how", OVER_HTTP)
@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((200, {}, b"<html>Down for maintenance"), "garbage: "),
        ((200, {}, b""), "garbage: "),
        ((200, {}, b"\xff\xfe\0\0"), "garbage: "),
        ((200, {}, b"[[[[" * 10_000), "garbage: "),
        ((403, {}, b"no"), "refused: 403 Forbidden"),
        ((400, {}, b"no"), "refused: 400 Bad Request"),
        ((429, {"Retry-After": "100"}, b""), "busy: 429 Too Many Requests"),
        ((503, {"Retry-After": "soon"}, b""), "down: 503 Service Unavailable"),
        ((500, {}, b""), "down: 500 Internal Server Error"),
        ((200, {"Content-Encoding": "gzip"}, b"no gzip"), "garbage: "),
    ],
)
def test_whatever_comes_instead_of_an_answer_is_told(server, how, answer, says):
    server.answer = answer
    found = reasons(ASKS[how](server), 1, 2, 1)
    assert all(reason.startswith(says) for reason in found), found


def test_a_service_that_fails_for_object_after_object_is_left_alone(server):
    server.answer = (500, {}, b"")
    reasons(rest(server, at_once=1), *range(100))
    assert len(server.asked) < 10
    server.answer = None
    server.objects["7"] = {"strange": 1}
    found = reasons(rest(server, at_once=2), 7, 1, 2)
    assert found == ["garbage: the answer has none of the fields z, n, name", None, None]


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ({"z": "high"}, "garbage: 'z' is a str, no double"),
        ({"n": 2.5}, "garbage: 'n' is a float, no int"),
        ({"n": True}, "garbage: 'n' is a bool, no int"),
        ({"n": 2**40}, "garbage: 'n' does not fit into int"),
        ({"z": 10**400}, "garbage: int too large to convert to float"),
        ({"name": ["a"]}, "garbage: 'name' is a list, no string"),
        ({"z": float("nan"), "n": 4.0, "name": "\ud800"}, None),
    ],
)
def test_a_value_of_another_type_is_garbage_and_spoils_its_own_row_alone(server, what, says):
    server.objects["1"] = {"z": 1.0, "n": 1, "name": "a", **what}
    assert reasons(rest(server), 1, 2) == [says, None]


def test_every_type_of_column_can_be_given(server):
    what = {"a": True, "b": 1, "c": 2**40, "d": 0.5, "e": 1e300, "f": "x"}
    server.objects["1"] = {"data": [what, {"a": False}]}
    kinds = dict(zip(what, ("boolean", "int", "long", "float", "double", "string"), strict=True))
    lookup = Lookup(Rest(f"{server.url}/objects/{{{ID}}}", under="data"), kinds)
    assert rows(lookup, 1) == [{**what, "reason": None}]


def test_a_query_that_the_service_refuses_says_so(server, database):
    assert reasons(tap(server, f"nix IN ({{{ID}}})"), 1)[0].startswith("refused: ")
    assert "nix" in reasons(tap(server, f"nix IN ({{{ID}}})"), 1)[0]
    assert reasons(sql(database, f"nix = {{{ID}}}"), 1) == ["refused: no such column: nix"]
    gone = sql(database.with_name("gone.db"))
    assert reasons(gone, 1) == ["down: unable to open database file"]
    assert not database.with_name("gone.db").exists()
    other = Lookup(Sql(f"sqlite:///{database}", f"SELECT id FROM hosts WHERE id IN ({{{ID}}})"), KNOWN)
    assert reasons(other, 1) == ["garbage: the answer has no column 'z', only id"]
    absent = Lookup(Sql("nosuch+driver://host/x", f"SELECT 1 AS z WHERE 1 = {{{ID}}}"), {"z": "int"})
    assert rows(absent, 1)[0]["reason"].startswith("refused: ")


def test_nothing_can_be_written_to_a_database(database):
    lookup = Lookup(
        Sql(f"sqlite:///{database}", f"DELETE FROM hosts WHERE id = {{{ID}}} RETURNING z"), {"z": "double"}
    )
    assert "readonly" in rows(lookup, 1)[0]["reason"]


def test_requests_keep_to_their_rate(server):
    found = reasons(rest(server, rate=2.0, time_limit=1.2), *range(10, 60))
    assert 1 <= len(server.asked) <= 4
    assert found.count("not found") == len(server.asked)
    assert set(found) == {"not found", "busy: the batch's time was over before this was asked"}


def test_a_redirection_is_followed_without_secrets_alone(server, monkeypatch):
    monkeypatch.setenv("LOOKUP_TOKEN", "sesame")
    server.answer = (302, {"Location": f"{server.url}/objects/2"}, b"")
    spec = Rest(f"{server.url}/objects/{{{ID}}}", headers={"Authorization": "Bearer ${LOOKUP_TOKEN}"})
    assert reasons(Lookup(spec, KNOWN), 1)[0].startswith("refused: 302 Found")
    assert len(server.asked) == 1
