"""Workers of Python in Spark have loaded what all use, and nothing on their path that must be listed for each task."""

import sys

from pyspark.sql.pandas.functions import arrow_udf


def test_workers_begin_with_what_all_use_and_a_plain_path(sky):
    def told(numbers):
        import pyarrow as pa

        names = ("astropy.coordinates", "cdshealpix.nested", "skysieve.enrich.crossmatch")
        lacking = [name for name in names if name not in sys.modules]
        archives = [p for p in (*sys.path, *sys.path_importer_cache) if p.endswith((".jar", ".zip"))]
        return pa.array([f"{lacking} {archives}"] * len(numbers))

    rows = sky.spark.range(0, 8, 1, 4).select(arrow_udf(told, "string")("id").alias("told")).collect()
    assert {row.told for row in rows} == {"[] []"}
