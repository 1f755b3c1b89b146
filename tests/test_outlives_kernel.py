"""A deployment outlives the notebook that made it."""

from __future__ import annotations

import io
import os
import signal
import time

import fastavro
import kernels
import psutil
from skysieve.packets import lsst_schemas
from skysieve.session import Session
from skysieve.sources import Packet, send
from skysieve.sources.surveys import simulated
from skysieve.topics import Topics

WHERE = "diaSource.snr > 15 AND diaSource.reliability > 0.6"


def passes(packet: Packet) -> bool:
    """The same condition, in Python."""
    schema = lsst_schemas.load(int.from_bytes(packet.value[1:5], "big"))
    source = fastavro.schemaless_reader(io.BytesIO(packet.value[5:]), schema)["diaSource"]
    return (
        source["snr"] is not None
        and source["snr"] > 15
        and source["reliability"] is not None
        and source["reliability"] > 0.6
    )


def matches(topics: Topics, topic: str, expected: int) -> list[bytes]:
    """The values in an output topic, once so many are there (or after a minute), and no more come."""
    end = time.monotonic() + 60
    while sum(topics.end(topic).values()) < expected and time.monotonic() < end:
        time.sleep(0.2)
    time.sleep(2)
    return sorted(r.value for r in topics.read(topic, topics.begin(topic), topics.end(topic)))


def test_matches_keep_arriving_when_the_kernel_is_killed(environment, topics, sky: Session, stream, name):
    before, after = (list(simulated("lsst", count=120, seed=seed)) for seed in (11, 12))
    with kernels.kernel() as notebook:
        notebook.text("%load_ext skysieve\nimport skysieve\nsky = skysieve.attach()")
        send(before, stream, topics.bootstrap)
        notebook.text(f"%%filter {name} --stream {stream}\n{WHERE}")
        notebook.text(f"%deploy {name} --start earliest")
        kernel = psutil.Process(notebook.pid)
        os.kill(kernel.pid, signal.SIGKILL)
        kernel.wait(10)
    assert not psutil.pid_exists(kernel.pid)

    send(after, stream, topics.bootstrap)
    expected = sorted(packet.value for packet in [*before, *after] if passes(packet))
    late = [packet for packet in after if passes(packet)]
    assert late
    assert matches(topics, f"filter.{name}", len(expected)) == expected

    with kernels.kernel() as another:
        another.text(f"import skysieve\nsky = skysieve.attach()\nd = sky.deployment({name!r})")
        assert name in another.text("print([d.name for d in sky.deployments])")
        assert another.text("print(d.status().state, d.filter.where)") == f"running {WHERE}"
        assert (
            another.text("print(d.matches(), len(d.results(last=1000)))")
            == f"{len(expected)} {len(expected)}"
        )
        assert another.text("print(d.stop().wait('stopped').status().state)") == "stopped"
        send(late, stream, topics.bootstrap)
        assert len(matches(topics, f"filter.{name}", len(expected))) == len(expected)
        another.text("d.remove()")
        assert name not in another.text("print([d.name for d in sky.deployments])")
    assert name not in {d.name for d in sky.deployments}
