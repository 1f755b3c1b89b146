"""Work in threads, with a limit."""

import asyncio
import threading
import time

import pytest
from skysieve.errors import SessionError
from skysieve.server import limits
from skysieve.server.failures import TooLateError
from skysieve.server.limits import within


def test_it_gives_what_the_work_gives():
    assert asyncio.run(within("count", lambda: 1 + 1)) == 2


def test_what_the_work_raises_is_raised():
    def fail():
        raise SessionError("no Kafka")

    with pytest.raises(SessionError, match="no Kafka"):
        asyncio.run(within("count", fail))


def test_work_that_takes_too_long_is_given_up_while_the_loop_goes_on():
    release = threading.Event()

    async def both():
        ticks = 0
        late = asyncio.ensure_future(within("wait", release.wait, seconds=0.3))
        while not late.done():
            ticks += 1
            await asyncio.sleep(0.01)
        with pytest.raises(TooLateError, match=r"more than 0\.3 s to wait"):
            late.result()
        return ticks

    assert asyncio.run(both()) > 5
    release.set()


def test_a_dead_kafka_does_not_fill_the_server_with_threads():
    release = threading.Event()

    async def many():
        begun = [asyncio.ensure_future(within("wait", release.wait, seconds=5)) for _ in range(limits._MOST)]
        await asyncio.sleep(0.1)
        with pytest.raises(TooLateError, match="Too much is under way"):
            await within("wait", release.wait)
        release.set()
        await asyncio.gather(*begun)
        while True:  # the threads end a moment later
            try:
                return await within("count", lambda: 2)
            except TooLateError:
                time.sleep(0.01)

    assert asyncio.run(many()) == 2
