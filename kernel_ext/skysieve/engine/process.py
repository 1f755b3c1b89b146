"""The supervisor as a process: what the environment names, put together."""

from __future__ import annotations

import logging
import os
import threading

from skysieve.engine.supervisor import Supervisor
from skysieve.environment import secret
from skysieve.errors import SessionError
from skysieve.kafka_options import KafkaOptions
from skysieve.session import connect
from skysieve.topics import Topics


def supervise(stopped: threading.Event) -> None:
    """Run the supervisor of ``$SKYSIEVE_KAFKA`` and ``$SKYSIEVE_SPARK`` until told to stop.

    Raises
    ------
    SessionError
        If the environment does not name both and a folder for checkpoints, or says of Kafka what cannot be.
    """
    needed = ("SKYSIEVE_KAFKA", "SKYSIEVE_SPARK", "SKYSIEVE_CHECKPOINTS")
    missing = [name for name in needed if not os.environ.get(name)]
    if missing:
        raise SessionError(
            f"The supervisor needs ${' and $'.join(missing)}; `skysieve up` sets them for a local session."
        )
    kafka, spark, checkpoints = (os.environ[name] for name in needed)
    token, topics = secret("SPARK_CONNECT_AUTHENTICATE_TOKEN"), Topics(kafka, KafkaOptions.named())
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("kafka").setLevel(logging.WARNING)
    Supervisor(topics, lambda session: connect(spark, token, session), checkpoints).run(stopped)
