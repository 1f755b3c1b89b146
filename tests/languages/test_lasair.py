"""Filters of Lasair: a query finds an alert's row exactly where its translation lets the alert pass."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from skysieve.errors import ColumnError, FilterError, FilterSyntaxError
from skysieve.languages.lasair import from_where, to_where
from skysieve.languages.lasair_query import OWN
from skysieve.languages.sql import bind, cuts
from skysieve.packets import formats
from verdicts import passes, rows

COLUMNS = formats.get("lsst").columns()
NAMES = ["diaObjectId", "ra", "decl", "nDiaSources", "g_psfFluxMean", "r_psfFluxMean", "r_psfFluxNdata"]
NUMBERS = st.sampled_from([None, -3.0, -0.5, 0.0, 0.5, 2.0, 100.0])
COUNTS = st.sampled_from([None, 0, 1, 2, 7])
ALERTS = st.fixed_dictionaries(
    {
        **dict.fromkeys(["ra", "decl", "g_psfFluxMean", "r_psfFluxMean"], NUMBERS),
        **dict.fromkeys(["nDiaSources", "r_psfFluxNdata"], COUNTS),
        "diaObjectId": st.just(11),
    }
)
NO_OBJECT = dict.fromkeys(NAMES)


def packet(row):
    return {f"diaObject.{'dec' if name == 'decl' else name}": value for name, value in row.items()}


def finds(query, row):
    return rows(query, "objects", row) == 1


def query(condition):
    return f"SELECT objects.diaObjectId FROM objects WHERE {condition}"


VALUES = st.recursive(
    st.sampled_from(["objects.ra", "decl", "objects.g_psfFluxMean", "r_psfFluxMean"]),
    lambda values: st.one_of(
        st.tuples(
            values, st.sampled_from("+-*/"), values | st.sampled_from(["2", "0.5", "-1e0", "nDiaSources"])
        ).map(lambda parts: f"({' '.join(parts)})"),
        values.map("ABS({})".format),
        values.map("-{}".format),
        st.tuples(values, values).map(lambda two: f"IFNULL({', '.join(two)})"),
    ),
    max_leaves=3,
)
COMPARED = st.one_of(
    st.tuples(
        VALUES | st.sampled_from(["nDiaSources", "r_psfFluxNdata"]),
        st.sampled_from(["=", "<>", "!=", "<", "<=", ">", ">=", "<=>"]),
        VALUES | st.sampled_from(["0", "-3", "0.5", "2e0", "nDiaSources"]),
    ).map(" ".join),
    VALUES.map("{} IS NULL".format),
    VALUES.map("{} IS NOT NULL".format),
    VALUES.map("ISNULL({})".format),
    VALUES.map("{} IN (0, 2, 0.5)".format),
    VALUES.map("{} NOT IN (0, 2)".format),
    VALUES.map("{} BETWEEN -1 AND 2".format),
    VALUES.map("{} NOT BETWEEN -1 AND 2".format),
)
CONDITIONS = st.recursive(
    COMPARED,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["AND", "OR", "&&"]), inner).map(
            lambda parts: f"({' '.join(parts)})"
        ),
        inner.map("NOT ({})".format),
    ),
    max_leaves=4,
)


@given(CONDITIONS, ALERTS)
def test_a_translation_passes_what_the_query_finds(condition, row):
    assert passes(to_where(query(condition)), packet(row)) == finds(query(condition), row)


@given(CONDITIONS)
def test_a_translation_passes_no_alert_without_an_object(condition):
    assert not passes(to_where(query(condition)), packet(NO_OBJECT))


@given(CONDITIONS, ALERTS)
def test_there_and_back_the_meaning_is_kept(condition, row):
    back = from_where(to_where(query(condition)), COLUMNS)
    assert finds(back, row) == finds(query(condition), row)


@given(CONDITIONS, ALERTS)
def test_back_and_there_the_meaning_is_kept(condition, row):
    where = to_where(query(condition))
    assert passes(to_where(from_where(where, COLUMNS)), packet(row)) == passes(where, packet(row))


@pytest.mark.parametrize(
    "text",
    [
        "SELECT objects.diaObjectId, objects.ra AS x FROM objects WHERE objects.ra > 10 AND objects.decl < 5",
        "select * from objects where ra > 10 and decl < 5;",
        "SELECT ra FROM objects_ext WHERE objects_ext.ra > 10 && DECL < 5 ORDER BY ra DESC",
        "objects.ra > 10 AND objects.decl < 5 ORDER BY objects.lastDiaSourceMjdTai",
        "WHERE ra > 10 AND decl < 5",
        "ra > 10 AND (decl < 5)",
    ],
)
def test_what_is_selected_and_in_which_order_decides_nothing(text):
    assert to_where(text) == "diaObject.ra > 10 AND diaObject.dec < 5"


def test_conditions_become_cuts():
    where = to_where("ra > 10 AND (decl < 5 OR nDiaSources > 3) AND ra BETWEEN 1 AND 2")
    assert [bind(cut, COLUMNS).text for cut in cuts(where)] == [
        "diaObject.ra > 10",
        "(diaObject.dec < 5 OR diaObject.nDiaSources > 3)",
        "diaObject.ra >= 1",
        "diaObject.ra <= 2",
    ]


@pytest.mark.parametrize("text", ["SELECT ra FROM objects", "ORDER BY ra", "TRUE"])
def test_no_condition_asks_for_an_object_alone(text):
    assert cuts(to_where(text))[0].text == "diaObject.diaObjectId IS NOT NULL"


def test_every_column_that_lasair_copies_is_one_of_lssts():
    for name in (
        *NAMES,
        "raErr",
        "ra_dec_Cov",
        "validityStartMjdTai",
        "y_psfFluxMaxSlope",
        "i_scienceFluxMean",
    ):
        (cut,) = cuts(to_where(f"objects.{name} > 1"))
        bind(cut, COLUMNS)


def test_floats_are_reckoned_with_in_double_precision():
    where = to_where("g_psfFluxMean - r_psfFluxMean > 0")
    assert where == "(CAST(diaObject.g_psfFluxMean AS DOUBLE) - CAST(diaObject.r_psfFluxMean AS DOUBLE)) > 0"


@pytest.mark.parametrize(
    ("condition", "translated"),
    [
        ("g_psfFluxMean > 16777216", "diaObject.g_psfFluxMean > 16777216"),
        ("g_psfFluxMean > 16777217", "CAST(diaObject.g_psfFluxMean AS DOUBLE) > 16777217"),
        (
            "g_psfFluxMean > nDiaSources",
            "CAST(diaObject.g_psfFluxMean AS DOUBLE) > CAST(diaObject.nDiaSources AS BIGINT)",
        ),
    ],
)
def test_a_float_is_widened_where_spark_would_round_the_other_side(condition, translated):
    assert to_where(condition) == translated


def test_numbers_too_large_for_sparks_integers_are_reckoned_out():
    assert to_where("ra < 100000 * 100000") == "diaObject.ra < 10000000000"


def test_columns_of_lasairs_own_are_refused_all_by_name():
    condition = " OR ".join(f"objects.{name} > 1" for name in OWN)
    with pytest.raises(FilterError) as caught:
        to_where(condition)
    assert all(f"objects.{name}" in str(caught.value) for name in OWN)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT ra FROM objects, sherlock_classifications WHERE ra > 1", "not sherlock_classifications"),
        ("SELECT ra FROM objects, crossmatch_tns WHERE ra > 1", "not crossmatch_tns"),
        ("SELECT ra FROM objects JOIN annotations ON ra = 1 WHERE ra > 1", "not annotations"),
        ("SELECT ra FROM objects, watchlist:12 WHERE ra > 1", "watchlist:12"),
        ("SELECT ra FROM objects, area:3&4, annotator:fastfinder", "area:3&4, annotator:fastfinder"),
        ("sherlock_classifications.classification = 'SN'", "sherlock_classifications.classification"),
        ("crossmatch_tns.z < 0.1 AND jump1 > 3", "crossmatch_tns.z, objects.jump1"),
        ("SELECT o.ra FROM objects o WHERE ra > 1", "without another name"),
        ("ra > 1 LIMIT 10", "LIMIT cannot"),
        ("ra > 1 GROUP BY ra", "GROUP cannot"),
        ("ra > 1 HAVING ra > 2", "HAVING cannot"),
        ("SELECT DISTINCT ra FROM objects", "DISTINCT cannot"),
        ("SELECT COUNT(*) FROM objects", "An aggregate cannot"),
        ("SELECT ra FROM objects UNION SELECT ra FROM objects", "one SELECT"),
        ("ra > 1; ra > 2", "not ';'"),
        ("mjdnow() - ra < 2", "MJDNOW cannot.*midpointMjdTai"),
        ("SQRT(ra) > 2", "SQRT cannot.*NaN"),
        ("GREATEST(ra, decl) > 2", "GREATEST cannot.*NULL"),
        ("ROUND(ra) = 2", "ROUND cannot.*halves"),
        ("ra DIV 2 = 1", "INTDIV cannot"),
        ("ra % 2 = 1", "MOD cannot"),
        ("ra XOR decl", "XOR cannot"),
        ("ra REGEXP 'a'", "REGEXPLIKE cannot"),
        ("ra LIKE '1%'", "LIKE cannot"),
        ("ra IN (SELECT 1)", "IN cannot"),
        ("CAST(ra AS SIGNED) = 2", "cast differently"),
        ("ra > 1 || decl > 2", "Write OR"),
        ("!(ra > 1)", "Write NOT"),
        ("ra = '10'", "'10' is a text"),
        ('ra = "10"', "'10' is a text"),
        ("nDiaSources / 2 > 1", "decimals.*2e0"),
        ("nDiaSources * 0.5 > 1", "decimals.*2e0"),
        ("diaObjectId = 5.5", "an id is compared with whole numbers"),
        ("diaObjectId + 1 = 5", "no number to reckon with"),
        ("nDiaSources", "write nDiaSources <> 0"),
        ("(ra > 1) = 1", "is a condition"),
        ("1 < ra < 3", "is a condition"),
        ("ra = TRUE", "BOOLEAN cannot"),
        ("ra = NULL", "NULL cannot"),
        ("LOG(10, ra) >= 3", "quotient.*write LOG10"),
    ],
)
def test_what_does_not_translate_exactly_is_refused_by_name(text, message):
    with pytest.raises(FilterError, match=message):
        to_where(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("g_psfFluxMen > 1", "'g_psfFluxMen'.* g_psfFluxMean"),
        ("objects.candidate > 1", "'objects.candidate'"),
    ],
)
def test_an_unknown_column_names_the_nearest(text, message):
    with pytest.raises(ColumnError, match=message):
        to_where(text)


@pytest.mark.parametrize("text", ["ra > 1 AND", "SELECT ra FROM objects WHERE (ra > 1", "ra > 1 ra"])
def test_what_does_not_parse_has_a_place(text):
    with pytest.raises(FilterSyntaxError, match=r"line 1, column \d+"):
        to_where(text)


def test_a_quote_without_an_end_is_refused():
    with pytest.raises(FilterError, match="no end"):
        to_where("ra > 'x")


def test_short_names_and_casts_translate():
    where = (
        "nDiaSources > 3 AND CAST(g_psfFluxMean AS DOUBLE) * 1.5D > 1e3 AND -2.5D * log10(diaObject.ra) < 2L"
    )
    assert from_where(where, COLUMNS) == query(
        "objects.nDiaSources > 3 AND objects.g_psfFluxMean * 1.5e0 > 1e3 AND -2.5e0 * LOG10(objects.ra) < 2"
    )


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("diaSource.snr > 5", "no copy of diaSource.snr"),
        ("diaObject.lastDiaSourceMjdTai > 5", "Lasair overwrites it"),
        ("derived.gal_b > 5", "no copy of derived.gal_b"),
        ("exists(prvDiaSources, x -> x.snr > 5)", "EXISTS cannot"),
        ("diaSource.band = 'g'", "no copy of diaSource.band"),
        ("diaObject.dec IS NULL", re.escape("add AND diaObject.diaObjectId IS NOT NULL")),
        ("coalesce(diaObject.dec, 0) = 0", re.escape("add AND diaObject.diaObjectId IS NOT NULL")),
        ("NOT diaObject.dec <=> 1", re.escape("add AND diaObject.diaObjectId IS NOT NULL")),
        ("1 < 2", re.escape("add AND diaObject.diaObjectId IS NOT NULL")),
        ("g_psfFluxMean - r_psfFluxMean > 1", r"write CAST\(diaObject.g_psfFluxMean AS DOUBLE\)"),
        ("nDiaSources + 1 > 1", r"write CAST\(diaObject.nDiaSources AS BIGINT\)"),
        ("g_psfFluxMean > nDiaSources", r"write CAST\(diaObject.g_psfFluxMean AS DOUBLE\)"),
        ("coalesce(g_psfFluxMean, 0) > 1", r"write CAST\(diaObject.g_psfFluxMean AS DOUBLE\)"),
        ("CAST(nDiaSources AS BIGINT) * 0.5 > 1", "write 0.5D"),
        ("CAST(nDiaSources AS BIGINT) / 2 > 1", r"few digits in MariaDB"),
        ("diaObject.ra > 100000 * 100000", "write 10000000000"),
        ("CAST(diaObject.ra AS INT) > 1", "CAST cannot"),
        ("diaObject.ra RLIKE '1'", "REGEXPLIKE cannot"),
        ("log( 10 , diaObject.ra) >= 3", "quotient.*write LOG10"),
    ],
)
def test_what_lasair_takes_otherwise_is_refused_with_a_cure(where, message):
    with pytest.raises(FilterError, match=message):
        from_where(where, COLUMNS)


def test_a_misspelt_column_names_the_nearest():
    with pytest.raises(ColumnError, match=r"diaObject\.g_psfFluxMean"):
        from_where("diaObject.g_psfFluxMen > 1", COLUMNS)


@given(CONDITIONS)
def test_a_query_holds_nothing_that_lasair_forbids(condition):
    made = from_where(to_where(query(condition)), COLUMNS)
    words = set(re.split(r"[\s(){}]", made.partition("WHERE")[2].lower()))
    assert not words & {"create", "select", "union", "exists", "window", "for", "into", "limit", "offset"}
    assert not any(mark in made for mark in ("#", "/*", "*/", ";", "||", "\\"))
