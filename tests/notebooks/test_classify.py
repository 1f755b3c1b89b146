"""The notebook on classifiers: executed from top to bottom, and what it shows is true."""

import kernels
import pytest
from test_further_notebooks import executed

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def notebook(started, home):
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
