"""ZTF's schema: the same fields and types as in real packets, each with a meaning and a unit."""

import io
from collections import Counter
from functools import cache

import fastavro
import pytest
from astropy import units
from conftest import DATA
from skysieve.packets import ztf_schema


@cache
def real_schemas():
    """Every schema in the headers of the real packets, once, with a file that has it and the schema's version.

    That is not always the packets' ``schemavsn``: some packets that say 3.2 have the schema of 3.1.
    """
    found = {}
    for file in sorted((DATA / "ztf").rglob("*.avro")):
        reader = fastavro.reader(io.BytesIO(file.read_bytes()))
        found.setdefault(
            reader.metadata["avro.schema"], (file, reader.writer_schema.get("version"), reader.writer_schema)
        )
    return list(found.values())


def types(part, path=(), named=None):
    """The type of every field of a schema, by path; unions in any order, names of records left out."""
    named = {} if named is None else named
    if isinstance(part, list):
        return {p: t for one in part for p, t in types(one, path, named).items()}
    if isinstance(part, dict) and part["type"] == "array":
        return types(part["items"], path, named)
    if isinstance(part, str):
        part = named.get(part)
        if part is None:
            return {}
    named[part["name"]] = part
    found = {}
    for field in part["fields"]:
        here = (*path, field["name"])
        found[here] = form(field["type"])
        found.update(types(field["type"], here, named))
    return found


def form(part):
    if isinstance(part, list):
        return frozenset(form(one) for one in part)
    if isinstance(part, dict):
        return part["type"]
    return "record" if "." in part else part


@pytest.mark.real_data
def test_names_and_types_are_those_in_the_headers_of_real_packets():
    ours = types(ztf_schema.schema())
    compared = 0
    for file, version, schema in real_schemas():
        if version == ztf_schema.VERSION and schema["name"] == "ztf.alert":
            assert list(types(schema)) == list(ours)
            assert types(schema) == ours, file
            compared += 1
    assert compared


@pytest.mark.real_data
def test_every_field_of_every_real_packet_is_described():
    described = Counter()
    for file, version, schema in real_schemas():
        if schema["name"] == "ztf.alert":  # others are what a broker made of them, with fields of its own
            missing = [path for path in types(schema) if not ztf_schema.described(path)]
            assert not missing, file
            described[version] += 1
    assert {"3.1", "3.3", "4.01", "4.02"} <= set(described)


@pytest.mark.real_data
def test_a_version_has_exactly_the_fields_that_are_no_newer():
    for file, version, schema in real_schemas():
        if schema["name"] == "ztf.alert":
            expected = {
                path
                for path in types(ztf_schema.schema())
                if max(float(since(path[: n + 1])) for n in range(len(path))) <= float(version)
            }
            assert set(types(schema)) == expected, file


def since(path):
    record = ""
    for name in path[:-1]:
        record = ztf_schema.fields()[record, name].kind
    return ztf_schema.fields()[record, path[-1]].since


@pytest.mark.real_data
def test_a_real_record_is_encoded_to_the_survey_s_own_bytes():
    schema = fastavro.parse_schema(ztf_schema.schema())
    for file in sorted((DATA / "ztf").rglob("*.avro")):
        reader = fastavro.reader(io.BytesIO(file.read_bytes()))
        record = next(reader)
        if record["schemavsn"] == ztf_schema.VERSION and reader.writer_schema["name"] == "ztf.alert":
            ours, theirs = io.BytesIO(), io.BytesIO()
            fastavro.schemaless_writer(ours, schema, record)
            fastavro.schemaless_writer(theirs, fastavro.parse_schema(reader.writer_schema), record)
            assert ours.getvalue() == theirs.getvalue()


@pytest.mark.parametrize("field", ztf_schema.fields().values(), ids=lambda f: f"{f.record}.{f.name}")
def test_a_field_has_a_meaning_in_one_line_and_a_unit_that_exists(field):
    assert field.description == field.description.strip()
    assert 10 < len(field.description) < 130
    assert not field.description.endswith(".")
    assert not field.unit or field.unit == "DN" or units.Unit(field.unit)


def test_what_ztf_does_not_have_is_not_described():
    assert ztf_schema.described(("candidate", "snr")) is None
    assert ztf_schema.described(("diaSource", "snr")) is None
    assert ztf_schema.described(()) is None
    assert ztf_schema.described(("candidate", "magpsf")) == ztf_schema.described(("prv_candidates", "magpsf"))
    assert ztf_schema.described(("candidate", "distnr"))[0] == "pixel"
    assert ztf_schema.described(("fp_hists", "distnr"))[0] == "arcsec"
