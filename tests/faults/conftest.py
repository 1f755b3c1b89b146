"""A session of its own that is hurt, and the ways to hurt it."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from unittest.mock import patch

import kernels
import offline
import psutil
import pytest
from conftest import small
from skysieve import local
from skysieve.connections import connect
from skysieve.home import Home
from skysieve.session import Session
from skysieve.sources import Packet, send
from skysieve.stream_topics import make_stream
from skysieve.topics import Topics

Place = tuple[int, int]


@dataclass
class Sky:
    """The session that is hurt."""

    home: Home
    stream: str
    session: Session = None
    means: dict[str, Callable] = field(default_factory=dict)
    has_disk: bool = False
    """Whether checkpoints are on a small disk of their own, which only root can give them."""
    faketime: Path | None = None
    """The library that lets a process see another time, where there is one."""
    kernels: int = 0
    """How many have deployed a filter and were killed."""

    @property
    def topics(self):
        return self.session.topics

    def pid(self, part):
        return local.pids(self.home)[part]

    def up(self):
        """Start what does not run, as systemd would; the supervisor with a clock that can be stepped."""
        local.up(self.home, supervisor=False)
        faked = {
            "LD_PRELOAD": str(self.faketime),
            "FAKETIME_TIMESTAMP_FILE": str(self._clock),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        with patch.dict(os.environ, faked if self.faketime else {}):
            local.up(self.home)

    @property
    def _clock(self):
        file = self.home.state / "clock"
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("+0")
        return file

    def step_clock(self, seconds=10):
        """Put the supervisor's clock back by an hour, and forward after a while.

        Not the other way round: libfaketime leaves C11's ``cnd_timedwait``, by which librdkafka waits, to the machine's
        own clock, so that a wait for a moment would be one for an hour.
        """
        self._clock.write_text("-3600")
        time.sleep(seconds)
        self._clock.write_text("+0")

    def attach(self):
        """Attach anew, since a Spark that was killed knows no session of before."""
        found = local.running(self.home)
        self.session = Session(Topics(found.kafka), connect(found.spark, found.token))

    def alerts(self):
        """Every alert of the stream, by its place."""
        begin, end = self.topics.begin(self.stream), self.topics.end(self.stream)
        records = self.topics.read(self.stream, begin, end)
        return {(r.partition, r.offset): offline.alert(r.value) for r in records if r.key != b"poison"}

    def truth(self):
        """What each filter must have selected: places in the stream."""
        alerts = self.alerts()
        return {
            name: {place for place, alert in alerts.items() if means(alert)}
            for name, means in self.means.items()
        }

    def found(self):
        """What each filter has delivered: how often each place of the stream."""
        return {name: Counter(place for place, _ in self.delivered(name)) for name in self.means}

    def delivered(self, name):
        """The place, and the version that judged it, of each record in a filter's output topic."""
        return ((place, headers["skysieve.version"].decode()) for place, headers, _ in self.outputs(name))

    def whole_at(self):
        """When the last match was written that was not there before, in seconds since 1970."""
        first = {}
        for name in self.means:
            for place, _, written in self.outputs(name):
                first.setdefault((name, place), written)
        return max(first.values()).timestamp()

    def outputs(self, name):
        """Place, headers and time of each record in a filter's output topic."""
        topic = f"filter.{name}"
        if not self.topics.partitions(topic):
            return
        for record in self.topics.read(topic, *self.topics.bounds(topic)):
            headers = dict(record.headers)
            place = tuple(int(headers[f"skysieve.source.{part}"]) for part in ("partition", "offset"))
            yield place, headers, record.timestamp

    def kill(self, part, how=signal.SIGKILL):
        """End a process, and start it again as systemd would."""
        process = psutil.Process(self.pid(part))
        process.send_signal(how)
        psutil.wait_procs([process], timeout=60)
        self.up()

    def kill_kernel(self):
        """Kill a notebook's kernel just when it has deployed a filter."""
        self.kernels += 1
        found, name = local.running(self.home), f"from-kernel-{self.kernels}"
        with kernels.kernel() as kernel:
            kernel.text(
                "import os, skysieve\n"
                f"os.environ['SPARK_CONNECT_AUTHENTICATE_TOKEN'] = {found.token!r}\n"
                f"sky = skysieve.attach({found.spark!r}, kafka={found.kafka!r})\n"
                f"spec = skysieve.Filter({name!r}, 'diaSource.snr > 7', {self.stream!r})\n"
                "sky.deploy(spec, start='earliest', guard=skysieve.Guard(share=1))"
            )
            os.kill(kernel.pid, signal.SIGKILL)
        self.means[name] = lambda a: offline.above(a, "diaSource.snr", 7)

    def kill_workers(self, how=signal.SIGKILL):
        """End the Python processes of Spark, which starts others."""
        children = psutil.Process(self.pid("spark")).children(recursive=True)
        workers = [p for p in children if "python" in p.name()]
        for one in workers:
            with suppress(psutil.NoSuchProcess):  # it ended with its maker
                one.send_signal(how)
        return len(workers)

    def fill_disk(self, seconds=15):
        """Leave no room for checkpoints for a while."""
        full = self.home.checkpoints / "full"
        with full.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))
        time.sleep(seconds)
        full.unlink()

    def poison(self):
        """Send what is no alert: cut off, of an unknown schema, of another format, empty, and far too large."""
        whole = small(1, 99)[0].value
        bad = [whole[:500], b"\x00\x00\x00\x27\x0f" + whole[5:], b"{}", b"Obj\x01", b"", bytes(2_000_000)]
        send([Packet(value, b"poison") for value in bad], self.stream, self.topics.bootstrap)

    def stop_for_a_while(self, part, seconds=20):
        """Let a process stand still, as a machine does that is short of memory."""
        process = psutil.Process(self.pid(part))
        process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        process.send_signal(signal.SIGCONT)


def _faketime():
    """The library that lets a process see another time; None where it is not there or does not do so."""
    found = find_spec("libfaketime")
    if found is None:
        return None
    library = Path(found.origin).parent / "vendor/libfaketime/src/libfaketime.so.1"
    said = subprocess.run(
        [sys.executable, "-c", "import time; print(time.time())"],
        env={**os.environ, "LD_PRELOAD": str(library), "FAKETIME": "+3600"},
        capture_output=True,
        text=True,
        check=True,
    )
    return library if float(said.stdout) - time.time() > 3000 else None


@pytest.fixture(scope="module")
def hurt(tmp_path_factory):
    home = replace(Home.at(tmp_path_factory.mktemp("hurt")), cache=Home.default().cache)
    home.checkpoints.mkdir(parents=True)
    disk = ["mount", "-t", "tmpfs", "-o", "size=32m", "checkpoints", str(home.checkpoints)]
    is_mounted = subprocess.run(disk, capture_output=True).returncode == 0
    sky = Sky(home, "faults-alerts", has_disk=is_mounted, faketime=_faketime())
    sky.up()
    sky.attach()
    make_stream(sky.topics, sky.stream)
    send(small(20, 1), sky.stream, sky.topics.bootstrap)
    yield sky
    local.down(home)
    if is_mounted:
        subprocess.run(["umount", "--lazy", str(home.checkpoints)], check=True)
