"""Alert packets: wire formats, Avro schemas and their columns."""
