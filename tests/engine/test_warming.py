"""A supervisor that has nothing to run makes Spark ready for the first preview."""

import time

from skysieve.engine.status import STATUS
from skysieve.engine.warming import warm, warm_aside
from skysieve.local.process import Daemon


def test_a_supervisor_of_a_new_session_does_it_by_itself(started, home):
    end = time.monotonic() + 60
    logs = [Daemon(home, "supervisor").log, Daemon(home, "supervisor").log.with_suffix(".log.1")]
    while not (said := any("Spark is warm" in log.read_text() for log in logs if log.exists())):
        assert time.monotonic() < end, "it has not said so"
        time.sleep(0.2)
    assert said


def test_what_is_judged_is_each_record_of_the_status(sky, topics):
    records = len(list(topics.read(STATUS, topics.begin(STATUS), topics.end(STATUS))))
    assert 0 < records <= warm(sky.spark, topics)


def test_a_spark_that_is_gone_ends_it_without_a_word(topics, caplog):
    class Gone:
        def __getattr__(self, name):
            raise ConnectionError("no Spark")

    thread = warm_aside(Gone(), topics)
    thread.join(30)
    assert not thread.is_alive()
    assert "warm" not in caplog.text
