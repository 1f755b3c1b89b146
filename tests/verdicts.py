"""What SQL says of one alert, by SQLite: it knows NULL as Spark and MariaDB do, and reckons in double precision."""

import sqlite3
from contextlib import closing

import sqlglot


def passes(where, alert):
    """Whether an alert, given as values by dotted name, meets a condition in Spark's SQL."""
    records = {}
    for number, name in enumerate(alert):
        record, _, field = name.rpartition(".")
        records.setdefault(record or "packet", []).append(f":v{number} AS {field}")
    tables = ", ".join(f"(SELECT {', '.join(fields)}) AS {record}" for record, fields in records.items())
    return bool(_run(f"{_translated(f'SELECT {where}', 'spark')} FROM {tables}", alert)[0][0])


def rows(query, table, row):
    """How many rows a query in MariaDB's SQL finds in a table of one, given as values by column."""
    columns = ", ".join(f":v{number} AS {name}" for number, name in enumerate(row))
    return len(_run(f"WITH {table} AS (SELECT {columns}) {_translated(query, 'mysql')}", row))


def _translated(query, dialect):
    return sqlglot.transpile(query, read=dialect, write="sqlite")[0]


def _run(query, values):
    with closing(sqlite3.connect(":memory:")) as connection:
        named = {f"v{number}": value for number, value in enumerate(values.values())}
        return connection.execute(query, named).fetchall()
