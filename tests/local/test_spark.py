"""Spark Connect: only for those who hold the token, with the settings that the engine counts on."""

import json
import os
import re
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import psutil
import pytest
from skysieve.connections import connect
from skysieve.errors import SessionError
from skysieve.local import spark, spark_ui
from skysieve.local.process import Daemon

PAGE = Path(__file__).parents[2] / "docs" / "cluster.md"


@pytest.mark.parametrize("token", ["wrong", None], ids=["a wrong token", "no token"])
def test_it_refuses(running, token, monkeypatch):
    monkeypatch.delenv("SPARK_CONNECT_AUTHENTICATE_TOKEN", raising=False)
    with pytest.raises(SessionError, match="refuses the token: set"):
        connect(running.spark, token)


def test_it_is_ready_on_its_port_only(home, running):
    port = urlsplit(running.spark).port
    assert spark.is_ready(Daemon(home, "spark"), port)
    assert not spark.is_ready(Daemon(home, "spark"), int(running.kafka.split(":")[1]))


def test_a_division_by_zero_is_null(sky):
    assert sky.spark.sql("SELECT 1 / 0 AS x").collect()[0].x is None


def test_times_are_in_utc(sky):
    assert sky.spark.sql("SELECT current_timezone() AS zone").collect()[0].zone == "UTC"


def test_a_python_function_runs_on_the_server(sky):
    def twice(batches):
        for batch in batches:
            yield batch * 2

    rows = sky.spark.range(5).mapInPandas(twice, "id long").collect()
    assert sorted(row.id for row in rows) == [0, 2, 4, 6, 8]


def test_no_program_is_run_for_the_files_of_a_checkpoint(sky, running, tmp_path):
    server, seen = psutil.Process(running.pids["spark"]), set()
    write = sky.spark.readStream.format("rate").option("rowsPerSecond", 10).load().writeStream.format("noop")
    query = (
        write.option("checkpointLocation", str(tmp_path)).trigger(processingTime="100 milliseconds").start()
    )
    try:
        end = time.monotonic() + 60
        while sum(not path.name.startswith(".") for path in tmp_path.glob("commits/*")) < 5:
            assert time.monotonic() < end
            for child in server.children():
                with suppress(psutil.Error):
                    seen.add(child.name())
    finally:
        query.stop()
    assert not {name for name in seen if not name.startswith("python")}


def test_memory_is_what_the_environment_says(monkeypatch):
    monkeypatch.delenv("SKYSIEVE_SPARK_MEMORY", raising=False)
    assert spark.memory() == "3g"
    monkeypatch.setenv("SKYSIEVE_SPARK_MEMORY", "1500m")
    assert spark.memory() == "1500m"


def test_the_page_on_clusters_asks_for_the_settings_that_this_server_has(sky):
    block = re.search(r"```properties\n(spark\.driver.*?)```", PAGE.read_text(), re.S)[1]
    wanted = dict(line.split("=", 1) for line in block.splitlines())
    for java in [wanted.pop(f"spark.{who}.extraJavaOptions") for who in ("driver", "executor")]:
        name, value = java.removeprefix("-D").split("=")
        asked = f"SELECT java_method('java.lang.System', 'getProperty', '{name}') AS value"
        assert sky.spark.sql(asked).collect()[0].value == value
    assert len(wanted) > 8
    assert {name: sky.spark.conf.get(name) for name in wanted} == wanted


def test_what_one_session_has_compiled_and_started_serves_the_next(running):
    """Spark gives each session a class loader of its own, unless told otherwise before it has heard of it."""

    def compiled():
        page = f"http://127.0.0.1:{running.spark_ui}/metrics/json/"
        asked = Request(page, headers={"Authorization": spark_ui.authorization(running.token)})
        with urlopen(asked) as answer:
            histograms = json.load(answer)["histograms"]
        return next(
            h["count"] for name, h in histograms.items() if name.endswith("CodeGenerator.compilationTime")
        )

    def whose_child(batches):
        for batch in batches:
            yield batch.assign(id=os.getppid())

    daemons, counts = set(), []
    for _ in range(6):
        session = connect(running.spark, running.token)
        try:
            numbers = session.range(7, 77).selectExpr("id * 7 + 77 AS id").where("id % 7 = 0")
            daemons |= {row.id for row in numbers.mapInPandas(whose_child, "id long").collect()}
        finally:
            session.stop()
        counts.append(compiled())
    assert len(daemons) == 1
    # what others do on this Spark may be compiled meanwhile; without sharing each of these sessions compiles
    assert any(before == after > 0 for before, after in pairwise(counts)), counts
