"""What the status topic tells."""

from skysieve import Filter
from skysieve.engine.health import FilterHealth, QueryHealth
from skysieve.engine.registry import Registered, Version
from skysieve.engine.status import status_of, told
from skysieve.engine.values import now


def record(name="bright"):
    spec = Filter(name, "diaSource.snr > 20", stream="some-alerts")
    version = Version(version=spec.version, where=spec.where, deployed=now())
    return Registered(
        name=name,
        stream=spec.stream,
        owner="ada",
        wanted="running",
        start="latest",
        run="1",
        versions=(version,),
        current=spec.version,
    )


def test_a_filter_that_runs_is_told_with_how_it_and_its_query_do():
    health = QueryHealth(
        query="some-alerts", lag=3, updated=now(), filters={"bright": FilterHealth(judged=7)}
    )
    found = told(
        {
            "bright": status_of(record(), "running").model_dump_json().encode(),
            "/health/some-alerts": health.model_dump_json().encode(),
        }
    )
    assert found["bright"].health == FilterHealth(judged=7)
    assert found["bright"].bank.lag == 3


def test_a_record_that_cannot_be_read_hides_no_other():
    found = told(
        {
            "bright": status_of(record(), "running").model_dump_json().encode(),
            "broken": b"{}",
            "/health/some-alerts": b"<img src=x>",
            "/archive/bright": b"",
        }
    )
    assert list(found) == ["bright"]
    assert found["bright"].bank is None
