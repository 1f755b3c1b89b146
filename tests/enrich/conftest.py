"""A database, and a service on it."""

import sqlite3

import pytest

from .looking_up import HOSTS
from .serving import Server


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "hosts.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE hosts (id INTEGER, z REAL, n INTEGER, name TEXT)")
        connection.executemany("INSERT INTO hosts VALUES (?, ?, ?, ?)", HOSTS)
    connection.close()
    return path


@pytest.fixture
def server(database):
    with Server().running() as running:
        running.database = database
        running.objects = {str(i): {"z": z, "n": n, "name": name} for i, z, n, name in HOSTS}
        yield running
