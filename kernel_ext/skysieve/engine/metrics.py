"""How banks and filters do, as Prometheus reads it: ``http://127.0.0.1:PORT/metrics``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import get_args

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from skysieve.engine.book import StatusBook
from skysieve.engine.health import FilterHealth, QueryHealth
from skysieve.engine.status import FilterStatus, State

Number = float | None
Labelled = Iterable[tuple[Sequence[str], Number]]

_QUERIES: dict[str, tuple[str, Callable[[QueryHealth], Number]]] = {
    "packets_per_second": ("Packets that a query judges per second", lambda q: q.packets_per_second),
    "lag_alerts": ("Packets that wait to be judged", lambda q: q.lag),
    "lag_seconds": ("For how long they may have waited", lambda q: q.lag_seconds),
    "latency_seconds_median": ("From a packet's arrival to its matches", lambda q: q.latency_median),
    "latency_seconds_p99": ("The same, of the slowest hundredth", lambda q: q.latency_p99),
    "groups": ("Groups in the state of an aggregate", lambda q: q.groups),
    "late": ("How often an aggregate left alerts out, being late or without a time", lambda q: q.late),
    "decodes_in_python": ("Whether packets are split in Python", lambda q: int(q.in_python)),
}
_COUNTS: dict[str, tuple[str, Callable[[QueryHealth], Number]]] = {
    "restarts": ("Times it fell and was started", lambda q: q.restarts),
    "lost_packets": ("Packets that Kafka deleted before they were judged", lambda q: q.lost),
}
_FILTERS: dict[str, tuple[str, Callable[[FilterHealth], Number]]] = {
    "judged_per_second": ("Alerts that a filter judges per second", lambda h: h.judged_per_second),
    "matched_per_second": ("Matches of a filter per second", lambda h: h.matched_per_second),
    "pass_rate": ("Share of the alerts of the last hour that passed", lambda h: h.pass_rate),
    "drifts": ("Whether it passes another share than its preview did", lambda h: int(h.drift is not None)),
    "last_match_seconds": (
        "When it last had a match, in seconds since 1970",
        lambda h: h.last_match.timestamp() if h.last_match else None,
    ),
}


class StatusCollector(Collector):
    """Gives Prometheus what the supervisor's status book holds."""

    def __init__(self, book: StatusBook) -> None:
        self._book = book

    def collect(self) -> Iterator[Metric]:
        """Every metric, as of now."""
        filters, banks = dict(self._book.filters), self._book.health
        yield _states(filters.values())
        for name, (text, value) in _QUERIES.items():
            family = GaugeMetricFamily(f"skysieve_query_{name}", text, labels=["query"])
            _fill(family, (((query,), value(bank)) for query, bank in banks.items()))
            yield family
        for name, (text, value) in _COUNTS.items():
            counter = CounterMetricFamily(f"skysieve_query_{name}", text, labels=["query"])
            _fill(counter, (((query,), value(bank)) for query, bank in banks.items()))
            yield counter
        for name, (text, told) in _FILTERS.items():
            family = GaugeMetricFamily(f"skysieve_filter_{name}", text, labels=["filter", "stream"])
            _fill(family, ((place, told(health)) for place, health in _healths(filters, banks)))
            yield family


def serve(book: StatusBook, port: int) -> str:
    """Serve the metrics on loopback; gives their address.

    Parameters
    ----------
    book
        What is known.
    port
        Where; 0 for any that is free.
    """
    registry = CollectorRegistry()
    registry.register(StatusCollector(book))
    server, _ = start_http_server(port, "127.0.0.1", registry)
    return f"http://127.0.0.1:{server.server_port}/metrics"


def _healths(
    filters: dict[str, FilterStatus], banks: dict[str, QueryHealth]
) -> Iterator[tuple[Sequence[str], FilterHealth]]:
    for bank in banks.values():
        for name, health in bank.filters.items():
            if name in filters:
                yield (name, filters[name].stream), health


def _states(filters: Iterable[FilterStatus]) -> Metric:
    family = GaugeMetricFamily(
        "skysieve_filter_state", "1 for the state that a filter is in", labels=["filter", "state"]
    )
    for status in filters:
        for state in get_args(State):
            family.add_metric([status.name, state], float(status.state == state))
    return family


def _fill(family: GaugeMetricFamily | CounterMetricFamily, values: Labelled) -> None:
    for labels, value in values:
        if value is not None:
            family.add_metric(list(labels), value)
