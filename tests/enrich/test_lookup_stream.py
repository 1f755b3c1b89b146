"""A stream asks external services, and goes on without them."""

import re
import sqlite3
from pathlib import Path

import offline
import pytest
import skysieve
from conftest import delivered
from skysieve import Filter
from skysieve.enrich import Lookup, Rest
from skysieve.sources import send

from .serving import Server
from .test_streams import ids, packets, sources

TARGETS = "targets.priority > 0.5 AND targets.program IS NOT NULL AND diaObject.diaObjectId > 0"
DOCS = Path(__file__).parents[2] / "docs" / "enrichments.md"


@pytest.fixture
def sent(stream, topics):
    made = packets(120, 90)
    send(made, stream, topics.bootstrap)
    return made


@pytest.fixture
def enrich(sky, stream):
    yield lambda **what: sky.enrich(stream, **what)
    sky.stream(stream).enrich(**dict.fromkeys(sky.stream(stream).enrichments))


@pytest.fixture
def server():
    with Server(is_up=False) as made:
        yield made


def test_a_filter_uses_what_a_service_knows_and_goes_on_without_it(
    sky,
    stream,
    topics,
    sent,
    enrich,
    name,
    deployed,
    tmp_path,
    server,
):
    (tmp_path / "token").write_text("open-sesame\n")
    spec = Rest(
        f"http://127.0.0.1:{server.server_port}/objects/{{diaSource.diaSourceId}}",
        headers={"Authorization": f"Bearer ${{{tmp_path / 'token'}}}"},
    )
    enrich(known=Lookup(spec, {"z": "double [1] Redshift"}, pause=0.5, time_limit=30))
    columns = sky.stream(stream).columns().set_index("name")
    assert columns.loc["known.z", "unit"] == "1"
    assert re.fullmatch(r"Redshift \(REST at 127\.0\.0\.1, \w{8}\)", columns.loc["known.z", "description"])

    every = sources(sent)
    bright = {s["diaSourceId"] for s in every if (s["snr"] or 0) > 12}
    near = {s["diaSourceId"] for s in every[::3]}
    near_filter = Filter(name, "diaSource.snr > 12 AND known.z < 0.1", stream)
    server.server_activate()
    with server.running():
        server.token = "open-sesame"
        server.objects = {str(s["diaSourceId"]): {"z": 0.05} for s in every[::3]}
        seen = sky.preview(near_filter)
        assert 0 < len(near & bright) < len(bright)
        assert set(seen.alerts["diaSource.diaSourceId"]) == near & bright
        assert set(seen.alerts["known.z"]) == {0.05}
        one = sky.deploy(near_filter, start="earliest").wait("running")
        deployed.append(one)
        assert ids(delivered(one, len(near & bright))) == sorted(near & bright)

        server.asked.clear()
        more = sources(packets(60, 92))
        bright_too = {s["diaSourceId"] for s in more if (s["snr"] or 0) > 12}
        server.objects |= {str(s["diaSourceId"]): {"z": 0.05} for s in more}
        send(packets(60, 92), stream, topics.bootstrap)
        wanted = (near & bright) | bright_too
        assert 0 < len(bright_too) < 60
        assert ids(delivered(one, len(wanted))) == sorted(wanted)
        asked = sorted(int(path.rpartition("/")[2]) for path in server.asked)
        assert asked == sorted(bright_too), "the cheap cut comes first, and each is asked for once"

    down = sky.deploy(Filter(f"{name}-down", "known.reason LIKE 'down%'", stream)).wait("running")
    deployed.append(down)
    fresh = packets(40, 91)
    send(fresh, stream, topics.bootstrap)
    assert ids(delivered(down, 40)) == sorted(s["diaSourceId"] for s in sources(fresh))
    assert one.status().state == "running"


def test_the_documented_example_runs(sky, stream, sent, enrich, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (example,) = [
        block
        for block in re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
        if "sqlite3.connect" in block
    ]
    example = example.replace('"lsst-alerts"', repr(stream)).replace("42", str(_an_object(sent)))
    exec(example, {"sky": sky})
    db = sqlite3.connect(tmp_path / "follow-up.db")
    assert db.execute("SELECT count(*) FROM targets").fetchone() == (1,)
    db.close()
    seen = sky.preview(skysieve.Filter("wanted", TARGETS, stream)).alerts
    assert set(seen["diaObject.diaObjectId"]) == {_an_object(sent)}
    assert set(seen["targets.program"]) == {"nuclear transients"}


def _an_object(sent):
    alerts = [offline.alert(packet.value) for packet in sent]
    return next(a["diaObject"]["diaObjectId"] for a in alerts if a["diaObject"])
