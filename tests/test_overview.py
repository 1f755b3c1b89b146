"""The overview: the plain value that `skysieve status --json` prints."""

import json
from dataclasses import replace

from skysieve import Filter, local
from skysieve.home import Home
from skysieve.overview import filters_of, overview, topics


def test_where_nothing_runs_it_says_nothing_runs(tmp_path):
    nothing = {"kafka": None, "spark": None, "pids": {}, "streams": [], "filters": []}
    assert overview(Home.at(tmp_path)) == nothing


def test_it_holds_addresses_processes_streams_and_filters(home, running, sky, stream, name, deployed):
    spec = Filter(name, "diaSource.snr > 20", stream=stream)
    deployed.append(sky.deploy(spec).wait("running"))
    found = overview(home)
    assert list(found) == ["kafka", "spark", "pids", "streams", "filters"]
    assert (found["kafka"], found["spark"]) == (running.kafka, running.spark)
    assert found["pids"] == running.pids
    assert list(found["pids"]) == ["kafka", "spark", "supervisor"]
    assert stream in found["streams"]
    assert spec.output_topic not in found["streams"]
    (mine,) = [one for one in found["filters"] if one["name"] == name]
    how_it_does = {part: mine.pop(part) for part in ("health", "bank", "backfill", "archive")}
    assert (how_it_does["backfill"], how_it_does["archive"]) == (None, None)
    assert mine == {
        "name": name,
        "stream": stream,
        "version": spec.version,
        "state": "running",
        "output_topic": f"filter.{name}",
        "error": None,
    }
    assert json.loads(json.dumps(found)) == found


def test_a_stopped_filter_is_listed_and_a_removed_one_is_not(sky, stream, name, deployed):
    deployed.append(sky.deploy(Filter(name, "diaSource.snr > 20", stream=stream)).wait("running"))
    deployed[0].stop().wait("stopped")
    assert [one["state"] for one in filters_of(sky.topics) if one["name"] == name] == ["stopped"]
    deployed[0].remove()
    assert [one for one in filters_of(sky.topics) if one["name"] == name] == []


def test_the_environment_s_kafka_comes_before_the_local_session_s(environment, running, monkeypatch):
    assert topics(environment).bootstrap == running.kafka
    monkeypatch.setenv("SKYSIEVE_KAFKA", "elsewhere:9092")
    assert topics(environment).bootstrap == "elsewhere:9092"


def test_a_cluster_that_the_environment_names_is_shown_without_processes(
    environment, running, monkeypatch, stream, tmp_path
):
    monkeypatch.setenv("SKYSIEVE_KAFKA", running.kafka)
    monkeypatch.setenv("SKYSIEVE_SPARK", "sc://elsewhere:15002")
    found = overview(Home.at(tmp_path))
    assert (found["kafka"], found["spark"], found["pids"]) == (running.kafka, "sc://elsewhere:15002", {})
    assert stream in found["streams"]


def test_without_a_session_and_without_the_environment_there_are_no_topics(tmp_path, monkeypatch):
    monkeypatch.delenv("SKYSIEVE_KAFKA", raising=False)
    assert topics(Home.at(tmp_path)) is None


def test_another_home_sees_nothing_of_the_session(home, running, tmp_path):
    assert local.running(replace(home, state=tmp_path)) is None
