"""Deployments: states, versions, results, and what a person reads when something cannot be."""

from datetime import UTC, datetime, timedelta

import offline
import pytest
import skysieve
from conftest import delivered
from skysieve import Filter, deploying
from skysieve.engine.registry import Version
from skysieve.engine.values import now
from skysieve.errors import ColumnError, DeploymentError, StreamError
from skysieve.sources import send, simulate
from skysieve.stream_topics import make_stream

ALL = "diaSource.diaSourceId IS NOT NULL"


@pytest.fixture
def one(sky, stream, name, deployed):
    deployed.append(sky.deploy(Filter(name, ALL, stream)))
    return deployed[0].wait("running")


def test_its_results_are_the_newest_matches_decoded_with_exact_ids(one, stream, topics):
    packets = [alert.packet for alert in simulate(30, seed=61, pool=10)]
    send(packets, stream, topics.bootstrap)
    delivered(one, 30)
    assert one.matches() == 30
    results = one.results(last=12)
    assert len(results) == 12
    assert results["diaSource.diaSourceId"].dtype == "Int64"
    alerts = {a["diaSource"]["diaSourceId"]: a for a in (offline.alert(p.value) for p in packets)}
    for _, row in results[["diaSource.diaSourceId", "diaSource.ra"]].iterrows():
        assert alerts[int(row["diaSource.diaSourceId"])]["diaSource"]["ra"] == row["diaSource.ra"]
    assert set(results["skysieve.version"]) == {one.version}
    places = list(zip(results["skysieve.source.partition"], results["skysieve.source.offset"], strict=True))
    assert len(set(places)) == 12
    assert len(one.results(last=1000)) == 30


def test_a_filter_without_matches_has_empty_results(one):
    assert one.matches() == 0
    assert len(one.results()) == 0


def test_it_is_found_by_another_session_and_its_state_is_the_same(one, topics):
    other = skysieve.Deployment(one.name, topics)
    assert other.status().state == "running"
    assert (other.version, other.output_topic, other.stream) == (one.version, one.output_topic, one.stream)
    assert other.filter == one.filter


def test_it_stops_and_starts_and_says_so(one):
    assert one.stop().wait("stopped").status().state == "stopped"
    assert one.stop().wait("stopped").status().state == "stopped"
    assert one.start().wait("running").status().state == "running"
    assert one.start().wait("running").status().state == "running"


def test_one_that_runs_cannot_be_started_in_the_past(one):
    with pytest.raises(DeploymentError, match=r"runs already: `.stop\(\)` it"):
        one.start(start="earliest")
    assert one.start().status().state == "running"


def test_the_oldest_versions_are_forgotten_before_a_record_is_too_large():
    versions = [Version(version=str(n), where="x" * 100_000, deployed=now()) for n in range(6)]
    assert [v.version for v in deploying._kept(versions)] == ["3", "4", "5"]
    assert deploying._kept([]) == ()


def test_deploying_the_same_filter_again_changes_nothing(sky, one):
    run = one.status().run
    again = sky.deploy(one.filter).wait("running")
    assert again.status().run == run
    assert len(again.versions) == 1


def test_a_changed_filter_is_a_new_version_and_rollback_goes_back(sky, one):
    first = one.version
    sky.deploy(Filter(one.name, "diaSource.ra >= 0", one.stream)).wait("running")
    second = one.version
    assert first != second
    assert list(one.versions["version"]) == [first, second]
    assert list(one.versions["current"]) == [False, True]
    assert one.rollback().wait("running").version == first
    assert one.rollback(second[:6]).wait("running").version == second
    with pytest.raises(DeploymentError, match=f"has no one version 'zzz'; it has {first}, {second}"):
        one.rollback("zzz")
    one.rollback(first)
    with pytest.raises(DeploymentError, match="has no version before"):
        one.rollback()


def test_removed_it_is_gone_and_its_matches_stay_unless_told_otherwise(sky, one, stream, topics):
    send([alert.packet for alert in simulate(5, seed=62, pool=8)], stream, topics.bootstrap)
    delivered(one, 5)
    topic = one.output_topic
    one.remove()
    assert one.name not in {d.name for d in sky.deployments}
    with pytest.raises(DeploymentError, match="No filter"):
        one.status()
    assert sum(topics.end(topic).values()) == 5
    again = sky.deploy(Filter(one.name, ALL, stream)).wait("running")
    assert list(again.versions["version"]) == [again.version]
    again.remove(results=True)
    assert topic not in topics.names()


def test_an_unknown_deployment_is_refused_with_the_nearest_name(sky, one):
    with pytest.raises(DeploymentError, match=f"Did you mean {one.name}"):
        sky.deployment(one.name + "x")


def test_a_name_belongs_to_one_stream(sky, one, topics, name):
    other = make_stream(topics, f"{name}-other")
    with pytest.raises(DeploymentError, match=f"is deployed on stream '{one.stream}'"):
        sky.deploy(Filter(one.name, ALL, other))


def test_nothing_is_registered_of_a_filter_that_cannot_run(sky, stream, name):
    with pytest.raises(ColumnError, match="Did you mean"):
        sky.deploy(Filter(name, "diaSource.snrr > 1", stream))
    with pytest.raises(StreamError, match="There is no stream"):
        sky.deploy(Filter(name, ALL, "no-such-stream"))
    with pytest.raises(DeploymentError, match="in the future"):
        sky.deploy(Filter(name, ALL, stream), start=datetime.now(UTC) + timedelta(days=1))
    with pytest.raises(StreamError, match="no time zone"):
        sky.deploy(Filter(name, ALL, stream), start="2026-01-01T00:00:00")
    assert name not in {d.name for d in sky.deployments}


def test_it_shows_its_state_and_matches_as_html(one):
    shown = one._repr_html_()
    assert one.name in shown
    assert "running" in shown
    assert one.output_topic in shown
