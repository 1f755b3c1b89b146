"""What a season without help brings: filters that fail or send too much, missing pieces, and what is told of it."""

import io
import itertools
import re
import threading
import time
import urllib.request

import fastavro
import pytest
from conftest import delivered
from processes import wait_until
from skysieve import DeploymentError, Filter, Guard
from skysieve.deploying import deploy as register
from skysieve.engine import registry
from skysieve.engine.status import supervisor
from skysieve.sources import Packet, send, simulate

ALL = "diaSource.diaSourceId IS NOT NULL"


def packets(count, seed):
    return [alert.packet for alert in simulate(count, seed=seed, pool=20)]


@pytest.fixture
def deploy(sky, stream, name, deployed):
    def deploy(where=ALL, suffix="", **more):
        deployed.append(sky.deploy(Filter(name + suffix, where, stream), **more))
        return deployed[-1].wait("running")

    return deploy


@pytest.mark.parametrize(
    "poison",
    [
        "element_at(array(1, 2), CASE WHEN diaSource.midpointMjdTai < 0 THEN 0 ELSE 1 END) = 1",
        "diaSource.midpointMjdTai > 0 OR regexp_like(diaSource.band, concat('(', diaSource.band))",
    ],
)
def test_a_filter_that_fails_on_an_alert_is_taken_out_and_the_others_lose_nothing(
    stream, topics, deploy, poison, one_with
):
    good, bad, other = deploy(suffix="-good"), deploy(poison, suffix="-bad"), deploy(suffix="-other")
    before, after = packets(30, 51), packets(20, 52)
    send(before, stream, topics.bootstrap)
    delivered(good, 30)
    send([one_with(before[0], midpointMjdTai=-1.0)], stream, topics.bootstrap)
    with pytest.raises(DeploymentError) as raised:
        bad.wait("stopped")
    said = str(raised.value)
    place = re.search(r"partition (\d+), offset (\d+)", said)
    assert place, said
    ends = topics.end(stream)
    odd = [topics.one(stream, p, end - 1) for p, end in ends.items()]
    assert place.groups() in {(str(r.partition), str(r.offset)) for r in odd if r.key == b"odd"}
    send(after, stream, topics.bootstrap)
    for one in (good, other):
        wait_until(lambda one=one: len({place_of(r) for r in one.records(500)}) == 51, "all matches")
    assert bad.status().state == "failed"
    wait_until(lambda: (bank := good.status().bank) is not None and bank.restarts >= 1, "a look at the bank")


def place_of(record):
    headers = dict(record.headers)
    return headers["skysieve.source.partition"], headers["skysieve.source.offset"]


@pytest.fixture
def one_with():
    """A packet with other values."""
    import offline

    def made(packet, **values):
        alert = offline.alert(packet.value)
        alert["diaSource"] |= values
        return Packet(offline.packet(alert, int.from_bytes(packet.value[1:5], "big")), b"odd")

    return made


def test_a_filter_over_its_guard_is_paused_with_the_reason_and_can_be_let_on(sky, stream, topics, deploy):
    calm = deploy("diaSource.ra < 0", suffix="-calm")
    loud = deploy(suffix="-loud", guard=Guard(share=0.5, after=40))
    is_paused = threading.Event()
    endless = itertools.takewhile(lambda _: not is_paused.is_set(), itertools.cycle(packets(200, 53)))
    flow = threading.Thread(target=send, args=(endless, stream, topics.bootstrap), kwargs={"rate": 60})
    flow.start()
    wait_until(lambda: loud.status().state == "paused", "a pause")
    time.sleep(2)
    is_paused.set()
    assert "of the last" in loud.status().error
    assert "allows 50 %" in str(loud)
    assert calm.status().state == "running"
    with pytest.raises(DeploymentError, match="is paused: It passed"):
        loud.wait("running")
    flow.join()
    assert loud.matches() < sum(topics.end(stream).values())
    loud.start().wait("running")
    run = loud.status().run
    sky.deploy(loud.filter).wait("running")
    assert loud.status().run == run
    rest = packets(10, 54)
    before = loud.matches()
    send(rest, stream, topics.bootstrap)
    delivered(loud, before + 10)


def test_a_paused_filter_runs_again_when_it_is_deployed_with_a_wider_guard(sky, stream, topics, deploy):
    loud = deploy(guard=Guard(share=0.5, after=40))
    send(packets(60, 61), stream, topics.bootstrap)
    send(packets(200, 62), stream, topics.bootstrap, rate=50)
    wait_until(lambda: loud.status().state == "paused", "a pause")
    sky.deploy(loud.filter, guard=Guard(share=1)).wait("running")
    before = loud.matches()
    send(packets(10, 63), stream, topics.bootstrap)
    delivered(loud, before + 10)


def test_the_status_tells_rates_lag_latency_and_drift(sky, stream, topics, name, deployed):
    send(packets(200, 55), stream, topics.bootstrap)
    spec = Filter(name, "diaSource.snr > -1e9", stream)
    seen = sky.preview(spec)
    assert seen.passed == 200
    one = sky.deploy(spec).wait("running")
    deployed.append(one)
    send(packets(400, 56), stream, topics.bootstrap, rate=50)
    wait_until(lambda: (h := one.status().health) is not None and h.judged >= 250, "health")
    status = one.status()
    assert 0.85 < status.health.pass_rate < 1.15  # a look falls into the midst of a micro-batch
    assert 5 < status.health.judged_per_second < 200
    assert status.health.last_match is not None
    assert 0 < status.bank.latency_median <= status.bank.latency_p99
    assert not status.bank.in_python
    for said in (str(one), one._repr_html_()):
        assert "alerts passed" in said
        assert "s median" in said


def test_prometheus_reads_the_same(sky, topics, stream, deploy):
    one = deploy()
    send(packets(100, 57), stream, topics.bootstrap, rate=50)
    wait_until(lambda: one.status().bank is not None, "a look at the bank")
    address = supervisor(topics).metrics
    assert address.startswith("http://127.0.0.1:")
    with urllib.request.urlopen(address) as response:
        page = response.read().decode()
    assert f'skysieve_filter_state{{filter="{one.name}",state="running"}} 1.0' in page
    assert re.search(rf'skysieve_query_lag_alerts{{query="{stream}"}} \d', page)
    assert re.search(rf'skysieve_filter_judged_per_second{{filter="{one.name}",stream="{stream}"}} \d', page)


def container(*numbers):
    """Alerts of a survey of its own in one message; of several, Python makes one each."""
    schema = {"type": "record", "name": "alert", "fields": [{"name": "candid", "type": "long"}]}
    out = io.BytesIO()
    fastavro.writer(out, schema, [{"candid": number} for number in numbers])
    return Packet(out.getvalue(), str(numbers[0]).encode())


def test_health_and_metrics_tell_when_packets_have_to_go_through_python(sky, stream, topics, deploy):
    def told():
        with urllib.request.urlopen(supervisor(topics).metrics) as response:
            page = response.read().decode()
        bank = one.status().bank
        return bank and bank.in_python, f'skysieve_query_decodes_in_python{{query="{stream}"}} 1.0' in page

    send([container(1)], stream, topics.bootstrap)
    one = deploy("candid >= 0", start="earliest")
    delivered(one, 1)
    wait_until(lambda: told()[0] is not None, "a look at the bank")
    assert told() == (False, False)
    send([container(2, 3)], stream, topics.bootstrap)
    wait_until(lambda: told() == (True, True), "a bank that splits")
    send([container(4, 5, 6)], stream, topics.bootstrap)
    delivered(one, 4)


def test_what_a_filter_was_made_with_and_is_gone_is_named(topics, stream, name, sky, deployed):
    spec = Filter(name, ALL, stream, made_with={"no-such-package": "1.2", "python": "3.11.0"})
    register(topics, spec, "somebody")
    deployed.append(sky.deployment(name))
    with pytest.raises(DeploymentError, match=r"made with no-such-package 1\.2"):
        deployed[-1].wait("running")


def test_a_version_pins_the_preview_and_the_schemas_of_its_stream(sky, topics, stream, name, deployed):
    send(packets(60, 58), stream, topics.bootstrap)
    spec = Filter(name, "diaSource.ra > 0", stream)
    interval = sky.preview(spec).interval
    deployed.append(sky.deploy(spec))
    (version,) = registry.registered(topics)[name].versions
    assert version.expected == pytest.approx(interval)
    assert version.schemas
    assert version.made_with.keys() >= {"python", "skysieve"}


def test_before_a_version_is_replaced_it_is_shown_what_changes(sky, topics, stream, name, deployed, capsys):
    send(packets(60, 59), stream, topics.bootstrap)
    deployed.append(sky.deploy(Filter(name, "diaSource.ra > 0", stream)))
    assert capsys.readouterr().err == ""
    sky.deploy(Filter(name, "diaSource.ra > 400", stream))
    assert "lost" in capsys.readouterr().err
    sky.deploy(Filter(name, "diaSource.ra > 401", stream), compare=False)
    assert capsys.readouterr().err == ""


def test_it_is_running_only_once_its_past_is_judged(stream, topics, deploy):
    send(packets(100, 60), stream, topics.bootstrap)
    one = deploy(start="earliest")
    assert one.status().backfill is None
    assert one.matches() == 100
