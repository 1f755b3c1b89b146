"""How a notebook comes by its session: the one named, or the local one."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

import skysieve
from skysieve import local
from skysieve.connections import TOKEN, connect
from skysieve.environment import secret
from skysieve.errors import SessionError
from skysieve.home import Home
from skysieve.kafka_options import KafkaOptions
from skysieve.session import Session
from skysieve.topics import Topics


def attach(
    spark: str | None = None, *, kafka: str | None = None, kafka_options: Mapping[str, str] | None = None
) -> Session:
    """Attach to a running session: the one given, the one that the environment names, or the local one.

    A notebook can use ``%%filter`` and ``%deploy`` then.

    Parameters
    ----------
    spark
        URL of a Spark Connect server, ``sc://host:15002``; else ``$SKYSIEVE_SPARK``. Its token, if it wants one, is
        read from ``$SPARK_CONNECT_AUTHENTICATE_TOKEN``.
    kafka
        ``host:port`` of a Kafka broker; else ``$SKYSIEVE_KAFKA``.
    kafka_options
        How to connect (:meth:`skysieve.kafka_options.KafkaOptions.of`), beside what the environment says of it.

    Raises
    ------
    SessionError
        If there is no session, or it does not answer.
    """
    spark, kafka = spark or os.environ.get("SKYSIEVE_SPARK"), kafka or os.environ.get("SKYSIEVE_KAFKA")
    token: str | None = secret(TOKEN)
    options = KafkaOptions.named if spark or kafka else KafkaOptions.of
    if not spark and not kafka:
        running = local.running(Home.default())
        if running is None:
            raise SessionError(
                "No session is running here. Start one with `skysieve up`, or name one in attach()."
            )
        spark, kafka, token = running.spark, running.kafka, running.token
    if not spark or not kafka:
        missing = "spark='sc://host:15002'" if not spark else "kafka='host:9092'"
        raise SessionError(f"attach() needs both servers; {missing} is missing.")
    topics = Topics(kafka, options(kafka_options or {}))
    topics.names()  # so that a user whom Kafka does not know hears of it now
    session = Session(topics, connect(spark, token))
    give_magics()
    return session


def give_magics() -> None:
    """Let the notebook that calls use ``%%filter`` and ``%deploy``; elsewhere, or where it can, nothing happens."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is not None and "filter" not in shell.magics_manager.magics["cell"]:
        skysieve.load_ipython_extension(shell)
