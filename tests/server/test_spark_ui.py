"""Spark's own web pages under Jupyter's address: whole, for nobody else, and never of another host."""

from __future__ import annotations

import json
import re
import socket
import urllib.error
import urllib.request
from contextlib import closing
from dataclasses import replace

import pytest
from skysieve import local
from skysieve.errors import SessionError
from skysieve.local import spark_ui
from skysieve.server.place import Place
from skysieve.server.spark_ui import _where

from .jupyter import jupyter

BASE = "/user/ada/"


@pytest.fixture(scope="module")
def beside(started, home, tmp_path_factory):
    """A Jupyter server whose address does not begin at the root, as those of a JupyterHub do not."""
    named = {"SKYSIEVE_HOME": str(home.state), "SKYSIEVE_CACHE": str(home.cache)}
    with jupyter(tmp_path_factory.mktemp("beside"), f"--ServerApp.base_url={BASE}", **named) as running:
        yield replace(running, base=BASE)


def straight(port, path="/jobs/", **headers):
    """What Spark answers to who asks it without Jupyter."""
    try:
        with urllib.request.urlopen(
            urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers), timeout=20
        ) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_a_page_comes_and_all_its_links_lead_to_where_it_is(beside):
    page = beside.ask("spark/jobs/")
    assert page.status == 200
    assert page.headers["content-type"].startswith("text/html")
    text = page.body.decode()
    assert "Spark Jobs" in text
    links = re.findall(r"""(?:href|src)=["']([^"'#]+)["']""", text)
    assert len(links) > 10
    assert [one for one in links if not one.startswith((f"{BASE}skysieve/spark/", "http", "?"))] == []
    script = next(one for one in links if one.endswith(".js")).removeprefix(f"{BASE}skysieve/")
    assert (
        beside.ask(script).headers["content-type"].startswith(("text/javascript", "application/javascript"))
    )


@pytest.mark.parametrize("page", ["stages", "environment", "executors", "SQL", "StreamingQuery", "connect"])
def test_every_tab_comes(beside, page):
    assert beside.ask(f"spark/{page}/").status == 200


def test_a_redirect_stays_here(beside):
    answer = beside.ask("spark/")
    assert answer.status == 302
    assert answer.headers["location"] == f"{BASE}skysieve/spark/jobs/"


@pytest.mark.parametrize("token", ["", "wrong"])
@pytest.mark.parametrize(
    "path", ["spark/", "spark/jobs/", "spark/static/webui.css", "spark/api/v1/applications"]
)
def test_nobody_sees_it_without_jupyters_token(beside, path, token):
    assert beside.ask(path, token=token).status == 403


def test_who_shares_the_machine_sees_nothing_at_sparks_port(running):
    port = running.spark_ui
    for path in ("/jobs/", "/api/v1/applications", "/static/webui.css", "/metrics/json/"):
        assert straight(port, path) == 403
    assert straight(port, Authorization=spark_ui.authorization("another token")) == 403
    assert straight(port, Authorization=spark_ui.authorization(running.token)) == 200


def test_neither_token_nor_key_can_be_read_in_the_pages(beside, running):
    (application,) = json.loads(beside.ask("spark/api/v1/applications").body)
    at = f"spark/api/v1/applications/{application['id']}/environment"
    shown = "".join(beside.ask(path).body.decode() for path in (at, "spark/environment/"))
    assert "JWSFilter" in shown
    assert running.token not in shown
    assert (
        spark_ui.settings(1, running.token)["spark.org.apache.spark.ui.JWSFilter.param.secretKey"]
        not in shown
    )


def test_no_address_leads_to_another_host(beside):
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        other.settimeout(1)
        host = f"127.0.0.1:{other.getsockname()[1]}"
        for path in (
            f"/{host}/",
            f"@{host}/",
            f":{host}/",
            f"http://{host}/",
            f"%2f%2f{host}",
            f"\\{host}",
            f"%0d%0aHost:{host}",
        ):
            answer = beside.ask(f"spark/{path}")
            assert answer.status in (302, 400, 404, 500), path
            assert answer.headers.get("location", BASE).startswith(BASE)
        with pytest.raises(TimeoutError):
            other.accept()


def test_a_stranger_on_the_port_is_not_asked(home, running, monkeypatch):
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        moved = replace(running, spark_ui=other.getsockname()[1])
        monkeypatch.setattr(local, "running", lambda _: moved)
        with pytest.raises(SessionError, match="serves no pages"):
            _where(Place(home))


def test_without_a_local_session_there_is_none(idle):
    answer = idle.ask("spark/jobs/")
    assert answer.status == 503
    assert "local session" in answer.message


def test_its_scripts_reach_nothing_else_of_jupyter(beside):
    policy = beside.ask("spark/jobs/").headers["content-security-policy"]
    here = f"127.0.0.1:{beside.port}{BASE}skysieve/spark/"
    assert f"connect-src {here};" in policy
    assert "default-src 'none'" in policy
    assert "allow-popups" not in policy
