"""What runs on the session: the bank, the registry, the supervisor and their status."""
