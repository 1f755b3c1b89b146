"""How busy the panel keeps a browser: measured with the devtools protocol, and told. By hand: it takes a minute."""

from __future__ import annotations

import threading
import time

import pytest
from skysieve import Filter
from skysieve.engine.health import FilterHealth, QueryHealth
from skysieve.engine.registry import REGISTRY, Registered, Version
from skysieve.engine.status import STATUS, status_of
from skysieve.engine.values import now
from skysieve.filter import made_with

from .panel import lab_with_panel, open_lab

COUNT, SECONDS = 300, 20

pytestmark = pytest.mark.slow


@pytest.fixture
def many(topics, stream):
    """So many filters on one stream, whose rates change each second."""
    made = made_with("")
    filters, states = [], []
    for number in range(COUNT):
        spec = Filter(f"speed-{number:03}", f"diaSource.snr > {number}", stream=stream, made_with=made)
        version = Version(version=spec.version, where=spec.where, deployed=now())
        record = Registered(
            name=spec.name,
            stream=stream,
            owner="ada",
            wanted="running",
            start="latest",
            run="0",
            versions=(version,),
            current=spec.version,
        )
        filters.append((spec.name, record.model_dump_json().encode()))
        states.append((spec.name, status_of(record, "running", since={0: 0}).model_dump_json().encode()))
    topics.write(REGISTRY, filters)
    topics.write(STATUS, states)
    ended = threading.Event()

    def beat():
        second = 0
        while not ended.wait(1):
            second += 1
            rates = {
                name: FilterHealth(
                    judged=1000 + second,
                    matched=40,
                    judged_per_second=300.0 + second % 7,
                    matched_per_second=second % 5 + 1.0,
                )
                for name, _ in filters
            }
            health = QueryHealth(query=stream, updated=now(), filters=rates)
            topics.write(STATUS, [(f"/health/{stream}", health.model_dump_json().encode())])

    beating = threading.Thread(target=beat)
    beating.start()
    yield
    ended.set()
    beating.join()
    topics.write(REGISTRY, [(name, None) for name, _ in filters])
    topics.write(STATUS, [(name, None) for name, _ in [*states, (f"/health/{stream}", b"")]])


def test_three_hundred_filters_that_change_each_second(chromium, page, kafka, many, tmp_path):
    with lab_with_panel(tmp_path / "lab", SKYSIEVE_KAFKA=kafka) as lab:
        panel = open_lab(lab, page, "speed")
        begun = time.perf_counter()
        panel.open()
        panel.filter("speed-000").wait_for()
        print(f"\npanel after JupyterLab: {time.perf_counter() - begun:.2f} s")
        devtools = page.context.new_cdp_session(page)
        devtools.send("Performance.enable")
        busy, begun = task_seconds(devtools), time.perf_counter()
        page.wait_for_timeout(SECONDS * 1000)
        share = (task_seconds(devtools) - busy) / (time.perf_counter() - begun)
        print(f"main thread busy with {COUNT} filters: {100 * share:.1f} %")
        assert share < 1


def task_seconds(devtools):
    metrics = devtools.send("Performance.getMetrics")["metrics"]
    return next(one["value"] for one in metrics if one["name"] == "TaskDuration")
