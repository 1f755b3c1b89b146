"""What Spark's errors mean to a person."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from skysieve.brokers import RIGHTS
from skysieve.errors import FilterError, SessionError
from skysieve.languages import faults

_REFUSED = re.compile(r"TopicAuthorizationException: Not authorized to access topics: \[(.+?)\]")


@contextmanager
def answers() -> Iterator[None]:
    """Put plainly that the server is gone or has forgotten this session, or that Kafka refused what Spark did in it."""
    from pyspark.errors import PySparkException

    try:
        yield
    except PySparkException as error:
        if "INVALID_HANDLE" in str(error):
            reason = "Spark has closed this session, or was started anew"
        elif "UNAVAILABLE" in str(error):
            reason = "Spark does not answer any more; `skysieve status` tells whether it runs, `skysieve up` starts it"
        elif fault := faults.found(str(error)):
            raise fault.error() from None
        elif refused := _REFUSED.search(str(error)):
            raise SessionError(
                f"Kafka does not let this user read or write topic {refused[1]!r}: {RIGHTS}."
            ) from None
        elif "Python worker exited unexpectedly" in str(error):
            raise FilterError(
                "The function ended its Python worker: it did not stop in time, took too much memory, or crashed. "
                "The log of Spark (`skysieve status` tells where) has its last words."
            ) from None
        else:
            raise
        raise SessionError(f"{reason}. Then attach again: sky = skysieve.attach()") from None
