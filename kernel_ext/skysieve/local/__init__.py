"""The embedded session: Java, jars, Kafka, Spark Connect and the supervisor on this machine."""

from skysieve.local.session import LocalSession, down, running, up

__all__ = ["LocalSession", "down", "running", "up"]
