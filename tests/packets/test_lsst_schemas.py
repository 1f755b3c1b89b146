"""Schemas of LSST alerts: every version of the distribution is one schema that needs no other file."""

import io
from importlib import metadata

import fastavro
import fastavro.utils
import offline
import pytest
from skysieve import StreamError
from skysieve.packets import lsst_schemas

VERSIONS = list(lsst_schemas.schema_files())


def names(part):
    """Names of all types in a schema: of records where they are defined and where they are used again."""
    if isinstance(part, list):
        return [name for one in part for name in names(one)]
    if isinstance(part, str):
        return [part]
    if part["type"] == "record":
        return [part["name"], *(name for field in part["fields"] for name in names(field["type"]))]
    return names(part["items"] if part["type"] == "array" else part["type"])


def test_every_version_of_the_distribution_is_known_oldest_first():
    assert sorted(offline.schemas()) == VERSIONS
    assert {300, 704, 1000} <= set(VERSIONS)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_id_is_a_hundred_times_major_plus_minor(version):
    major, minor = divmod(version, 100)
    path = lsst_schemas.schema_files()[version]
    assert path.parts[-3:] == (str(major), str(minor), f"lsst.v{major}_{minor}.alert.avsc")
    assert path.is_file()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_schema_parses_alone_and_its_names_carry_no_version(version):
    schema = lsst_schemas.load(version)
    parsed = fastavro.parse_schema(schema)
    assert parsed["name"] == "alert"
    found = names(schema)
    assert {"alert", "diaSource"} <= set(found)
    assert not [name for name in found if "." in name]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_record_is_defined_once_where_it_is_first_used(version):
    primitive = {"null", "boolean", "int", "long", "float", "double", "bytes", "string"}
    defined = []

    def walk(part):
        if isinstance(part, str):
            assert part in primitive or part in defined
        elif isinstance(part, list):
            for one in part:
                walk(one)
        elif part["type"] == "record":
            defined.append(part["name"])
            for field in part["fields"]:
                walk(field["type"])
        else:
            walk(part["items"] if part["type"] == "array" else part["type"])

    walk(lsst_schemas.load(version))
    assert len(defined) == len(set(defined)) > 3


@pytest.mark.parametrize("version", VERSIONS)
def test_an_alert_is_the_same_bytes_as_by_the_survey_s_own_files(version):
    schema = fastavro.parse_schema(lsst_schemas.load(version))
    for alert in fastavro.utils.generate_many(schema, 3):
        out = io.BytesIO()
        fastavro.schemaless_writer(out, schema, alert)
        assert b"\0" + version.to_bytes(4, "big") + out.getvalue() == offline.packet(alert, version)


def test_an_unknown_version_is_a_key_error():
    with pytest.raises(KeyError):
        lsst_schemas.load(9999)


def test_without_the_distribution_the_command_that_installs_it_is_named(monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "files", missing)
    with pytest.raises(StreamError, match="pip install lsst-alert-packet"):
        lsst_schemas.schema_files.__wrapped__()
