"""In which language a cell is written, told by its text and by the notebook's variables."""

from __future__ import annotations

import json

import pytest
from pyspark.sql import functions
from skysieve.languages.detection import as_expression, language, without_comments
from skysieve.stream import Stream
from skysieve.topics import Topics

STREAM = Stream("lsst-alerts", Topics("nowhere:1"))
NOTEBOOK = {"s": STREAM, "F": functions, "col": functions.col, "limit": 20, "text": "snr", "rows": [1, 2]}


@pytest.mark.parametrize(
    "cell",
    [
        "snr > 20",
        "diaSource.snr > 20",
        "diaSource.snr > 20 AND diaSource.reliability > 0.9",
        "(snr > 20) and (reliability > 0.9)",
        "WHERE snr > 20",
        "-- bright\nsnr > 20",
        "/* def bright(snr):\n   return snr > 20 */\nsnr > 20",
        "# bright\nsnr > 20",
        "snr\n  > 20\nAND band IN ('g', 'r')",
        "(flags & 4) = 0",
        "(flags & 4) > 0",
        "(snr > 20) & (reliability > 0.9)",
        "exists(prvDiaSources, s -> s.snr > 5)",
        "size(filter(prvDiaSources, (s, i) -> s.snr > 5 AND i > 0)) >= 2",
        "size(prvDiaSources) > 3",
        "CASE WHEN band = 'g' THEN snr > 5 ELSE snr > 10 END",
        "snr BETWEEN 5 AND 10",
        "target_name = 'def bright(snr): return snr'",
        "target_name = '\ndef bright(snr):\n  return snr' AND snr > 5",
        "target_name LIKE '%SELECT x FROM objects%'",
        "target_name = '[{$match: 1}]'",
        "target_name = 'import os'",
        "SELECT objectId FROM candidates WHERE gmag < 18",
        "def > 5",
        "snr >",
        "a && b",
        "",
        "-- nothing",
        "lambda snr: snr > 20",
        "snr > 20\x00",
    ],
)
def test_what_is_nothing_else_is_sql(cell):
    assert language(cell, NOTEBOOK) == "sql"


@pytest.mark.parametrize(
    "cell",
    [
        "def bright(snr):\n    return snr > 20",
        "\n\n# bright ones\ndef bright(snr):\n    return snr > 20\n",
        "import numpy as np\n\ndef bright(snr):\n    return np.log(snr) > 3",
        "from math import log\n\n\ndef bright(snr): return log(snr) > 3",
        "import numpy as np",
        "@vectorised\ndef bright(snr):\n    return snr > 20",
        "async def bright(snr):\n    return snr > 20",
        "LIMIT = 20\n\ndef bright(snr):\n    return snr > LIMIT",
        '"""SELECT a FROM objects"""\ndef bright(snr):\n    return snr > 20',
        "def bright(snr):\n    '''$match'''\n    return snr > 20",
        "def a(snr):\n    return snr\n\ndef b(snr):\n    return a(snr) > 20",
        "class Model:\n    pass\n\ndef bright(snr):\n    return snr > 20",
    ],
)
def test_source_with_a_function_is_python(cell):
    assert language(cell, NOTEBOOK) == "python"


@pytest.mark.parametrize(
    "cell",
    [
        "def bright(snr)\n    return snr > 20",
        "def bright(snr):\nreturn snr > 20",
        "def bright(snr):\n    return snr >",
        "@vectorised\ndef bright(snr:\n    return snr",
        "import numpy as\ndef bright(snr):\n    return snr > 20",
        "LIMIT = 'a'\n\ndef bright(snr):\n    return snr > LIMIT)",
        "def bright(",
    ],
)
def test_a_function_with_a_mistake_is_python_still(cell):
    assert language(cell) == "python"


@pytest.mark.parametrize(
    "cell",
    [
        "(s.c.snr > 20) & (s.c.reliability > 0.9)",
        "s.c.snr > 20",
        "(s.c.snr > limit) | ~s.c.isDipole",
        "F.col('snr') > 20",
        'F.col("diaSource.snr") > 20  # bright',
        "col('snr') > 20",
        "# bright\n(s.c.snr > 20)\n& (s.c.reliability > 0.9)",
        "F.exists('prvDiaSources', lambda x: x.snr > 5)",
        "F.col(text).isin([row + 1 for row in rows])",
        "F.size('prvDiaSources') > max(3, limit)",
        "(s.c.snr > 20) and (s.c.reliability > 0.9)",
        "s['snr'] > 20",
    ],
)
def test_an_expression_over_a_stream_or_pyspark_makes_columns(cell):
    assert language(cell, NOTEBOOK) == "columns"
    assert language(cell) == "sql"


def test_a_column_in_a_variable_makes_columns(column_of_spark):
    assert language("bright & ~dipole", {"bright": column_of_spark, "dipole": column_of_spark}) == "columns"


@pytest.fixture
def column_of_spark():
    """A column as Spark Connect's client makes it, which needs no server."""
    from pyspark.sql.connect.functions import col

    return col("snr") > 20


@pytest.mark.parametrize(
    ("cell", "variables"),
    [
        ("abs(glat) > 10", {"abs": functions.abs}),
        ("size(prvDiaSources) > 3", {"size": functions.size}),
        ("snr > limit", {"snr": 5, "limit": 20}),
        ("len(text) > 3", {"text": "snr"}),
        ("s.c.snr > threshold", {"s": STREAM}),
        ("s.c.snr > 20", {"s": "a text"}),
    ],
)
def test_an_expression_that_python_could_not_evaluate_to_a_column_is_sql(cell, variables):
    assert language(cell, variables) == "sql"


@pytest.mark.parametrize(
    "cell",
    [
        "SELECT objects.objectId, objects.gmag FROM objects WHERE objects.gmag < 18",
        "select objectId\nfrom\n  objects, sherlock_classifications\nwhere gmag < 18",
        "-- young ones\nSELECT objectId FROM objects WHERE ncandgp > 3",
        "/* SELECT */ SELECT * FROM Objects",
    ],
)
def test_a_query_of_objects_is_lasairs(cell):
    assert language(cell, NOTEBOOK) == "lasair"


PIPELINE = [{"$match": {"candidate.drb": {"$gt": 0.9}}}, {"$project": {"objectId": 1}}]


@pytest.mark.parametrize(
    "cell",
    [
        json.dumps(PIPELINE),
        json.dumps(PIPELINE, indent=2),
        json.dumps(PIPELINE[0]),
        "# a comment\n" + json.dumps(PIPELINE),
        str(PIPELINE),
        '[{"$match": {"candidate.drb": {"$gt": 0.9}},]',
    ],
)
def test_a_pipeline_with_match_is_booms_also_where_it_is_no_json_quite(cell):
    assert language(cell, NOTEBOOK) == "boom"


@pytest.mark.parametrize("text", ["snr > 20 -- 5", "snr /* x */ > 20 # y", ""])
@pytest.mark.parametrize("before", ["", "\n \n", "-- a\n", "# a\n--b\n/* c\n-- d */\n\n"])
def test_only_comments_before_the_filter_are_left_out(before, text):
    assert without_comments(before + text) == text


def test_an_expression_can_go_over_lines_and_end_in_a_comment():
    assert eval(as_expression("1\n+ 2  # three")) == 3
