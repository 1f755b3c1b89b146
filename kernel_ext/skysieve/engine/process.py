"""The supervisor as a process: what the environment names, put together."""

from __future__ import annotations

import logging
import os
import threading

from skysieve.connections import connect
from skysieve.engine.supervisor import HEARTBEAT, Supervisor
from skysieve.environment import is_exact, secret
from skysieve.errors import SessionError
from skysieve.kafka_options import KafkaOptions
from skysieve.topics import Topics


def supervise(stopped: threading.Event) -> None:
    """Run the supervisor of ``$SKYSIEVE_KAFKA`` and ``$SKYSIEVE_SPARK`` until told to stop.

    Prometheus reads its metrics on loopback at ``$SKYSIEVE_METRICS_PORT``, else at a free port that ``skysieve status``
    tells. With ``$SKYSIEVE_PROGRESS`` set to ``asynchronous`` matches are out sooner, and more packets are judged again
    after a crash. Every ``$SKYSIEVE_HEARTBEAT`` seconds it looks at how the banks do.

    Raises
    ------
    SessionError
        If the environment does not name both and a folder for checkpoints, or says what cannot be.
    """
    needed = ("SKYSIEVE_KAFKA", "SKYSIEVE_SPARK", "SKYSIEVE_CHECKPOINTS")
    missing = [name for name in needed if not os.environ.get(name)]
    if missing:
        raise SessionError(
            f"The supervisor needs ${' and $'.join(missing)}; `skysieve up` sets them for a local session."
        )
    kafka, spark, checkpoints = (os.environ[name] for name in needed)
    topics = Topics(kafka, KafkaOptions.named())
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("kafka").setLevel(logging.WARNING)
    supervisor = Supervisor(
        topics,
        # read again each time, since the file that holds it may have a new one
        lambda session: connect(spark, secret("SPARK_CONNECT_AUTHENTICATE_TOKEN"), session),
        checkpoints,
        metrics_port=int(_number("SKYSIEVE_METRICS_PORT", 0)),
        exact=is_exact(),
        heartbeat=_number("SKYSIEVE_HEARTBEAT", HEARTBEAT),
    )
    supervisor.run(stopped)


def _number(variable: str, default: float) -> float:
    said = os.environ.get(variable) or str(default)
    try:
        return float(said)
    except ValueError:
        raise SessionError(f"${variable} is {said!r}: it must be a number.") from None
