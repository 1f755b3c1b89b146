"""A supervisor that has nothing to run makes Spark ready for the first preview."""

import time
from dataclasses import replace

from skysieve import local
from skysieve.engine.status import STATUS
from skysieve.engine.warming import warm, warm_aside
from skysieve.home import Home
from skysieve.local.process import Daemon


def test_a_supervisor_of_a_new_session_does_it_by_itself(tmp_path, home):
    """Of a session of its own: the shared one's supervisor is replaced now and then, and its first log is gone."""
    new = replace(Home.at(tmp_path), cache=home.cache)
    try:
        local.up(new)
        log, end = Daemon(new, "supervisor").log, time.monotonic() + 60
        while "Spark is warm" not in log.read_text():
            assert time.monotonic() < end, "it has not said so"
            time.sleep(0.2)
    finally:
        local.down(new)


def test_what_is_judged_is_each_record_of_the_status(sky, topics):
    end = time.monotonic() + 60
    while not sum(topics.end(STATUS).values()):
        assert time.monotonic() < end, "the supervisor has written nothing"
        time.sleep(0.2)
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
