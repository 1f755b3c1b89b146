"""With a Kafka: streams, filters and matches as they are, and what changes as it changes."""

from __future__ import annotations

import re

import pytest
from skysieve import Filter
from skysieve.deploying import deploy as deploy_filter
from skysieve.engine import registry
from skysieve.engine.registry import REGISTRY
from skysieve.engine.values import now
from skysieve.filter import made_with
from skysieve.packets import formats
from skysieve.sources import send
from skysieve.sources.surveys import simulated
from skysieve.stream_topics import rejected_topic

from .jupyter import jupyter

COUNT = 20


@pytest.fixture(scope="package")
def server(kafka, tmp_path_factory):
    with jupyter(tmp_path_factory.mktemp("live"), SKYSIEVE_KAFKA=kafka) as running:
        yield running


@pytest.fixture
def filled(topics, stream):
    send(simulated("lsst", count=COUNT, seed=5), stream, topics.bootstrap)
    return stream


@pytest.fixture
def deploy(topics, name, stream):
    """Deploys filters without asking Spark, and removes them."""

    def deployed(where="diaSource.snr > 20"):
        return deploy_filter(topics, Filter(name, where, stream=stream), "ada")

    yield deployed
    registry.unregister(topics, name)


def row(server, kind, name):
    start = 0
    while True:
        page = server.ask(f"{kind}?start={start}&count=500").json
        found = [one for one in page["items"] if one["name"] == name]
        start += len(page["items"])
        if found or start >= page["total"]:
            return found[0] if found else None


def test_the_status_is_that_of_the_command_line_without_processes(server, stream, kafka):
    told = server.ask("status").json
    assert list(told) == ["kafka", "spark", "streams", "filters"]
    assert told["kafka"] == kafka
    assert stream in told["streams"]


def test_a_stream_tells_what_it_holds(server, topics, filled):
    topics.create({rejected_topic(filled): 1})
    topics.write(rejected_topic(filled), [("x", b"no packet"), ("y", b"nor this")])
    told = row(server, "streams", filled)
    assert (told["packets"], told["rejected"]) == (COUNT, 2)
    newest = max(record.timestamp for record in topics.last(filled, COUNT))
    assert told["newest"].startswith(newest.strftime("%Y-%m-%dT%H:%M:%S"))
    assert told["retention_seconds"] == 7 * 86_400


def test_the_columns_of_a_stream_have_types_units_and_descriptions(server, filled):
    page = server.ask(f"streams/{filled}/columns").json
    (flux,) = [one for one in page["items"] if one["name"] == "diaSource.psfFlux"]
    assert (flux["type"], flux["unit"]) == ("float", "nJy")
    assert "flux" in flux["description"].lower()
    assert page["total"] == len(page["items"]) > 200
    part = server.ask(f"streams/{filled}/columns?start=3&count=2").json
    assert part["items"] == page["items"][3:5]
    assert part["total"] == page["total"]


def test_the_values_of_a_column_are_those_of_the_newest_alerts(server, topics, filled):
    told = server.ask(f"streams/{filled}/values?column=diaSource.diaSourceId").json
    assert told["read"] == len(told["values"]) == COUNT
    newest = {
        formats.get("lsst").read(r.value)[0]["diaSource"]["diaSourceId"] for r in topics.last(filled, 20)
    }
    assert set(told["values"]) == {str(one) for one in newest}
    assert server.ask(f"streams/{filled}/values?column=diaSource.psfFlux").json["unit"] == "nJy"
    assert server.ask(f"streams/{filled}/values?column=cutoutScience").json["values"][0].endswith("bytes")
    misspelt = server.ask(f"streams/{filled}/values?column=diaSource.psfFlx")
    assert (misspelt.status, "Did you mean diaSource.psfFlux" in misspelt.message) == (404, True)
    derived = next(
        one["name"]
        for one in server.ask(f"streams/{filled}/columns").json["items"]
        if one["name"].startswith("derived.")
    )
    assert "worked out by Spark" in server.ask(f"streams/{filled}/values?column={derived}").message


def test_a_stream_that_is_not_there_is_told_with_the_nearest(server, stream):
    answer = server.ask(f"streams/{stream}x/columns")
    assert answer.status == 404
    assert f"Did you mean {stream}" in answer.message


def test_a_filter_tells_state_version_and_owner(server, deploy, name, stream):
    deploy("diaSource.snr > 10")
    found = deploy("diaSource.snr > 20")
    told = row(server, "filters", name)
    assert (told["stream"], told["version"], told["versions"]) == (stream, found.version, 2)
    assert (told["owner"], told["wanted"], told["output_topic"]) == ("ada", "running", f"filter.{name}")


def test_versions_source_and_difference(server, deploy, name, stream):
    old = deploy("diaSource.snr > 10\nAND diaSource.reliability > 0.5").version
    new = deploy("diaSource.snr > 20\nAND diaSource.reliability > 0.5").version
    versions = server.ask(f"filters/{name}/versions").json["items"]
    assert [(one["version"], one["current"]) for one in versions] == [(new, True), (old, False)]
    source = server.ask(f"filters/{name}/source").json["cell"]
    assert source == f"%%filter {name} --stream {stream}\ndiaSource.snr > 20\nAND diaSource.reliability > 0.5"
    assert "snr > 10" in server.ask(f"filters/{name}/source?version={old}").json["cell"]
    lines = server.ask(f"filters/{name}/difference?old={old}&new={new}").json["lines"]
    assert [(one["kind"], one["text"]) for one in lines] == [
        ("removed", "diaSource.snr > 10"),
        ("added", "diaSource.snr > 20"),
        ("same", "AND diaSource.reliability > 0.5"),
    ]
    assert server.ask(f"filters/{name}/source?version=none").status == 404


def test_two_panels_hear_within_moments_what_one_of_them_does(server, deploy, name):
    old = deploy("diaSource.snr > 10").version
    new = deploy("diaSource.snr > 20").version
    with server.changes() as one, server.changes() as other:
        for listener in (one, other):
            listener.until(lambda told: name in told.filters)
        assert server.ask(f"filters/{name}/stop", "POST", {}).status == 202
        for listener in (one, other):
            listener.until(lambda told: told.filters[name]["wanted"] == "stopped")
        assert server.ask(f"filters/{name}/rollback", "POST", {"version": old[:6]}).status == 202
        for listener in (one, other):
            listener.until(lambda told: told.filters[name]["version"] == old)
        assert server.ask(f"filters/{name}/start", "POST", {}).status == 202
        assert one.filters[name]["versions"] == 2
        assert new != old
        assert server.ask(f"filters/{name}", "DELETE").status == 204
        for listener in (one, other):
            listener.until(lambda told: name not in told.filters)


def test_packets_per_second_come_with_the_changes(server, topics, stream):
    with server.changes() as told:
        told.until(lambda seen: stream in seen.streams)
        send(simulated("lsst", count=COUNT, seed=6), stream, topics.bootstrap)
        told.until(lambda seen: (seen.streams[stream]["packets_per_second"] or 0) > 0)
    assert told.streams[stream]["packets"] == COUNT


def test_who_comes_later_is_told_everything_at_once(server, deploy, name):
    deploy()
    with server.changes() as first:
        first.until(lambda told: name in told.filters)
        with server.changes() as later:
            told = later.next()
    assert told["anew"]
    assert name in later.filters


def test_a_filter_that_is_not_there_cannot_be_acted_on(server, name):
    for method, path in (("POST", "stop"), ("POST", "start"), ("POST", "rollback"), ("GET", "matches")):
        answer = server.ask(f"filters/{name}/{path}", method, {} if method == "POST" else None)
        assert (answer.status, name in answer.message) == (404, True)
    assert server.ask(f"filters/{name}", "DELETE").status == 404


def test_there_is_no_version_before_the_first(server, deploy, name):
    deploy()
    answer = server.ask(f"filters/{name}/rollback", "POST", {})
    assert answer.status == 503
    assert "no version before" in answer.message


@pytest.fixture
def matched(topics, filled, name, deploy):
    """A filter with five matches, put there as a bank would, the newest with markup in what is sent along."""
    topics.create({f"filter.{name}": 1})  # first, or else the supervisor may, with more partitions
    deploy()
    producer_records = topics.last(filled, 5)
    for record in producer_records:
        topics.write(f"filter.{name}", [("", record.value)])
    return producer_records


def test_matches_are_told_newest_first_with_ids_that_no_browser_rounds(server, topics, matched, name):
    page = server.ask(f"filters/{name}/matches?count=3").json
    assert (len(page["items"]), page["total"]) == (3, 5)
    assert [one["offset"] for one in page["items"]] == ["4", "3", "2"]
    newest = page["items"][0]
    assert re.fullmatch(r"\d{15,19}", newest["id"])
    assert -90 <= newest["dec"] <= 90
    picture = server.ask(f"filters/{name}/matches/0/{newest['offset']}/picture")
    assert picture.status == 200, picture.body
    assert picture.headers["content-type"] == "image/png"
    assert picture.body.startswith(b"\x89PNG")
    assert server.ask(f"filters/{name}/matches/0/99/picture").status == 503


def test_a_match_that_cannot_be_decoded_says_why(server, topics, matched, name):
    topics.write(f"filter.{name}", [("", b"<img src=x onerror=alert(1)>")])
    newest = server.ask(f"filters/{name}/matches?count=1").json["items"][0]
    assert newest["problem"]
    assert newest["id"] == ""


def test_a_record_of_the_registry_that_nobody_can_read_is_told_and_stops_nothing(
    server, topics, deploy, name
):
    deploy()
    strange = "<img src=x onerror=alert(1)>"
    topics.write(REGISTRY, [(strange, b"{}"), ("../../x", b"[]")])
    try:
        with server.changes() as told:
            told.until(lambda seen: strange in seen.filters and name in seen.filters)
        assert told.filters[strange]["state"] == "failed"
        assert "cannot be read" in told.filters[strange]["error"]
        assert server.ask(f"filters/{name}/source").status == 200
    finally:
        registry.unregister(topics, strange)
        registry.unregister(topics, "../../x")


def test_three_hundred_filters_come_in_pages(server, topics, stream):
    known = now()
    made = made_with("")
    records = []
    for number in range(300):
        spec = Filter(f"many-{number:03}", f"diaSource.snr > {number}", stream=stream, made_with=made)
        version = registry.Version(version=spec.version, where=spec.where, deployed=known)
        record = registry.Registered(
            name=spec.name,
            stream=stream,
            owner="ada",
            wanted="stopped",
            start="latest",
            run="0",
            versions=(version,),
            current=spec.version,
        )
        records.append((spec.name, record.model_dump_json().encode()))
    topics.write(REGISTRY, records)
    try:
        page = server.ask("filters?start=100&count=100").json
        assert len(page["items"]) == 100
        assert page["total"] >= 300
        with server.changes() as told:
            told.until(lambda seen: sum(name.startswith("many-") for name in seen.filters) == 300)
    finally:
        topics.write(REGISTRY, [(name, None) for name, _ in records])
