"""What a lookup needs to know and nobody else may see, and what it refuses to be told."""

import json

import pytest
from processes import wait_until
from skysieve.enrich import Lookup, Rest, Sql, Tap
from skysieve.enrich.base import written
from skysieve.errors import ColumnError, EnrichmentError

from .looking_up import COLUMNS, ID, KNOWN, OVER_HTTP, ready, reasons, rows
from .serving import REFUSAL


@pytest.mark.parametrize("kept", ["variable", "file of a variable", "file"])
@pytest.mark.parametrize("how", OVER_HTTP)
def test_secrets_are_read_where_it_runs_and_shown_nowhere(server, monkeypatch, tmp_path, caplog, kept, how):
    caplog.set_level("DEBUG")
    server.token = "open-sesame"
    file = tmp_path / "token"
    file.write_text("open-sesame\n")
    place = {"file": str(file)}.get(kept, "LOOKUP_TOKEN")
    headers = {"Authorization": f"Bearer ${{{place}}}"}
    service = (
        Rest(f"{server.url}/objects/{{{ID}}}", headers=headers)
        if how == "rest"
        else Tap(f"{server.url}/tap", f"SELECT * FROM hosts WHERE id IN ({{{ID}}})", headers=headers)
    )
    lookup = Lookup(service, KNOWN, pause=0.05)
    if kept != "file":
        assert reasons(lookup, 1)[0].startswith(
            "refused: neither $LOOKUP_TOKEN nor $LOOKUP_TOKEN_FILE is set"
        )
        name, value = (
            ("LOOKUP_TOKEN", "open-sesame") if kept == "variable" else ("LOOKUP_TOKEN_FILE", str(file))
        )
        monkeypatch.setenv(name, value)
    wait_until(lambda: reasons(lookup, 1) == [None], "it answers again")
    server.token = "changed"
    refused = reasons(lookup, 2)
    assert refused == ["refused: 401 Unauthorized"]
    server.token = "open-sesame"
    wait_until(lambda: reasons(lookup, 2) == [None], "it answers again")
    shown = [
        repr(lookup),
        json.dumps(written(lookup)),
        *map(repr, lookup.columns("x", COLUMNS)),
        caplog.text,
        *refused,
    ]
    assert "sesame" not in " ".join(shown)
    assert place in written(lookup)["service"]["headers"]["Authorization"]


def test_a_netrc_does_not_take_the_place_of_the_header(server, monkeypatch, tmp_path):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password mine\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("LOOKUP_TOKEN", "open-sesame")
    server.token = "open-sesame"
    spec = Rest(f"{server.url}/objects/{{{ID}}}", {"Authorization": "Bearer ${LOOKUP_TOKEN}"})
    assert reasons(Lookup(spec, KNOWN), 1) == [None]


def test_a_secret_that_a_service_repeats_is_blackened(server, monkeypatch):
    monkeypatch.setenv("LOOKUP_TOKEN", "open-sesame")
    server.answer = (400, {}, REFUSAL.format("open-sesame is wrong").encode())
    spec = Tap(
        f"{server.url}/tap",
        f"SELECT z FROM t WHERE id = {{{ID}}}",
        {"Authorization": "Bearer ${LOOKUP_TOKEN}"},
    )
    (reason,) = [row["reason"] for row in rows(Lookup(spec, {"z": "double"}), 1)]
    assert reason.startswith("refused: ")
    assert "*** is wrong" in reason


def test_a_databases_password_may_have_any_character_and_is_shown_nowhere(monkeypatch):
    monkeypatch.setenv("DB_PASSWORD", "p@ss:w/rd%20")
    spec = Sql("postgresql://reader:${DB_PASSWORD}@127.0.0.1:1/ppdb", f"SELECT z FROM t WHERE id = {{{ID}}}")
    lookup = Lookup(spec, {"z": "double"})
    (found,) = rows(lookup, 1)
    assert found["reason"].startswith(("refused: ", "down: "))
    assert "p@ss" not in repr(lookup) + json.dumps(written(lookup)) + found["reason"]


Q = f"SELECT z FROM t WHERE id IN ({{{ID}}})"


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (lambda: Sql("postgresql://me:hunter2@host/db", Q), "password stands in the URL"),
        (lambda: Sql("postgresql://me:${PW}@host/db?sslkey=${KEY}", Q), "only the password can be a secret"),
        (lambda: Sql("postgresql://me@host/db?password=hunter2", Q), "password stands in the URL"),
        (lambda: Rest("https://me:hunter2@host/{snr}"), "password stands in the URL"),
        (lambda: Rest("https://host/{snr}?api_key=hunter2"), "password stands in the URL"),
        (lambda: Rest("https://host/{snr}?api_key=${KEY}"), "do not belong in a URL"),
        (lambda: Rest("https://host/{snr}", {"Authorization": "Bearer hunter2"}), "stands in the header"),
        (lambda: Tap("https://host/tap", Q, {"X-Api-Key": "hunter2"}), "stands in the header"),
        (lambda: Rest("http://host/{snr}", {"X-Api-Key": "${KEY}"}), "must be https"),
        (lambda: Rest("https://host/objects"), "takes no column of the alert"),
        (lambda: Rest("https://{snr}/objects"), "name of its host"),
        (lambda: Rest("file:///etc/{snr}"), "begins with https://"),
        (lambda: Tap("host/tap", Q), "begins with https://"),
        (lambda: Sql("hosts.db", Q), "begins with what it is"),
        (lambda: Tap("https://host/tap", "SELECT 1"), "takes no column of the alert"),
        (lambda: Tap("https://host/tap", "SELECT 1 FROM t WHERE name = '{snr}'"), "within quotes"),
        (lambda: Sql("sqlite:///x.db", f"{Q} AND z > {{snr}}"), "this one column alone"),
        (lambda: Lookup("https://host/{snr}", KNOWN), r"asks a Tap\(…\), Sql\(…\) or Rest\(…\)"),
        (lambda: Lookup(Rest("https://host/{snr}")), "which columns a lookup gives"),
        (lambda: Lookup(Rest("https://host/{snr}"), {"z": "number"}), "cannot be of type 'number'"),
        (lambda: Lookup(Rest("https://host/{snr}"), {"reason": "string"}), "cannot be called 'reason'"),
        (lambda: Lookup(Rest("https://host/{snr}"), KNOWN, timeout=3), "has no timeout=, only time_limit"),
        (lambda: Lookup(Rest("https://host/{snr}"), KNOWN, time_limit=-1), "time_limit=-1"),
        (lambda: Lookup(Rest("https://host/{snr}"), KNOWN, keep=float("inf")), "keep=inf"),
        (lambda: ready(Lookup(Rest("https://host/{prvDiaSources}"), KNOWN)), "no number or text"),
    ],
)
def test_what_cannot_be_is_refused_and_no_secret_repeated(made, says):
    with pytest.raises(EnrichmentError, match=says) as error:
        made()
    assert "hunter2" not in str(error.value)


def test_a_column_that_the_stream_lacks_is_told_with_the_nearest():
    with pytest.raises(ColumnError, match="snr"):
        ready(Lookup(Rest("https://host/{snrr}"), KNOWN))


def test_it_is_pinned_by_what_it_asks_and_where():
    one, same, other = (
        Lookup(Rest(f"https://host/{{{ID}}}"), KNOWN, rate=rate).columns("x", COLUMNS)[0]
        for rate in (1, 1, 2)
    )
    assert one.description == same.description != other.description
    assert one.description.startswith("Redshift (REST at host, ")
    assert (one.name, one.unit) == ("x.z", "1")
