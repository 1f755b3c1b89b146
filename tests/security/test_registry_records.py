"""Whoever can write to the registry may run filters; what else they write there harms nobody."""

from __future__ import annotations

import json
import pickle

import offline
import pytest
from conftest import delivered
from skysieve import Filter
from skysieve.brokers import check_twin
from skysieve.engine import registry
from skysieve.engine.book import StatusBook
from skysieve.engine.registry import REGISTRY, STREAM, Registered, Version
from skysieve.engine.status import STATUS, StreamStatus, status_of
from skysieve.engine.values import now
from skysieve.errors import DeploymentError, FilterError, SessionError, StreamError
from skysieve.filter import check_name
from skysieve.local.process import Daemon
from skysieve.overview import filters_of
from skysieve.sources import send, simulate
from skysieve.stream_topics import make_stream
from skysieve_widgets import deployment_html

HOSTILE = [
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "..",
    ".",
    "a.b",
    "a/b",
    "a\nb",
    "\x1b[2J",
    "a b",
    "Ä",
]


class Dropper:
    """What would leave a file behind, were it ever unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (open, (self.path, "w"))


def record(name, where="diaSource.snr > 20", made_with=None, **changes):
    version = Version(version="one", where=where, made_with=made_with or {}, deployed=now())
    said = {"owner": "somebody", "wanted": "running", "start": "latest", "run": registry.new_run()}
    stated = {"stream": "lsst-alerts", "versions": (version,), "current": "one", **said, **changes}
    return Registered(name=name, **stated)


def as_bytes(found):
    return found.model_dump_json().encode()


@pytest.mark.parametrize("name", HOSTILE)
def test_no_filter_has_a_name_that_is_more_than_a_name(name):
    with pytest.raises(FilterError, match="no legal filter name"):
        check_name(name)
    with pytest.raises(DeploymentError, match=r"cannot be read: .* is no legal filter name"):
        registry.read(name, as_bytes(record(name)))


def test_a_record_under_another_s_name_is_refused():
    with pytest.raises(DeploymentError, match="record of 'bright' cannot be read: it is that of 'other'"):
        registry.read("bright", as_bytes(record("other")))


@pytest.mark.parametrize(
    "value",
    [b"", b"null", b"[]", b"{}", b"\xff\xfe", b"<script>", json.dumps({"name": "bright"}).encode()],
)
def test_what_is_no_record_is_refused(value):
    with pytest.raises(DeploymentError, match="record of 'bright' cannot be read"):
        registry.read("bright", value)


def test_a_record_whose_current_version_is_not_there_is_refused():
    with pytest.raises(DeploymentError, match="no version of that name"):
        registry.read("bright", as_bytes(record("bright", current="two")))


def test_a_pickle_is_never_loaded(tmp_path):
    trace = tmp_path / "loaded"
    with pytest.raises(DeploymentError, match="cannot be read"):
        registry.read("bright", pickle.dumps(Dropper(trace)))
    assert not trace.exists()


@pytest.mark.parametrize("checkpoint", ["../../home", "/etc", "", ".", "a/b", "x" * 40])
def test_a_checkpoint_is_no_path(checkpoint):
    with pytest.raises(ValueError, match="checkpoint"):
        StreamStatus(covered_from={}, position={}, checkpoint=checkpoint)


@pytest.mark.parametrize(
    ("one", "other"), [("a.b", "a_b"), ("filter.bright", "filter_bright"), ("a._b", "a_.b")]
)
def test_topics_that_kafka_takes_for_the_same_are_told_apart(one, other):
    with pytest.raises(SessionError, match="they differ only in"):
        check_twin(one, ["x", other])
    check_twin(one, ["x", one, "a-b"])


@pytest.mark.parametrize("name", ["filter_bright", "__own", "_._own", "alerts_rejected", "alerts.rejected"])
def test_a_stream_takes_no_name_that_stands_in_the_way_of_another_topic(topics, name):
    with pytest.raises(StreamError, match="uses for something else"):
        make_stream(topics, name)


def test_nor_the_twin_of_a_stream(topics, name):
    make_stream(topics, f"{name}.a_b")
    with pytest.raises(SessionError, match=f"no topic '{name}_a.b' beside '{name}.a_b'"):
        make_stream(topics, f"{name}_a.b")


def test_a_topic_of_an_illegal_name_is_an_error_that_says_so(topics):
    with pytest.raises(SessionError, match="takes no topic 'a b': the name is illegal"):
        topics.create({"a b": 1})


@pytest.fixture
def rubbish(topics, stream, name, tmp_path):
    """The registry with records that nobody but an enemy writes; taken out at the end."""
    trace = tmp_path / "loaded"
    bad = {one: as_bytes(record(one)) for one in HOSTILE}
    bad |= {
        f"{name}-pickle": pickle.dumps(Dropper(trace)),
        f"{name}-other": as_bytes(record("another")),
        f"{name}-empty": b"",
        f"{name}-deep": as_bytes(record(f"{name}-deep", where="(" * 400 + "snr > 1" + ")" * 400)),
        f"{name}-start": as_bytes(record(f"{name}-start")).replace(b'"latest"', b'"some day"'),
        "": b"{}",
        "/": b"\x80",
        f"{STREAM}{name}-nowhere": b"\x80\x04",
    }
    topics.write(REGISTRY, list(bad.items()))
    yield trace
    topics.write(REGISTRY, [(one, None) for one in bad])


def test_records_that_cannot_be_read_stop_nobody_else(
    sky, topics, stream, name, deployed, rubbish, home, running
):
    deployed.append(sky.deploy(Filter(name, "diaSource.diaSourceId IS NOT NULL", stream)).wait("running"))
    packets = [alert.packet for alert in simulate(20, seed=51, pool=10)]
    send(packets, stream, topics.bootstrap)
    assert sorted(r.value for r in delivered(deployed[0], 20)) == sorted(p.value for p in packets)
    assert len({offline.alert(p.value)["diaSource"]["diaSourceId"] for p in packets}) == 20
    listed = [one["name"] for one in filters_of(topics)]
    assert name in listed
    assert not set(listed) & {*HOSTILE, *(f"{name}-{kind}" for kind in ("pickle", "other", "deep", "start"))}
    log = Daemon(home, "supervisor").log.read_text()
    assert f"The registry's record of '{name}-pickle' cannot be read" in log
    assert f"The registry's record of '{name}-other' cannot be read: it is that of 'another'" in log
    assert "nested too deeply" in log
    assert "'some day' is no time" in log
    assert "\x1b[2J" not in log
    assert not rubbish.exists()


def test_a_stream_whose_stated_format_cannot_be_read_is_an_error_of_its_filters_alone(
    sky, topics, stream, name, deployed
):
    other = make_stream(topics, f"{name}-other")
    topics.write(REGISTRY, [(STREAM + other, b"\x80\x04")])
    with pytest.raises(StreamError, match=f"of the format of '{other}' cannot be read; state it anew"):
        _ = sky.stream(other).format
    topics.write(REGISTRY, [(f"{name}-bad", as_bytes(record(f"{name}-bad", stream=other)))])
    deployed.append(sky.deployment(f"{name}-bad"))
    with pytest.raises(DeploymentError, match="cannot be read; state it anew"):
        deployed[0].wait("running")
    deployed.append(sky.deploy(Filter(name, "diaSource.snr > 20", stream)).wait("running"))
    sky.stream(other).state(None)


@pytest.mark.parametrize("odd", ["../../tmp", "a/b", "lsst-alerts/../../x", "<script>", "", "a\n", "x" * 250])
def test_a_record_of_a_stream_that_can_be_none_is_refused(odd):
    said = json.loads(as_bytes(record("bright"))) | {"stream": odd}
    with pytest.raises(DeploymentError, match=r"record of 'bright' cannot be read"):
        registry.read("bright", json.dumps(said).encode())


@pytest.mark.parametrize("missing", ["..", "nowhere"])
def test_a_record_of_a_stream_that_is_not_there_fails_alone(sky, topics, stream, name, deployed, missing):
    topics.write(REGISTRY, [(f"{name}-bad", as_bytes(record(f"{name}-bad", stream=missing)))])
    deployed.append(sky.deployment(f"{name}-bad"))
    deployed.append(sky.deploy(Filter(name, "diaSource.snr > 20", stream)).wait("running"))
    with pytest.raises(DeploymentError, match="There is no stream"):
        deployed[0].wait("running")


def test_one_made_with_what_no_package_can_be_called_fails_alone(sky, topics, stream, name, deployed):
    bad = record(f"{name}-bad", made_with={"": "1"}, stream=stream)
    topics.write(REGISTRY, [(bad.name, as_bytes(bad))])
    deployed.append(sky.deployment(bad.name))
    deployed.append(sky.deploy(Filter(name, "diaSource.snr > 20", stream)).wait("running"))
    with pytest.raises(DeploymentError, match="cannot be rebuilt"):
        deployed[0].wait("running")


def test_what_a_notebook_shows_of_a_deployment_is_text():
    shown = deployment_html(
        status_of(record("bright", owner="<b>"), "failed", error="<script>alert(1)</script>")
    )
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown


def test_a_filter_whose_topic_has_a_twin_fails_alone(sky, topics, stream, name, deployed):
    topics.create({f"filter_{name}-twin": 1})
    deployed.append(sky.deploy(Filter(f"{name}-twin", "diaSource.snr > 20", stream)))
    with pytest.raises(DeploymentError, match="differ only in"):
        deployed[0].wait("running")
    deployed.append(sky.deploy(Filter(name, "diaSource.snr > 20", stream)).wait("running"))


def test_a_status_that_cannot_be_read_is_passed_over(topics, name, monkeypatch):
    monkeypatch.setattr("skysieve.engine.book.STATUS", f"{name}-status")
    good = StreamStatus(covered_from={0: 1}, position={0: 1}, checkpoint="none")
    topics.create({f"{name}-status": 1})
    topics.write(
        f"{name}-status",
        [
            ("/stream/a", b"\x80"),
            ("/stream/b", good.model_dump_json().replace("none", "../../x").encode()),
            ("/stream/c", as_bytes(good)),
            ("bright", pickle.dumps({})),
        ],
    )
    book = StatusBook(topics)
    book.recall()
    assert (book.streams, book.filters) == ({"c": good}, {})
    assert STATUS == "skysieve-status"
