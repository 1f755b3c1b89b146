"""A row of the newest matches says what the packet does."""

import numpy as np
import pytest
from skysieve_widgets.live import arrival
from skysieve_widgets.shades import thumbnail
from skysieve_widgets.surveys import survey_of

from widgets.packets import LSST_WITH_HISTORY, hand_made, lsst, ztf_alerts


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
        assert row.thumbnail == thumbnail(alert)


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
