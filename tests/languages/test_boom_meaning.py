"""What filters of BOOM mean: a pipeline lets a document out exactly where its translation lets the alert pass."""

import json
import re

import mongo
from hypothesis import given
from hypothesis import strategies as st
from mongo import MISSING, MongoError
from skysieve.languages.boom import from_where, to_where
from skysieve.packets import formats
from verdicts import passes

ZTF = formats.get("ztf").columns()
FLOATS, INTS, FLAG, TEXT = ["drb", "magpsf", "magap"], ["fid", "ndethist"], "isdiffpos", "programpi"
SOME_FLOATS = [-0.5, 0, 0.5, 1, 17.25]
SOME_INTS = [0, 1, 2]
SOME_TEXTS = ["", "Kulkarni", "it's", "a\\b", "$drb"]
DOCUMENTS = st.fixed_dictionaries(
    {
        **dict.fromkeys(FLOATS, st.sampled_from([MISSING, *map(float, SOME_FLOATS)])),
        **dict.fromkeys(INTS, st.sampled_from([MISSING, *SOME_INTS])),
        FLAG: st.sampled_from([MISSING, True, False]),
        TEXT: st.sampled_from([MISSING, *SOME_TEXTS]),
    }
).map(lambda fields: {"objectId": "ZTF1", "candidate": {k: v for k, v in fields.items() if v is not MISSING}})


def packet(document):
    """The alert's columns that BOOM has a document from."""
    fields = {f"candidate.{name}": document["candidate"].get(name) for name in [*FLOATS, *INTS, TEXT]}
    return {
        **fields,
        "derived.is_positive": document["candidate"].get(FLAG),
        "objectId": document["objectId"],
    }


def agrees(pipeline, document):
    try:
        verdict = mongo.passes(pipeline, document)
    except MongoError:
        return True
    return passes(to_where(pipeline), packet(document)) == verdict


def field(names):
    return st.sampled_from([f"candidate.{name}" for name in names])


def asked(values):
    """Operators of a query over a field of these values."""
    one = st.sampled_from(values)
    equal = st.tuples(st.sampled_from(["$eq", "$ne"]), one | st.none())
    ordered = st.tuples(st.sampled_from(["$gt", "$gte", "$lt", "$lte"]), one)
    among = st.tuples(st.sampled_from(["$in", "$nin"]), st.lists(one | st.none(), min_size=1, max_size=3))
    there = st.tuples(st.just("$exists"), st.booleans())
    operators = (equal | ordered | among | there).map(lambda pair: dict([pair]))
    return one | st.none() | operators | operators.map(lambda inner: {"$not": inner})


VALUES = st.recursive(
    field([*FLOATS, *INTS]).map("${}".format),
    lambda inner: st.one_of(
        st.tuples(
            st.sampled_from(["$add", "$subtract", "$multiply", "$divide"]),
            inner,
            inner | st.sampled_from(SOME_FLOATS),
        ).map(lambda parts: {parts[0]: list(parts[1:])}),
        st.tuples(st.sampled_from(["$abs", "$ln", "$log10"]), inner).map(lambda pair: dict([pair])),
        st.tuples(inner, st.sampled_from([None, 0, 0.5])).map(lambda two: {"$ifNull": list(two)}),
    ),
    max_leaves=3,
)
GUARDED = VALUES.map(lambda inner: {"$ifNull": [inner, None]})
TRUTHS = st.recursive(
    st.one_of(
        st.tuples(
            st.sampled_from(["$eq", "$ne", "$gt", "$gte", "$lt", "$lte"]),
            VALUES,
            st.sampled_from(SOME_FLOATS),
        ).map(lambda parts: {parts[0]: list(parts[1:])}),
        st.tuples(st.sampled_from(["$eq", "$ne", "$gt", "$gte", "$lt", "$lte"]), GUARDED, GUARDED).map(
            lambda parts: {parts[0]: list(parts[1:])}
        ),
        st.tuples(st.sampled_from(["$gt", "$gte", "$lt", "$lte"]), st.sampled_from(SOME_FLOATS), VALUES).map(
            lambda parts: {parts[0]: list(parts[1:])}
        ),
        st.tuples(
            st.sampled_from(["$eq", "$ne", "$gt", "$gte", "$lt", "$lte"]),
            field(FLOATS),
            field([*FLOATS, *INTS]),
        ).map(lambda parts: {parts[0]: [f"${parts[1]}", f"${parts[2]}"]}),
        st.tuples(st.sampled_from(["$gt", "$lte"]), VALUES).map(lambda parts: {parts[0]: [parts[1], None]}),
        st.tuples(st.sampled_from(["$eq", "$ne"]), GUARDED).map(lambda parts: {parts[0]: [parts[1], None]}),
        st.sampled_from([f"$candidate.{FLAG}", True, False, {"$in": [f"$candidate.{TEXT}", ["", "it's"]]}]),
        st.sampled_from(SOME_TEXTS).map(lambda text: {"$eq": [f"$candidate.{TEXT}", {"$literal": text}]}),
    ),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["$and", "$or"]), st.lists(inner, min_size=1, max_size=3)).map(
            lambda pair: dict([pair])
        ),
        inner.map(lambda one: {"$not": [one]}),
        st.tuples(inner, inner, inner).map(lambda three: {"$cond": list(three)}),
    ),
    max_leaves=3,
)
QUERIES = st.recursive(
    st.one_of(
        st.dictionaries(field(FLOATS), asked(SOME_FLOATS), min_size=1, max_size=2),
        st.dictionaries(field(INTS), asked(SOME_INTS), min_size=1, max_size=2),
        st.dictionaries(field([FLAG]), asked([True, False]), min_size=1),
        st.dictionaries(field([TEXT]), asked(SOME_TEXTS), min_size=1),
        TRUTHS.map(lambda one: {"$expr": one}),
    ),
    lambda inner: st.tuples(
        st.sampled_from(["$and", "$or", "$nor"]), st.lists(inner, min_size=1, max_size=3)
    ).map(lambda pair: dict([pair])),
    max_leaves=4,
)


@given(QUERIES, DOCUMENTS)
def test_a_translation_passes_what_the_pipeline_lets_out(query, document):
    assert agrees([{"$match": query}], document)


@given(
    TRUTHS.filter(lambda truth: not isinstance(truth, bool)),
    st.sampled_from([True, False, {"$ne": True}, {"$in": [True, None]}, {"$not": {"$eq": False}}]),
    DOCUMENTS,
)
def test_what_a_stage_works_out_decides_in_the_next(truth, asked, document):
    assert agrees([{"$project": {"objectId": 1, "ok": truth}}, {"$match": {"ok": asked}}], document)


@given(VALUES, asked(SOME_FLOATS), DOCUMENTS)
def test_a_number_that_is_worked_out_decides_too(value, asked, document):
    if "$exists" not in json.dumps(asked):
        assert agrees(
            [{"$addFields": {"annotations.x": value}}, {"$match": {"annotations.x": asked}}], document
        )


# Where arithmetic is refused as it stands, the cast that the message asks for is written.
NUMBERS = st.recursive(
    st.sampled_from(
        [*(f"CAST(candidate.{name} AS DOUBLE)" for name in FLOATS), "CAST(candidate.fid AS BIGINT)"]
    ),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner | st.sampled_from(["2", "0.5D", "-1"])).map(
            lambda parts: f"({' '.join(parts)})"
        ),
        st.tuples(st.sampled_from(["ABS", "LN", "LOG10"]), inner).map(
            lambda parts: f"{parts[0]}({parts[1]})"
        ),
        inner.map("-({})".format),
    ),
    max_leaves=3,
)
COMPARED = st.one_of(
    st.tuples(
        NUMBERS | st.sampled_from(["drb", "magpsf", "fid"]),
        st.sampled_from(["=", "<>", "<", "<=", ">", ">=", "<=>"]),
        st.sampled_from(["0", "1", "0.5", "-0.5", "17.25"]) | NUMBERS,
    )
    .filter(lambda parts: not (parts[0] in {"drb", "magpsf"} and "BIGINT" in parts[2]))
    .map(" ".join),
    st.sampled_from(
        [
            *(
                "drb IS NULL",
                "magpsf IS NOT NULL",
                "derived.is_positive",
                "NOT derived.is_positive",
                "1 > drb",
            ),
            *(
                "derived.is_positive IS TRUE",
                "derived.is_positive IS NOT FALSE",
                "derived.is_positive = FALSE",
            ),
            *("fid IN (1, 2)", "fid NOT IN (1, 2)", "drb BETWEEN 0 AND 1", "drb NOT BETWEEN 0 AND 1", "TRUE"),
            *(
                "programpi = ''",
                "programpi <> 'it\\'s'",
                "programpi IN ('Kulkarni', 'a\\\\b')",
                "magap < magpsf",
            ),
            *("programpi = '$drb'", "magap <=> magpsf", "objectId = 'ZTF1'"),
        ]
    ),
    NUMBERS.map("{} IS NULL".format),
)
CONDITIONS = st.recursive(
    COMPARED,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["AND", "OR"]), inner).map(lambda parts: f"({' '.join(parts)})"),
        inner.map("NOT ({})".format),
        st.tuples(inner, st.sampled_from(["TRUE", "FALSE"]) | inner).map(
            lambda two: f"coalesce({', '.join(two)})"
        ),
        inner.map("({}) IS TRUE".format),
    ),
    max_leaves=4,
)


def in_full(where):
    return re.sub(
        r"(?<![.\w'$])(drb|magpsf|magap|fid|programpi)\b", lambda found: f"candidate.{found[1]}", where
    )


@given(CONDITIONS, DOCUMENTS)
def test_a_pipeline_lets_out_what_the_filter_passes(where, document):
    assert mongo.passes(from_where(where, ZTF), document) == passes(in_full(where), packet(document))


@given(CONDITIONS, DOCUMENTS)
def test_there_and_back_the_meaning_is_kept(where, document):
    back = to_where(from_where(where, ZTF))
    assert passes(back, packet(document)) == passes(in_full(where), packet(document))
