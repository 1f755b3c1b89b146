"""Columns: what the schemas say of them, over all versions, and how a name finds its column."""

import pytest
from skysieve import ColumnError
from skysieve.packets import formats
from skysieve.packets.columns import Columns

LSST = formats.get("lsst").columns()


def record(name, **fields):
    return {"type": "record", "name": name, "fields": [
        {"name": field, "type": kind, "doc": doc} for field, (kind, doc) in fields.items()
    ]}  # fmt: skip


OLD = record(
    "alert",
    alertId=("long", ""),
    source=(
        record(
            "alert_source",
            ra=("double", "Right ascension. [deg]"),
            flux=("float", "Flux [nJy]."),
            gone=(["null", "int"], "Not any more."),
        ),
        "",
    ),
    past=(
        ["null", {"type": "array", "items": record("alert_past", ra=("double", ""), mag=("float", ""))}],
        "",
    ),
    object=(["null", record("alert_object", ra=("double", ""), mag=("float", "Brightness [mag]"))], ""),
)
NEW = record(
    "alert",
    source=(
        record(
            "alert_source",
            ra=("double", "Where it is [rad] in the sky."),
            flux=("double", "Newest words."),
            Snr=("float", "Ratio (no unit), in [0, 1]"),
        ),
        "The detection.",
    ),
    past=(OLD["fields"][2]["type"], ""),
    object=(OLD["fields"][3]["type"], ""),
    image=(["null", "bytes"], ""),
)
COLUMNS = Columns({100: OLD, 200: NEW})


def test_a_type_that_changed_within_an_array_is_told():
    def of(kind):
        return record(
            "alert", past=({"type": "array", "items": record("alert_past", x=(kind, ""))}, "Before.")
        )

    changed, widened = Columns({1: of("string"), 2: of("long")}), Columns({1: of("int"), 2: of("long")})
    assert (
        changed["past"].description == "Before. (NULL where it is of another type: past[].x is string in 1)"
    )
    assert widened["past"].description == "Before."


@pytest.mark.parametrize(
    ("doc", "unit", "description"),
    [
        ("Flux [nJy]", "nJy", "Flux"),
        ("Flux. [nJy]", "nJy", "Flux."),
        ("Flux [nJy].", "nJy", "Flux"),
        ("Flux  [nJy] . ", "nJy", "Flux"),
        ("Flux [nJy] of it.", "nJy", "Flux of it."),
        ("Area [deg**2]", "deg**2", "Area"),
        ("Drift [degrees per day]", "degrees per day", "Drift"),
        ("Probability (0-1)", "", "Probability (0-1)"),
        ("", "", ""),
    ],
)
def test_a_unit_in_brackets_is_taken_out_of_the_description(doc, unit, description):
    column = Columns({1: record("alert", x=("float", doc))})["x"]
    assert (column.unit, column.description) == (unit, description)


def test_unit_and_description_are_the_newest_ones_and_a_unit_lost_on_the_way_is_kept():
    assert (COLUMNS["source.ra"].unit, COLUMNS["source.ra"].description) == ("rad", "Where it is in the sky.")
    assert (COLUMNS["source.flux"].unit, COLUMNS["source.flux"].description) == ("nJy", "Newest words.")


@pytest.mark.parametrize(
    ("name", "since", "until", "null", "kind"),
    [
        ("alertId", 100, 100, True, ["null", "long"]),
        ("source.ra", 100, 200, False, "double"),
        ("source.flux", 100, 200, False, "double"),
        ("source.gone", 100, 100, True, ["null", "int"]),
        ("source.Snr", 200, 200, True, ["null", "float"]),
        ("object.ra", 100, 200, True, "double"),  # null where the whole object is
        ("image", 200, 200, True, ["null", "bytes"]),
    ],
)
def test_a_column_knows_its_versions_its_type_and_whether_it_can_be_null(name, since, until, null, kind):
    column = COLUMNS[name]
    assert (column.since, column.until, column.null, column.schema) == (since, until, null, kind)
    assert column.name == name == ".".join(column.path)


@pytest.mark.parametrize(
    ("name", "scalar", "array", "fields"),
    [
        ("source.ra", True, False, ()),
        ("source", False, False, ("ra", "flux", "Snr", "gone")),
        ("past", False, True, ("ra", "mag")),
        ("object", False, False, ("ra", "mag")),
        ("image", False, False, ()),
    ],
)
def test_a_column_is_a_scalar_an_array_or_a_record_with_fields(name, scalar, array, fields):
    column = COLUMNS[name]
    assert (column.is_scalar, column.is_array, column.fields()) == (scalar, array, fields)


def test_columns_are_counted_listed_and_looked_up_by_full_names_only():
    names = [column.name for column in COLUMNS]
    assert len(COLUMNS) == len(set(names)) == len(names) == 11
    assert names[:3] == ["source", "source.ra", "source.flux"]
    assert all(name in COLUMNS for name in names)
    assert "ra" not in COLUMNS
    assert "past.ra" not in COLUMNS
    with pytest.raises(KeyError):
        COLUMNS["flux"]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("source.ra", "source.ra"),
        ("SOURCE.RA", "source.ra"),
        ("flux", "source.flux"),
        ("FLUX", "source.flux"),
        ("snr", "source.Snr"),
        ("alertid", "alertId"),
        ("mag", "object.mag"),  # those in an array are no columns
        ("past", "past"),
        ("image", "image"),
    ],
)
def test_a_name_finds_its_column_in_full_by_its_last_part_and_in_any_case(name, found):
    assert COLUMNS.resolve(name).name == found
    assert [column.name for column in COLUMNS.named(name)] == [found]


@pytest.mark.parametrize("name", ["ra", "RA"])
def test_a_name_that_could_be_several_is_refused_with_all_of_them(name):
    with pytest.raises(ColumnError) as raised:
        COLUMNS.resolve(name)
    assert str(raised.value) == f"Column {name!r} could be source.ra or object.ra: write one of them in full."


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("object.mga", " Did you mean object.mag or object.ra or object?"),
        ("flx", " Did you mean source.flux?"),
        ("object.flux", " Did you mean source.flux?"),
        ("zzz", ""),
        ("", ""),
    ],
)
def test_an_unknown_name_is_refused_with_what_comes_nearest(name, said):
    assert COLUMNS.named(name) == []
    with pytest.raises(ColumnError) as raised:
        COLUMNS.resolve(name)
    assert str(raised.value) == f"There is no column {name!r}.{said}"


def test_case_matters_only_where_names_differ_in_nothing_else():
    columns = Columns({1: record("alert", M=("float", ""), m=("double", ""))})
    assert columns.resolve("M").schema == "float"
    assert columns.resolve("m").schema == "double"


def test_a_full_name_comes_before_the_same_last_part_elsewhere():
    assert LSST.resolve("diaSourceId").name == "diaSourceId"
    with pytest.raises(ColumnError, match=r"could be diaSource\.ra or diaObject\.ra: "):
        LSST.resolve("ra")


def test_every_lsst_column_resolves_to_itself():
    assert len(LSST) > 1000
    assert [LSST.resolve(column.name) for column in LSST] == list(LSST)


def test_no_lsst_description_keeps_its_unit_and_units_are_the_survey_s():
    assert not [column for column in LSST if column.unit and f"[{column.unit}]" in column.description]
    units = {"diaSource.psfFlux": "nJy", "diaSource.ra": "deg", "diaSource.midpointMjdTai": "d"}
    assert {name: LSST[name].unit for name in units} == units


def test_only_scalars_are_found_by_their_last_part():
    inner = record("alert_s", flags=("int", ""), history=(["null", {"type": "array", "items": "long"}], ""))
    columns = Columns({1: record("alert", s=(inner, ""))})
    assert columns.resolve("flags").name == "s.flags"
    with pytest.raises(ColumnError, match=r"Did you mean s\.history\?"):
        columns.resolve("history")
