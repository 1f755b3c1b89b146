"""Records of the registry: what is computed of one is computed once, and of a changed copy anew."""

from datetime import UTC, datetime

from skysieve import Filter
from skysieve.engine import registry
from skysieve.engine.registry import Registered, Version

ONE, TWO = (Filter("bright", f"snr > {limit}", "alerts") for limit in (5, 10))


def version(spec):
    return Version(version=spec.version, where=spec.where, deployed=datetime.now(UTC))


def registered(*specs):
    versions = tuple(version(spec) for spec in specs)
    return Registered(
        name="bright",
        stream="alerts",
        owner="me",
        wanted="running",
        start="latest",
        run="1",
        versions=versions,
        current=ONE.version,
    )


def test_a_copy_with_another_version_has_that_version_s_filter():
    first = registered(ONE, TWO)
    assert first.filter is first.filter
    assert first.filter.where == ONE.where
    assert first.model_copy(update={"current": TWO.version}).filter.where == TWO.where
    assert first == first.model_copy()


def test_a_record_that_was_read_before_is_not_parsed_again():
    value = registered(ONE).model_dump_json().encode()
    assert registry.read("bright", value) is registry.read("bright", value)
    assert registry.read("bright", value).filter == ONE
