"""Filters of BOOM: how they translate, and what is refused by which name."""

import json

import pytest
from skysieve.errors import ColumnError, FilterError, FilterSyntaxError
from skysieve.languages.boom import from_where, to_where
from skysieve.languages.boom_fields import of
from skysieve.languages.sql import bind, cuts
from skysieve.packets import formats
from skysieve.packets.columns import Columns
from verdicts import passes

ZTF = formats.get("ztf").columns()
LSST = formats.get("lsst").columns()


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ({"candidate.drb": {"$gt": 0.9, "$lte": 1}}, "candidate.drb > 0.9 AND candidate.drb <= 1"),
        ({"candidate.drb": None}, "candidate.drb IS NULL"),
        ({"candidate.drb": {"$exists": False}}, "candidate.drb IS NULL"),
        ({"candidate.fid": {"$ne": 1}}, "NOT candidate.fid <=> 1"),
        ({"candidate.fid": {"$nin": [1, None]}}, "NOT (candidate.fid IS NULL OR candidate.fid IN (1))"),
        ({"candidate.drb": {"$not": {"$lt": 0.5}}}, "NOT coalesce(candidate.drb < 0.5, FALSE)"),
        ({"$expr": {"$lt": ["$candidate.drb", 0.5]}}, "coalesce(candidate.drb < 0.5, TRUE)"),
        ({"$expr": {"$gt": ["$candidate.drb", 0.5]}}, "candidate.drb > 0.5"),
        ({"candidate.isdiffpos": True}, "derived.is_positive"),
        ({"candidate.drb": {"$gt": 16777217}}, "CAST(candidate.drb AS DOUBLE) > 16777217"),
        ({"candidate.programpi": "it's"}, "candidate.programpi = 'it\\'s'"),
        ({}, "TRUE"),
    ],
)
def test_a_missing_field_is_null_and_judged_as_mongodb_does(query, where):
    assert to_where([{"$match": query}]) == where


def test_conditions_become_cuts():
    pipeline = [{"$match": {"candidate.drb": {"$gt": 0.9}}}, {"$match": {"$or": [{"_id": 1}, {"_id": 2}]}}]
    where = to_where(json.dumps(pipeline))
    assert [bind(cut, ZTF).sql for cut in cuts(where)] == [
        "`candidate.drb` > 0.9",
        "(`candid` = 1 OR `candid` = 2)",
    ]


FAST = [
    {"$match": {"candidate.rb": {"$gt": 0.3}, "candidate.fwhm": {"$gt": 0.5, "$lt": 8}}},
    {
        "$project": {
            "objectId": 1,
            "now": "$candidate.jd",
            "prv_candidates.jd": 1,
            "cross_matches": 1,
            "star": {"$and": [{"$lt": ["$candidate.distpsnr1", 20]}, {"$gt": ["$candidate.sgscore1", 0.49]}]},
            "annotations.mag": {"$round": ["$candidate.magpsf", 2]},
        }
    },
    {"$match": {"star": False}},
    {"$sort": {"now": 1}},
    {"$project": {"objectId": 1, "rate": {"$reduce": {"input": "$prv_candidates"}}}},
]


def test_what_is_worked_out_for_annotation_only_is_left_out():
    assert [cut.text for cut in cuts(to_where(FAST))] == [
        "candidate.rb > 0.3",
        "candidate.fwhm > 0.5",
        "candidate.fwhm < 8",
        "NOT (coalesce(coalesce(candidate.distpsnr1 < 20, TRUE) AND candidate.sgscore1 > 0.49, FALSE))",
    ]


def test_a_record_under_another_name_keeps_its_fields():
    assert to_where([{"$set": {"now": "$candidate"}}, {"$match": {"now.drb": 1}}]) == "candidate.drb = 1"


@pytest.mark.parametrize("survey", ["ztf", "lsst"])
def test_every_field_that_boom_copies_is_a_column(survey):
    columns = formats.get(survey).columns()
    fields = of(survey)
    where = to_where([{"$match": {"$or": [{path: None} for path in [*fields.copies, *fields.made]]}}], survey)
    (cut,) = cuts(where)
    assert {column.name for column in bind(cut, columns).columns} >= set(fields.copies.values())


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ({"candidate.snr": {"$gt": 5}, "candidate.band": "g"}, "diaSource.snr > 5 AND diaSource.band = 'g'"),
        ({"candidate.ndethist": {"$gte": 3}}, "diaObject.nDiaSources >= 3"),
        ({"candidate.ssObjectId": None}, "nullif(diaSource.ssObjectId, 0) IS NULL"),
        ({"candidate.pixelFlags_bad": {"$ne": True}}, "NOT diaSource.pixelFlags_bad <=> TRUE"),
    ],
)
def test_fields_of_lsst_are_those_of_its_packets(query, where):
    assert to_where([{"$match": query}], "lsst") == where


def test_the_band_of_ztf_is_named_after_its_number():
    where = to_where([{"$match": {"candidate.band": "r"}}])
    assert [fid for fid in (None, 1, 2, 3) if passes(where, {"candidate.fid": fid})] == [2]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        *[({f"{name}.0": None}, f"{name}.0: BOOM's own record") for name in ("prv_candidates", "fp_hists")],
        *[
            ({name: 1}, f"{name}: ")
            for name in ("cross_matches.AllWISE", "LSST.prv_candidates", "aliases.LSST")
        ],
        *[
            ({name: 1}, f"{name}: ")
            for name in ("classifications.btsbot", "properties.rock", "coordinates.l")
        ],
        ({"candidate.psfFlux": {"$gt": 1}}, "candidate.psfFlux: .*over candidate.magpsf"),
        ({"candidate.drb": {"$regex": "a"}}, r"\$regex cannot"),
        ({"candidate.drb": {"$type": "double"}}, r"\$type cannot"),
        ({"candidate.drb": {"$mod": [4, 0]}}, r"\$mod cannot"),
        ({"candidate.drb": {"$elemMatch": {}}}, r"\$elemMatch cannot"),
        ({"candidate.drb": {"$gte": None}}, r"\$gte: null cannot"),
        ({"candidate.drb": [1]}, r"\[1\] cannot"),
        ({"candidate.drb": {"x": 1}}, "cannot be translated"),
        ({"candidate.drb": float("nan")}, "NaN cannot"),
        ({"candidate.drb": "0.9"}, "type float, the other of type string"),
        ({"candidate.isdiffpos": 1}, "type boolean, the other of type whole"),
        ({"_id": 5.5}, "an id is compared with whole numbers"),
        ({"$where": "true"}, r"\$where cannot.*\$expr"),
        ({"$text": {}}, r"\$text cannot"),
        ({"$and": []}, r"\$and needs a list"),
        ({"$expr": {"$eq": ["$candidate.drb", None]}}, r"missing field is not null: write \{field: null\}"),
        (
            {"$expr": {"$lt": ["$candidate.drb", {"$abs": "$candidate.rb"}]}},
            r"missing is the less: .*\$ifNull",
        ),
        ({"$expr": {"$gt": [{"$size": "$prv_candidates"}, 1]}}, r"\$size cannot.*arrays"),
        ({"$expr": {"$anyElementTrue": {"$map": {}}}}, r"\$anyElementTrue cannot.*arrays"),
        ({"$expr": {"$gt": [{"$sqrt": "$candidate.drb"}, 1]}}, r"\$sqrt cannot"),
        ({"$expr": {"$gt": ["$$NOW", 1]}}, r"\$\$NOW cannot"),
        ({"$expr": {"$gt": ["$candidate.drb"]}}, r"\$gt needs a list of 2"),
        ({"$expr": {"$gt": [{"$add": ["$candidate.candid", 1]}, 1]}}, "no number to reckon with"),
        ({"$expr": {"$gt": [{"$abs": "$objectId"}, 1]}}, "no number to reckon with"),
        ({"$expr": "$candidate.drb"}, "no condition"),
        ({"$expr": {"$gt": [{"$cond": [True, 1, "a"]}, 1]}}, "different types"),
        ({"$expr": {"$gt": [1, 2], "$lt": [1, 2]}}, "one operator"),
    ],
)
def test_what_does_not_translate_exactly_is_refused_by_stage_and_name(query, message):
    with pytest.raises(FilterError, match=rf"(?s)Stage 1 \(\$match\): .*{message}"):
        to_where([{"$match": query}])


@pytest.mark.parametrize(
    "stage", ["$limit", "$group", "$unwind", "$lookup", "$sample", "$count", "$replaceRoot"]
)
def test_other_stages_are_refused_by_name(stage):
    with pytest.raises(FilterError, match=rf"Stage 2 \(\{stage}\): \{stage} cannot"):
        to_where([{"$match": {}}, {stage: {}}])


@pytest.mark.parametrize(
    ("stage", "name"),
    [
        ({"$project": {"objectId": 1}}, "candidate.drb"),
        ({"$project": {"candidate.drb": 0}}, "candidate.drb"),
        ({"$unset": "candidate"}, "candidate.drb"),
        ({"$unset": ["candidate.drb"]}, "candidate.drb"),
        ({"$set": {"candidate": {"$ifNull": ["$candidate", 1]}}}, "candidate is worked out"),
        ({"$set": {"candidate.drb.x": 1}}, "candidate.drb.x is worked out"),
    ],
)
def test_a_field_that_a_stage_takes_away_is_refused(stage, name):
    with pytest.raises(FilterError, match=rf"Stage 2 \(\$match\): .*{name}"):
        to_where([stage, {"$match": {"candidate.drb": {"$gt": 0.5}}}])


def test_exists_of_what_is_worked_out_is_refused():
    with pytest.raises(FilterError, match=r"\$exists cannot"):
        to_where([{"$set": {"x": {"$abs": "$candidate.drb"}}}, {"$match": {"x": {"$exists": True}}}])


@pytest.mark.parametrize("pipeline", ["{}", "[]", "[1]", "[{}]", '"a"'])
def test_what_is_no_pipeline_is_refused_with_an_example(pipeline):
    with pytest.raises(FilterError, match="list of stages, such as"):
        to_where(pipeline)


def test_a_pipeline_without_a_match_is_refused():
    with pytest.raises(FilterError, match=r"no \$match"):
        to_where([{"$project": {"objectId": 1}}])


def test_what_is_no_json_has_a_place():
    with pytest.raises(FilterSyntaxError, match="This is no JSON") as caught:
        to_where('[{"$match":\n{]')
    assert (caught.value.line, caught.value.column) == (2, 2)


def test_an_unknown_field_names_the_nearest():
    with pytest.raises(ColumnError, match=r"'candidate.magspf'.*candidate.magpsf"):
        to_where([{"$match": {"candidate.magspf": 1}}])


def test_an_unknown_survey_is_refused():
    with pytest.raises(FilterError, match="not 'decam'"):
        to_where([{"$match": {}}], "decam")


def test_a_logarithm_that_is_given_its_base_is_refused_on_the_way_to_boom():
    with pytest.raises(FilterError, match=r"quotient.*write LOG10"):
        from_where("LOG(10, drb) > 0.9", ZTF)


def test_a_pipeline_is_one_that_boom_takes():
    match, project = from_where("drb > 0.9 AND drb < 1 AND (fid = 1 OR fid = 2)", ZTF)
    assert match == {
        "$match": {
            "candidate.drb": {"$gt": 0.9, "$lt": 1},
            "$or": [{"candidate.fid": {"$eq": 1}}, {"candidate.fid": {"$eq": 2}}],
        }
    }
    assert project == {"$project": {"objectId": 1}}


def test_lssts_columns_have_booms_names():
    (match, _) = from_where("snr > 5 AND diaObject.nDiaSources >= 3 AND band = 'g'", LSST)
    assert match["$match"] == {
        "candidate.snr": {"$gt": 5},
        "candidate.ndethist": {"$gte": 3},
        "candidate.band": {"$eq": "g"},
    }


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("exists(prv_candidates, x -> x.magpsf > 5)", "EXISTS cannot"),
        ("size(prv_candidates) > 5", "SIZE cannot"),
        ("candidate.tooflag = 1", "no copy of candidate.tooflag"),
        ("derived.gal_b > 5", "no copy of derived.gal_b"),
        ("candidate.isdiffpos = 't'", "a copy of derived.is_positive: write that"),
        ("programpi LIKE 'a%'", "LIKE cannot"),
        ("magpsf - magap > 1", r"write CAST\(candidate.magpsf AS DOUBLE\)"),
        ("ndethist - 1 > 1", r"write CAST\(candidate.ndethist AS BIGINT\)"),
        ("CAST(ndethist AS BIGINT) * 0.5 > 1", "write 0.5D"),
        ("magpsf > ndethist", r"write CAST\(candidate.magpsf AS DOUBLE\)"),
        ("drb > 16777217", r"write CAST\(candidate.drb AS DOUBLE\)"),
        ("drb IN (magpsf, 1)", "write a column and plain values, or OR"),
        ("drb = 'a'", "type float, the other of type string"),
        ("drb", "no condition"),
        ("drb > NULL", "NULL cannot"),
        ("abs(programpi) > 1", "ABS cannot"),
        ("now() > 1", "NOW cannot"),
        ("drb IN (SELECT 1)", "sub-query"),
    ],
)
def test_what_mongodb_takes_otherwise_is_refused_with_a_cure(where, message):
    with pytest.raises(FilterError, match=message):
        from_where(where, ZTF)


def test_a_misspelt_column_names_the_nearest():
    with pytest.raises(ColumnError, match=r"candidate\.magpsf"):
        from_where("candidate.magspf > 1", ZTF)


def test_a_stream_of_another_survey_is_refused():
    with pytest.raises(FilterError, match="ZTF's and LSST's packets only"):
        from_where("a > 1", Columns({1: {"type": "record", "name": "a", "fields": []}}))
