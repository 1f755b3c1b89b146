"""While Spark works: a bar once it takes long, and an interrupt that cancels the job."""

import os
import signal
import time
from contextlib import suppress
from queue import Empty
from types import SimpleNamespace

import kernels
import pytest
from pyspark.errors import PySparkException
from skysieve import jobs
from skysieve.sources import send
from skysieve.sources.surveys import simulated

SLOW = """\
from skysieve import Filter, per_alert

@per_alert
def slow(diaSourceId):
    import time
    open({marks!r}, "a").write("x")
    time.sleep(0.2)
    return True

spec = Filter.from_function(slow, {stream!r})
"""


def stages(done, total):
    return [SimpleNamespace(num_tasks=total, num_completed_tasks=done)]


def told(bar, done, total):
    jobs._of_tasks(bar)(stages=stages(done, total), inflight_tasks=1, operation_id="o", done=False)


def test_nothing_is_shown_of_what_is_soon_done(monkeypatch):
    shown = []
    monkeypatch.setattr(jobs, "_in_terminal", lambda what: lambda *state: shown.append((what, *state)))
    bar = jobs.Bar("Previewing")
    told(bar, 1, 4)
    bar.close()
    assert shown == []


def test_what_takes_long_is_shown_by_the_tasks_that_are_done_and_then_taken_away(monkeypatch):
    shown = []
    monkeypatch.setattr(jobs, "_in_terminal", lambda what: lambda *state: shown.append((what, *state)))
    monkeypatch.setattr(jobs, "_PATIENCE", 0.0)
    bar = jobs.Bar("Previewing")
    told(bar, 0, 0)
    told(bar, 1, 4)
    told(bar, 3, 4)
    bar.close()
    assert shown == [("Previewing", 1, 4, False), ("Previewing", 3, 4, False), ("Previewing", 0, 0, True)]


def test_a_bar_that_is_done_leaves_nothing_in_the_notebook():
    with kernels.kernel() as kernel:
        kernel.text("from skysieve import jobs; jobs._PATIENCE = 0; bar = jobs.Bar('Previewing')")
        (shown,) = kernel.run("bar(1, 4)")
        assert "application/vnd.jupyter.widget-view+json" in shown.data
        assert kernel.run("bar = jobs.Bar('Previewing'); bar(1, 4); bar.close()") == []


def test_an_interrupt_cancels_at_once_and_is_raised_when_the_call_has_ended(sky, capsys):
    ended = []

    def interrupted():
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(PySparkException, match="CANCELED"):  # this would take ten minutes
            sky.spark.range(600).selectExpr("java_method('java.lang.Thread', 'sleep', 1000L)").collect()
        ended.append("the call")

    with pytest.raises(KeyboardInterrupt), jobs.watched(sky.spark, "Previewing"):
        interrupted()
    assert ended == ["the call"]
    assert "interrupt once more to leave at once" in capsys.readouterr().err
    assert sky.spark.range(3).count() == 3


@pytest.mark.timeout(240)
def test_in_a_notebook_a_bar_appears_and_an_interrupt_cancels_the_job(environment, stream, topics, tmp_path):
    send(simulated("lsst", count=400, seed=41), stream, topics.bootstrap)
    marks = tmp_path / "marks"
    with kernels.kernel() as kernel:
        kernel.text("import skysieve; sky = skysieve.attach()")
        kernel.text(SLOW.format(marks=str(marks), stream=stream))
        kernel.client.execute("sky.preview(spec, last=400)")
        shown, interrupted, error = [], False, ""
        end = time.monotonic() + 90
        while time.monotonic() < end and not error:
            with suppress(Empty):
                message = kernel.client.get_iopub_msg(timeout=0.5)
                if message["msg_type"] == "display_data":
                    shown.append(message["content"]["data"])
                elif message["msg_type"] == "error":
                    error = message["content"]["ename"]
            if shown and marks.exists() and not interrupted:
                interrupted = True
                kernel.manager.interrupt_kernel()
        assert error == "KeyboardInterrupt"
        assert any("application/vnd.jupyter.widget-view+json" in data for data in shown)
        time.sleep(6)  # Spark looks every 2 s whether a task is cancelled, and ends its Python 2 s later
        size = marks.stat().st_size
        time.sleep(3)
        assert 0 < size < 400
        assert marks.stat().st_size == size
        again = (
            "print(sky.preview(skysieve.Filter('any', 'diaSourceId > 0', "
            + repr(stream)
            + "), last=10).passed)"
        )
        assert kernel.text(again) == "10"
