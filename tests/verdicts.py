"""What SQL says of one alert, by SQLite: it knows NULL as Spark does, and reckons in double precision."""

import sqlite3
from contextlib import closing

import sqlglot


def passes(where, alert):
    """Whether an alert, given as values by dotted name, meets a condition in Spark's SQL."""
    return bool(_run(f"SELECT {_plain(where, 'spark')} FROM {_tables(alert)}", alert)[0][0])


def rows(query, table, row):
    """How many rows a query in MariaDB's SQL finds in a table of one."""
    columns = ", ".join(f"? AS {name}" for name in row)
    found = sqlglot.transpile(query, read="mysql", write="sqlite")[0]
    return len(_run(f"WITH {table} AS (SELECT {columns}) {found}", row))


def _plain(where, dialect):
    return sqlglot.transpile(f"SELECT {where}", read=dialect, write="sqlite")[0].removeprefix("SELECT ")


def _tables(alert):
    tables = {}
    for name in alert:
        record, _, field = name.rpartition(".")
        tables.setdefault(record or "packet", []).append(f"? AS {field}")
    return ", ".join(f"(SELECT {', '.join(fields)}) AS {record}" for record, fields in tables.items())


def _run(query, values):
    ordered = sorted(values, key=lambda name: list(dict.fromkeys(n.rpartition(".")[0] for n in values)).index(name.rpartition(".")[0]))
    with closing(sqlite3.connect(":memory:")) as connection:
        return connection.execute(query, [values[name] for name in ordered]).fetchall()
