"""The embedded session: Java, jars, Kafka, Spark Connect and the supervisor on this machine."""

from skysieve.local.session import LocalSession, down, pids, running, up

__all__ = ["LocalSession", "down", "pids", "running", "up"]
