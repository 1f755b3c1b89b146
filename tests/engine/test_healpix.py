"""Cells of positions in Spark are those of cdshealpix, poles and the seam at RA = 0 among them."""

import numpy as np
import pandas as pd
from pyspark.sql import functions as F  # noqa: N812
from skysieve.engine.healpix import cell
from skysieve.enrich.positions import cells_of


def test_they_are_those_of_cdshealpix(sky):
    draw = np.random.default_rng(1)
    ra = np.concatenate([draw.uniform(0, 360, 3000), [359.9999999, 45.0, 0.0, 180.0, 270.0, 10.0, -30.0]])
    dec = np.concatenate(
        [np.degrees(np.arcsin(draw.uniform(-1, 1, 3000))), [0.0, 89.9999, 90.0, -90.0, 41.81, 41.82, -5.0]]
    )
    table = sky.spark.createDataFrame(pd.DataFrame({"ra": ra, "dec": dec}))
    orders = (0, 1, 6, 29)
    cells = [cell(F.col("ra"), F.col("dec"), order).alias(f"order{order}") for order in orders]
    found = table.select(*cells).toPandas()
    for order in orders:
        assert (found[f"order{order}"].to_numpy() == cells_of(np.mod(ra, 360), dec, order)).all()


def test_what_is_no_position_is_in_none(sky):
    nowhere = [(None, 0.0), (0.0, None), (float("nan"), 0.0), (0.0, 91.0), (float("inf"), 0.0)]
    table = sky.spark.createDataFrame(nowhere, "ra double, dec double")
    assert table.select(cell(F.col("ra"), F.col("dec"), 6).alias("cell")).toPandas()["cell"].isna().all()
