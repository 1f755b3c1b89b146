"""A row of the newest matches says what the packet does."""

import io

import numpy as np
import pytest
from matplotlib.image import imread
from skysieve_widgets.live import arrival
from skysieve_widgets.surveys import survey_of

from widgets.packets import LSST_WITH_HISTORY, fits_bytes, hand_made, lsst, ztf_alerts


def pixels(png):
    return imread(io.BytesIO(png))[..., 0]


@pytest.mark.real_data
def test_rows_of_real_alerts_have_id_position_magnitude_thumbnail_and_light_curve():
    for alert in (lsst(LSST_WITH_HISTORY), ztf_alerts()[0]):
        row, summary = arrival("k", alert), survey_of(alert).summary(alert)
        assert (row.alert_id, row.ra, row.dec, row.band) == (
            summary.alert_id,
            summary.ra,
            summary.dec,
            summary.band,
        )
        assert row.magnitude is not None
        assert 10 < row.magnitude < 30
        assert len(row.light) > 0
        assert pixels(row.thumbnail).shape == (41, 41) or min(pixels(row.thumbnail).shape) < 41


@pytest.mark.parametrize("flip", [1, -1])
@pytest.mark.parametrize("turned", [False, True])
def test_a_thumbnail_has_north_up_and_east_to_the_left(flip, turned):
    image = np.random.default_rng(3).normal(size=(21, 21)).astype("float32")
    image[10, 10] = 9
    # north of the middle, wherever that is in the cutout
    step = 6 * flip
    place = (10, 10 + step) if turned else (10 + step, 10)
    image[place] = 99
    scale = 5e-5
    east, north = (-scale, flip * scale)
    cards = {"CD1_1": 0.0, "CD1_2": east, "CD2_1": north, "CD2_2": 0.0}
    if not turned:
        cards = {"CD1_1": east, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": north}
    wcs = {"CRVAL1": 54.15, "CRVAL2": -27.46, "CRPIX1": 11.0, "CRPIX2": 11.0}
    cutout = fits_bytes(image, **wcs, **cards)
    seen = pixels(arrival("k", hand_made(cutoutDifference=cutout)).thumbnail)
    brightest = np.unravel_index(seen.argmax(), seen.shape)
    assert tuple(int(n) for n in brightest) == (4, 10)


def test_an_alert_without_cutouts_or_history_has_a_row_too():
    row = arrival("k", hand_made())
    assert (row.thumbnail, len(row.light)) == (b"", 1)
    assert row.magnitude == pytest.approx(31.4 - 2.5 * np.log10(2000.0))
    assert row.is_positive
    assert arrival("k", hand_made(diaSource={"diaSourceId": 1})).magnitude is None


def test_a_source_that_is_fainter_than_in_the_template_has_a_magnitude_and_says_so():
    source = hand_made()["diaSource"]
    row = arrival("k", hand_made(diaSource=source | {"psfFlux": -2000.0}))
    assert row.magnitude == pytest.approx(31.4 - 2.5 * np.log10(2000.0))
    assert not row.is_positive
