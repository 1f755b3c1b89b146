"""The embedded session: Java, jars, Kafka, Spark Connect and the supervisor on this machine."""
