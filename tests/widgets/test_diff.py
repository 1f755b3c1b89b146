import pandas as pd
import pytest
from skysieve_widgets import diff_html, diff_text

BAD = '<script>alert("x")</script>'


class Filter:
    def __init__(self, name, where="diaSource.snr > 5"):
        self.name, self.where = name, where


class Diff:
    def __init__(self, old="bright", new="real", gained=7, lost=1, rejected=0, where="diaSource.snr > 5"):
        self.old, self.new, self.stream = Filter(old, where), Filter(new, where), "lsst-alerts"
        self.read, self.rejected = 5000, rejected
        self.gained, self.lost = rows(gained), rows(lost)
        self.counts = {"gained": gained, "lost": lost, "kept": 400, "neither": 4592}


def rows(count, name="diaSource.snr"):
    first = 170094456248729605
    return pd.DataFrame({"diaSource.diaSourceId": [first + i for i in range(count)], name: [9.5] * count})


@pytest.mark.parametrize("write", [diff_html, diff_text])
def test_the_counts_and_the_first_rows_are_told(write):
    text = write(Diff())
    assert "bright → real" in text
    assert "7 gained, 1 lost, 400 kept" in text
    assert "5,000 alerts of lsst-alerts read once" in text
    assert "Gained: 7, the first 5" in text
    assert "170094456248729609" in text
    assert "170094456248729610" not in text


@pytest.mark.parametrize("write", [diff_html, diff_text])
def test_where_nothing_is_gained_no_rows_are_shown(write):
    text = write(Diff(gained=0, lost=0))
    assert "0 gained, 0 lost" in text
    assert "Gained" not in text
    assert "Lost" not in text


def test_two_versions_of_one_filter_are_named_once():
    assert diff_text(Diff("bright", "bright")).startswith("bright: ")


def test_rejected_packets_are_no_alerts():
    text = diff_text(Diff(rejected=2))
    assert "4,998 alerts of lsst-alerts" in text
    assert "2 packets could not be decoded" in text


def test_everything_is_escaped():
    diff = Diff(BAD, "new", where=BAD)
    diff.stream, diff.gained = BAD, rows(1, BAD)
    page = diff_html(diff)
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
