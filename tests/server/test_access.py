"""Who may ask, from where, and what harm a request can do: none."""

from __future__ import annotations

import re
from http.client import HTTPConnection

import pytest
import websocket
from skysieve.server.handlers import routes
from skysieve.server.models import PARTS

from .jupyter import jupyter

FILLED = {r"([^/]+)": "bright", r"(\d{1,9})": "0", r"(\d{1,18})": "7"}
METHODS = ("get", "post", "put", "delete", "patch", "head")


def addresses():
    """Every address of the extension, with each method that it has."""
    for pattern, handler in routes("/"):
        path = pattern.replace("\\", "").removeprefix("/skysieve/")
        for part, example in FILLED.items():
            path = path.replace(part.replace("\\", ""), example)
        path = re.sub(r"\((\w+)[^)]*\)", r"\1", path)
        for method in METHODS:
            if method in vars(handler):
                yield method.upper(), path


def test_every_address_is_looked_at():
    found = set(addresses())
    assert len(found) >= len(routes("/"))
    assert ("POST", "filters/bright/stop") in found
    assert ("GET", f"session/logs/{PARTS[0]}") in found


@pytest.mark.parametrize(("method", "path"), sorted(set(addresses())))
@pytest.mark.parametrize("token", ["", "wrong"])
def test_no_request_without_the_token_succeeds(idle, method, path, token):
    assert idle.ask(path, method, token=token).status == 403


@pytest.mark.parametrize(("method", "path"), sorted(set(addresses())))
def test_not_even_where_the_server_lets_strangers_pass(tmp_path_factory, method, path, lenient):
    assert lenient.ask(path, method, token="").status == 403


@pytest.fixture(scope="module")
def lenient(tmp_path_factory):
    """One that would let pass what no handler forbids."""
    with jupyter(
        tmp_path_factory.mktemp("lenient"), "--ServerApp.allow_unauthenticated_access=True"
    ) as running:
        yield running


def cookies(server):
    """The cookies of a browser that has logged in: session and XSRF."""
    found = {}
    for path in ("/login", f"/login?token={server.token}&next=%2Fapi%2Fme"):
        connection = HTTPConnection("127.0.0.1", server.port, timeout=20)
        connection.request("GET", path)
        told = connection.getresponse().headers.get_all("Set-Cookie") or []
        found.update(one.split(";")[0].split("=", 1) for one in told)
        connection.close()
    return found


def test_a_cookie_alone_changes_nothing_and_with_the_xsrf_token_it_does(idle):
    held = cookies(idle)
    cookie = "; ".join(f"{name}={value}" for name, value in held.items())
    assert idle.ask("session", token="", Cookie=cookie).status == 200
    without = idle.ask("filters/bright/stop", "POST", {}, token="", Cookie=cookie)
    assert (without.status, "_xsrf" in without.message) == (403, True)
    allowed = idle.ask("filters/bright/stop", "POST", {}, token="", Cookie=cookie, X_XSRFToken=held["_xsrf"])
    assert allowed.status == 503  # there is no session to stop it in


ORIGINS = [
    "http://evil.example",
    "http://127.0.0.1",
    "http://127.0.0.1:1",
    "http://127.0.0.1:{port}.evil.example",
    "http://evil.example:{port}",
    "http://127.0.0.1:{port}@evil.example",
    "null",
]


@pytest.mark.parametrize("origin", ORIGINS)
def test_a_page_of_another_origin_is_refused(idle, origin):
    held = cookies(idle)
    cookie = "; ".join(f"{name}={value}" for name, value in held.items())
    origin = origin.format(port=idle.port)
    asked = {"Cookie": cookie, "X_XSRFToken": held["_xsrf"], "Origin": origin}
    assert idle.ask("session", token="", **asked).status in (403, 404)
    assert idle.ask("filters/bright/stop", "POST", {}, token="", **asked).status in (403, 404)
    with (
        pytest.raises(websocket.WebSocketBadStatusException, match="403"),
        idle.changes("", suppress_origin=False, origin=origin, cookie=cookie),
    ):
        pass


def test_its_own_origin_is_let_in(idle):
    held = cookies(idle)
    cookie = "; ".join(f"{name}={value}" for name, value in held.items())
    origin = f"http://127.0.0.1:{idle.port}"
    assert idle.ask("session", token="", Cookie=cookie, Origin=origin).status == 200
    with idle.changes("", suppress_origin=False, origin=origin, cookie=cookie) as told:
        assert told.next()["session"]["place"] == "none"


def test_a_pattern_of_origins_is_matched_as_a_whole(tmp_path):
    pattern = r"--ServerApp.allow_origin_pat=https://(lab|hub)\.example"
    with jupyter(tmp_path, pattern) as server:
        held = cookies(server)
        cookie = "; ".join(f"{name}={value}" for name, value in held.items())

        def status(origin):
            return server.ask("session", token="", Cookie=cookie, Origin=origin).status

        assert status("https://lab.example") == 200
        assert status("https://lab.example.evil.example") in (403, 404)


@pytest.mark.parametrize("token", ["", "wrong"])
def test_nobody_listens_without_the_token(idle, token):
    with pytest.raises(websocket.WebSocketBadStatusException, match="403"), idle.changes(token):
        pass


@pytest.mark.parametrize(
    "name", ["..%2f..%2fx", "%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E", "%00", "a" * 3000, "%ff", "."]
)
def test_a_strange_name_does_no_harm(unreachable, name):
    for path in (f"streams/{name}/columns", f"filters/{name}/source", f"filters/{name}/matches"):
        answer = unreachable.ask(path)
        assert answer.status in (400, 404, 503), answer.body
        assert answer.headers["content-type"].startswith("application/json")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("part", ["..%2f..%2fetc%2fpasswd", "kafka%2f..", "kafka.log"])
def test_no_file_but_the_logs_can_be_read(idle, part):
    assert idle.ask(f"session/logs/{part}").status == 404
