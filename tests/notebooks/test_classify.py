"""The notebook on classifiers: executed from top to bottom, and what it shows is true."""

import csv
import re
from collections import Counter

import fastavro
import kernels
import pytest
from conftest import DATA
from test_further_notebooks import executed

ALERTS = DATA / "ztf"
CLASSES = DATA / "labels" / "VTDA-Group+superphot-plus" / "training_set.csv"

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def notebook(started, home):
    with pytest.MonkeyPatch.context() as patch:
        if CLASSES.exists():
            patch.setenv("SKYSIEVE_REAL_ALERTS", str(ALERTS))
            patch.setenv("SKYSIEVE_REAL_CLASSES", str(CLASSES))
        return executed("07_classify", home)


def test_it_is_trained_on_both_kinds(notebook):
    alerts, supernovae = kernels.said(notebook, "sample", r"(\d+) alerts, (\d+) of them of supernovae")
    assert 50 < supernovae < alerts - 50


def test_what_it_finds_likely_is_mostly_true(notebook, sky):
    chosen, read, purity = kernels.said(
        notebook, "purity", r"(\d+) of (\d+) alerts are likely supernovae; (\d+) % of these are some"
    )
    assert read == 1500
    assert chosen > 20
    assert purity > 80


def test_what_is_deployed_selects_as_the_preview_does(notebook):
    delivered, previewed = kernels.said(notebook, "deploy", r"(\d+) matches, the preview passes (\d+)")
    assert delivered == previewed > 0


def test_the_selection_is_marked_by_class(notebook):
    assert "SN Ia" in kernels.shown(notebook, "likely", "text/html")


@pytest.mark.skipif(not CLASSES.exists(), reason="needs the real packets and labels of ../shared/data")
def test_it_is_marked_on_real_objects(notebook):
    """Every packet with a label is counted under its class; of the supernovae, most are found."""
    with CLASSES.open() as file:
        class_of = {name: label for name, label, _ in csv.reader(file)}
    expected: Counter[str] = Counter()
    for path in ALERTS.rglob("*.avro"):
        with path.open("rb") as file:
            expected.update(class_of.get(alert.get("objectId"), "none") for alert in fastavro.reader(file))
    shown = kernels.shown(notebook, "real")
    marked = {
        name: (int(alerts), int(passed))
        for name, alerts, passed in re.findall(r"^ *(\S.*?) +(\d+) +(\d+) +[\d.—]", shown, re.MULTILINE)
    }
    assert {name: alerts for name, (alerts, _) in marked.items()} == expected - Counter(none=expected["none"])
    supernovae = [numbers for name, numbers in marked.items() if name.startswith("SN")]
    assert 2 * sum(passed for _, passed in supernovae) > sum(alerts for alerts, _ in supernovae)
