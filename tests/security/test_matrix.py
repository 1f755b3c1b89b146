"""Every command and every address that reads or changes something, by each user who may not: nothing happens."""

from __future__ import annotations

import re

import pytest
from conftest import small
from server.jupyter import jupyter
from skysieve import Filter, Guard
from skysieve.cli import app
from skysieve.deploying import deploy
from skysieve.engine import registry
from skysieve.engine.registry import REGISTRY
from skysieve.engine.status import STATUS
from skysieve.errors import SessionError
from skysieve.server.handlers import routes
from skysieve.sources import send
from skysieve.stream_topics import make_stream
from tornado.web import RequestHandler
from typer.testing import CliRunner

from .clusters import SIGN, STREAM, USERS, soon

NAME = "guarded"
WATCHED = (REGISTRY, STATUS, STREAM, f"{STREAM}.rejected", f"filter.{NAME}")


@pytest.fixture(scope="module")
def guarded(cluster):
    """A filter of the author's in two versions, with a match and a rejected packet; no supervisor is needed."""
    alice, author = cluster.topics("alice"), cluster.topics("author")
    registry.prepare(alice)
    make_stream(alice, STREAM)
    alice.create(dict.fromkeys((STATUS, f"{STREAM}.rejected", f"filter.{NAME}"), 1))
    for limit in (20, 30):
        deploy(author, Filter(NAME, f"diaSource.snr > {limit}", STREAM), "author", guard=Guard())
    options = alice.options.for_librdkafka()
    for topic in (STREAM, f"{STREAM}.rejected", f"filter.{NAME}"):
        assert send(small(1, 1), topic, cluster.bootstrap, options=options) == 1
    yield alice
    registry.unregister(author, NAME)


@pytest.fixture
def unchanged(guarded):
    """Whatever was tried, it has written nothing and deleted nothing."""
    before = {topic: guarded.end(topic) for topic in WATCHED}
    names = guarded.names()
    yield
    assert {topic: guarded.end(topic) for topic in WATCHED} == before
    assert guarded.names() == names


REGISTERED = f"'{REGISTRY}'"
CHANGES = (("stop", NAME), ("start", NAME), ("remove", NAME), ("rollback", NAME))
REFUSED = [
    *(("mallory", command, REGISTERED) for command in CHANGES),
    *(("bob", command, f"write to topic {REGISTERED}") for command in CHANGES if command[0] != "start"),
    ("bob", ("start", NAME), f"see topic '{STATUS}'"),
    ("mallory", ("deploy", "FILE"), f"see topic '{STREAM}'"),
    ("bob", ("deploy", "FILE"), f"write to topic {REGISTERED}"),
    *((user, ("filters",), "see topic") for user in ("mallory", "bob")),
    *((user, ("consume", NAME, "--count", "1"), "topic") for user in ("mallory", "bob")),
    ("author", ("consume", NAME, "--group", "g", "--count", "1"), "group 'g'"),
    *((user, ("redrive", STREAM), "topic") for user in ("mallory", "bob")),
    *(
        (user, command, "topic")
        for user in ("mallory", "bob", "author")
        for command in (
            ("simulate", "--stream", STREAM, "--count", "1"),
            ("replay", "FILE", "--stream", STREAM),
        )
    ),
]
ELSEWHERE = {"up", "down", "status", "supervise", "demo", "lab", "bench"}
"""Commands of a session on one's own machine, and the supervisor, who is tested in test_cluster.py."""


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(("user", "command", "says"), REFUSED, ids=lambda value: str(value)[:40])
def test_a_command_without_rights_changes_nothing_and_says_so(
    cluster, started, monkeypatch, tmp_path, user, command, says
):
    told = cluster.environment(user) | {
        "SKYSIEVE_SPARK": started.spark,
        "SPARK_CONNECT_AUTHENTICATE_TOKEN": started.token,
    }
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    file = tmp_path / "given"
    if command[0] == "deploy":
        file.write_text(f"-- name: {NAME}\n-- stream: {STREAM}\ndiaSource.snr > 5")
    else:
        file.write_bytes(small(1, 1)[0].value)
    arguments = [str(file) if one == "FILE" else one for one in command]
    if command[0] == "deploy":
        arguments += ["--name", NAME, "--stream", STREAM]
    with soon():
        done = CliRunner().invoke(app, arguments)
    assert isinstance(done.exception, SessionError), (done.output, done.exception)
    assert says in str(done.exception)
    assert f"user '{user}'" in str(done.exception)
    assert SIGN not in str(done.exception) + done.output


@pytest.fixture(scope="module", params=["mallory", "bob"])
def served(request, cluster, guarded, tmp_path_factory):
    """A Jupyter server of a user without rights."""
    with jupyter(tmp_path_factory.mktemp(request.param), **cluster.environment(request.param)) as running:
        yield request.param, running


READS = [
    *("filters", "status", f"filters/{NAME}/matches", f"filters/{NAME}/matches/0/0/picture"),
    *(f"filters/{NAME}/{part}" for part in ("source", "versions", "difference?old=1&new=2")),
    *(f"streams/{STREAM}/{part}" for part in ("columns", "values?column=diaSource.snr")),
]
ACTIONS = ["stop", "start", "rollback", "remove"]
OWN = {
    ("GET", "session"): None,
    ("POST", "session/start"): {},
    ("POST", "session/stop"): {},
    ("GET", "session/logs/kafka"): None,
    ("DELETE", "session/remote"): None,
    ("GET", "spark/jobs/"): None,
    ("GET", "tour"): None,
    ("GET", "streams"): None,
    ("POST", "draft"): {"name": "mine", "stream": STREAM, "text": "diaSource.snrr > 5"},
    ("GET", "changes"): None,
}
"""What is about the panel's own server; `changes` is asked as no WebSocket here."""
ELSEWHERE_NAMED = ("PUT", "session/remote")
"""What needs each user's own password."""


def test_every_command_and_every_address_is_tried():
    names = {command.name or command.callback.__name__ for command in app.registered_commands}
    assert names == {command[0] for _, command, _ in REFUSED} | ELSEWHERE
    tried = [*OWN, ELSEWHERE_NAMED, *(("GET", path.partition("?")[0]) for path in READS)]
    tried += [("POST", f"filters/{NAME}/{action}") for action in ACTIONS if action != "remove"]
    tried += [("DELETE", f"filters/{NAME}")]
    left = [
        (method, path)
        for path, handler in routes("/")
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
        if getattr(handler, method.lower()) is not getattr(RequestHandler, method.lower())
        and not any(method == m and re.fullmatch(path, f"/skysieve/{one}") for m, one in tried)
    ]
    assert not left


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(("method", "path"), OWN)
def test_a_panel_of_ones_own_says_nothing_of_what_one_may_not_see(served, method, path):
    user, server = served
    answer = server.ask(path, method, OWN[method, path])
    assert answer.status < 500 or "local session" in answer.message, answer.body
    assert SIGN.encode() not in answer.body
    assert user != "mallory" or path == "tour" or STREAM.encode() not in answer.body
    if path in {"session/start", "session/stop"}:
        assert (answer.status, "runs elsewhere" in answer.message) == (409, True)
    if path == "draft":
        said = " ".join(one["message"] for one in answer.json["mistakes"])
        assert ("diaSource.snr" in said) == (user == "bob"), said
    assert SIGN not in server.log


@pytest.mark.usefixtures("unchanged")
def test_a_session_that_a_panel_is_told_of_shows_what_its_user_may_see_and_no_password(
    cluster, started, served
):
    user, server = served
    method, path = ELSEWHERE_NAMED
    named = {"spark": started.spark, "kafka": cluster.bootstrap, "protocol": "SASL_SSL", "ca": cluster.ca}
    right = named | {"user": user, "password": USERS[user]}
    for wrong in ({"password": SIGN}, {"user": "alice"}, {"ca": __file__}):
        refused = server.ask(path, method, right | wrong)
        assert refused.status in (400, 503), refused.body
        assert SIGN.encode() not in refused.body
    try:
        told = server.ask(path, method, right)
        assert (told.status, told.json["place"]) == (200, "remote"), told.body
        streams = server.ask("streams")
        assert (STREAM.encode() in streams.body) == (user == "bob")
        assert server.ask(f"filters/{NAME}", "DELETE").status == 503
        assert SIGN.encode() not in told.body + streams.body + server.ask("session").body
    finally:
        assert server.ask(path, "DELETE").status == 204
    assert SIGN not in server.log


def test_changes_tell_a_panel_without_rights_of_nothing(served):
    user, server = served
    with server.changes() as changes:
        changes.until(lambda so_far: so_far.session)
    assert user != "mallory" or not changes.filters
    assert user != "mallory" or not changes.streams
    assert SIGN not in server.log


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("action", ACTIONS)
def test_a_panel_without_rights_changes_nothing_and_says_so(served, action):
    user, server = served
    if action == "remove":
        answer = server.ask(f"filters/{NAME}", "DELETE")
    else:
        answer = server.ask(f"filters/{NAME}/{action}", "POST", {})
    assert answer.status == 503
    assert f"does not let user '{user}'" in answer.message
    assert REGISTRY in answer.message or (user, action) == (
        "bob",
        "start",
    )  # who may not see the status either


@pytest.mark.parametrize("path", READS)
def test_a_panel_without_rights_shows_nothing_of_what_they_guard(served, path):
    user, server = served
    answer = server.ask(path)
    if user == "mallory":
        assert answer.status >= 400, answer.body
        assert b"diaSource" not in answer.body
    if "matches" in path:
        assert answer.status >= 400, answer.body
    assert SIGN.encode() not in answer.body
    assert SIGN not in server.log
