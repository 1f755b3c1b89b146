"""Asking a service from a worker: what is known is kept, time and rate have limits, and what failed is left alone."""

from __future__ import annotations

import queue
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence

from pydantic import ConfigDict, Field

from skysieve.engine.values import Value
from skysieve.enrich.services.base import Answers, Client, Failure, Key, Row, TooLate, chunks
from skysieve.errors import SkysieveError

_LONGEST = 300.0
"""Seconds after which a service that is down is tried again at the latest, unless it wants to be left alone longer."""
_IN_A_ROW = 3
"""So many objects that failed one after the other are taken for a failure of the service."""


class Limits(Value):
    """How a worker asks a service: what it may cost the stream, and the service.

    Parameters
    ----------
    time_limit
        Seconds that a batch of alerts waits for answers at most.
    rate
        Requests per second at most, of each worker; any number unless given.
    at_once
        Requests under way at the same time, of each worker.
    keep
        Seconds for which an answer is kept.
    most
        Answers that are kept at most; the oldest go first.
    pause
        Seconds for which a service that failed is not asked; twice as many each time, up to five minutes.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    time_limit: float = Field(default=5.0, gt=0, le=300)
    rate: float | None = Field(default=None, gt=0)
    at_once: int = Field(default=4, ge=1, le=32)
    keep: float = Field(default=600.0, ge=0)
    most: int = Field(default=50_000, ge=0)
    pause: float = Field(default=5.0, gt=0, le=_LONGEST)


class Asker:
    """Asks one service for one enrichment, for as long as the worker lives.

    Parameters
    ----------
    client
        What asks.
    limits
        How.
    """

    def __init__(self, client: Client, limits: Limits) -> None:
        self.client, self.limits = client, limits
        self._known: OrderedDict[Key, tuple[float, Row | None]] = OrderedDict()
        self._lock = threading.Lock()
        self._next = 0.0
        self._rests_until = 0.0
        self._pause = 0.0
        self._why = ""
        self._under_way = 0

    def answers(self, keys: Iterable[Key]) -> Answers:
        """What is known of some objects, each asked for once; never raises."""
        found: Answers = {}
        unknown = []
        now = time.monotonic()
        with self._lock:
            for key in dict.fromkeys(keys):
                until, row = self._known.get(key, (0.0, None))
                if until > now:
                    found[key] = row
                else:
                    unknown.append(key)
        if not unknown:
            return found
        if now < self._rests_until:
            return found | dict.fromkeys(unknown, Failure(f"{self._why} (not asked again yet)"))
        try:
            self.client.load()
        except (SkysieveError, ImportError) as error:
            self._rest(Failure(f"refused: {error}"))
            return found | dict.fromkeys(unknown, Failure(self._why))
        try:
            return found | self._asked(unknown)
        except RuntimeError:  # the machine has no more of them
            return found | dict.fromkeys(unknown, Failure("busy: there is no thread to ask with"))

    def _asked(self, keys: Sequence[Key]) -> Answers:
        most = self.limits.at_once
        if self._under_way >= 4 * most:
            return dict.fromkeys(keys, self._rest(Failure("slow: earlier requests have not ended yet")))
        batch = _Batch(self, keys)
        for _ in range(min(most, len(batch.todo))):
            # it may hang for longer than its batch waits, and must not keep the worker from ending
            threading.Thread(target=batch.work, daemon=True).start()
            with self._lock:
                self._under_way += 1
        failure = batch.wait()
        if failure is not None:
            failure = self._rest(failure)
        elif any(not isinstance(one, Failure) for one in batch.found.values()):
            self._pause = 0.0
        left = failure or TooLate()
        return {key: batch.found.get(key, left) for key in keys}

    def keep(self, answers: Answers) -> None:
        """Keep what was answered; failures are no answers."""
        until = time.monotonic() + self.limits.keep
        with self._lock:
            for key, answer in answers.items():
                if not isinstance(answer, Failure):
                    self._known[key] = (until, answer)
                    self._known.move_to_end(key)
            while len(self._known) > self.limits.most:
                self._known.popitem(last=False)

    def reserve(self, until: float) -> float:
        """The time at which the next request may be sent.

        Raises
        ------
        TooLate
            If that is too late.
        """
        with self._lock:
            at = max(time.monotonic(), self._next)
            if at >= until:
                raise TooLate
            if self.limits.rate is not None:
                self._next = at + 1 / self.limits.rate
        return at

    def ended(self) -> None:
        """One of those that ask has ended."""
        with self._lock:
            self._under_way -= 1

    def _rest(self, failure: Failure) -> Failure:
        """Leave the service alone for a while."""
        self._pause = min(max(2 * self._pause, self.limits.pause), _LONGEST)
        self._why = self.client.without_secrets(failure.reason)
        self._rests_until = time.monotonic() + max(self._pause, failure.pause)
        self.client.close()
        return Failure(self._why)


class _Batch:
    """The objects of one batch, which a few threads ask for until its time is over."""

    def __init__(self, asker: Asker, keys: Sequence[Key]) -> None:
        self.asker = asker
        self.todo = deque(chunks(keys, asker.client.at_most))
        self.until = time.monotonic() + asker.limits.time_limit
        self.found: Answers = {}
        self._heard: queue.SimpleQueue[Answers | Failure | None] = queue.SimpleQueue()
        self._workers = min(asker.limits.at_once, len(self.todo))
        self._is_over = False

    def work(self) -> None:
        """Ask, in a thread of its own."""
        try:
            while (part := self._next()) is not None:
                self._ask(part)
        finally:
            self.asker.ended()
            self._heard.put(None)

    def wait(self) -> Failure | None:
        """Hear answers until there are no more, or the time is over; gives what makes the service one that failed."""
        working, in_a_row = self._workers, 0
        answered = False
        try:
            while working:
                try:
                    heard = self._heard.get(timeout=max(0.0, self.until - time.monotonic()))
                except queue.Empty:
                    return None if answered else self._silent()
                if heard is None:
                    working -= 1
                elif isinstance(heard, Failure):
                    return heard
                else:
                    self.found |= heard
                    failures = [one for one in heard.values() if isinstance(one, Failure)]
                    answered |= len(failures) < len(heard)
                    in_a_row = in_a_row + 1 if failures and len(failures) == len(heard) else 0
                    if in_a_row >= _IN_A_ROW:
                        return failures[0]
            return None
        finally:
            self._is_over = True

    def _next(self) -> Sequence[Key] | None:
        if self._is_over:
            return None
        try:
            return self.todo.popleft()
        except IndexError:
            return None

    def _ask(self, part: Sequence[Key]) -> None:
        try:
            for answers in self.asker.client.ask(part, self._turn):
                self.asker.keep(answers)
                self._heard.put(answers)
        except TooLate:  # and so are all others
            self.todo.clear()
        except Failure as failure:
            if failure.of_service:  # nor need the others ask
                self.todo.clear()
            shown = Failure(self.asker.client.without_secrets(failure.reason), pause=failure.pause)
            self._heard.put(shown if failure.of_service else dict.fromkeys(part, shown))
        except Exception as error:  # of any library, on whatever the service sent; its text may hold secrets
            self._heard.put(Failure(f"garbage: {type(error).__name__}"))

    def _turn(self) -> float:
        at = self.asker.reserve(self.until)
        time.sleep(max(0.0, at - time.monotonic()))
        left = self.until - time.monotonic()
        if self._is_over or left <= 0:
            raise TooLate
        return left

    def _silent(self) -> Failure:
        return Failure(f"slow: no answer within {self.asker.limits.time_limit:g} s")
