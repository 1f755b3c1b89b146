"""Every filter, in every language, over every packet there is: the ids selected are those of plain Python.

Beside each filter in the tables (`filters_lsst`, `filters_ztf`) stands what it means, over what fastavro reads.
"""

from collections import Counter

import pytest
from conftest import delivered

from languages import filters_brokers, filters_lsst, filters_ztf
from languages.selecting import selected

pytestmark = pytest.mark.real_data
LSST = (
    ("sql", filters_lsst.SQL | filters_lsst.DERIVED),
    ("columns", filters_lsst.COLUMNS),
    ("python", filters_lsst.PYTHON),
    ("lasair", filters_brokers.LASAIR),
    ("boom", filters_brokers.BOOM),
)
ZTF = (
    ("sql", filters_ztf.SQL),
    ("columns", filters_ztf.COLUMNS),
    ("python", filters_ztf.PYTHON),
    ("boom", filters_ztf.BOOM),
)


def compare(sky, seen, entries, capsys):
    found, rejected = selected(sky, seen, [spec for spec, _ in entries])
    expected = [seen.ids(means) for _, means in entries]
    differ = {
        spec.where: (dict(here - there), dict(there - here))
        for (spec, _), here, there in zip(entries, found, expected, strict=True)
        if here != there
    }
    assert not differ
    assert rejected == seen.rejected
    telling = sum(0 < ids.total() < len(seen.alerts) for ids in expected)
    with capsys.disabled():
        print(
            f" {seen.name}: {len(entries)} filters ({telling} select some and not all) over {len(seen.alerts)} alerts, "
            f"{rejected} packets rejected",
            end="",
        )
    return telling


def test_every_filter_on_lsst_selects_what_plain_python_does(sky, lsst, capsys):
    entries = list(lsst.entries(*LSST))
    assert len(lsst.alerts) == 34 + 62
    assert len(entries) >= 60
    assert compare(sky, lsst, entries, capsys) > 0.8 * len(entries)


def test_every_filter_on_lsst_s_alerts_in_containers_selects_what_plain_python_does(sky, containers, capsys):
    # BOOM's names are those of packets as they come from the surveys
    entries = list(containers.entries(*(table for table in LSST if table[0] != "boom")))
    assert len(containers.alerts) == 62
    compare(sky, containers, entries, capsys)


def test_every_filter_on_ztf_selects_what_plain_python_does(sky, ztf, capsys):
    entries = list(ztf.entries(*ZTF))
    assert len(ztf.alerts) == 179
    assert compare(sky, ztf, entries, capsys) > 0.8 * len(entries)


PREVIEWED = {
    "sql": [
        "snr > 10 AND reliability BETWEEN 0.3 AND 0.8 AND band = 'i'",
        "abs(gal_b) > 50",
        "isNegative IS NOT TRUE",
    ],
    "columns": ["by-band", "brightened"],
    "python": [filters_lsst.good_ratio, filters_lsst.often_seen, filters_lsst.one_by_one],
}


def test_a_preview_of_some_in_each_language_shows_the_same_ids(sky, lsst):
    for kind, names in PREVIEWED.items():
        for what in names:
            spec, means = lsst.filter(kind, 900, what, dict(LSST)[kind][what])
            seen = sky.preview(spec)
            assert seen.read == len(lsst.alerts) + lsst.rejected
            assert seen.rejected == lsst.rejected
            assert Counter(seen.alerts[lsst.id].tolist()) == lsst.ids(means), spec.where


def test_a_preview_of_ztf_learns_the_schemas_of_all_packets(sky, ztf):
    for kind, what in (("sql", "drb IS NULL"), ("python", filters_ztf.brightest)):
        spec, means = ztf.filter(kind, 900, what, dict(ZTF)[kind][what])
        seen = sky.preview(spec)
        assert (seen.read, seen.rejected) == (len(ztf.alerts) + ztf.rejected, ztf.rejected)
        assert Counter(seen.alerts["candid"].tolist()) == ztf.ids(means)


def some(table, count):
    return dict(list(table.items())[:count])


DEPLOYED_IN_PYTHON = {
    one: filters_lsst.PYTHON[one] for one in (filters_lsst.good_ratio, filters_lsst.one_by_one)
}
ON_LSST = (
    ("sql", some(filters_lsst.DERIVED | filters_lsst.SQL, 24)),
    ("columns", filters_lsst.COLUMNS),
    ("python", DEPLOYED_IN_PYTHON),
    ("lasair", filters_brokers.LASAIR),
    ("boom", filters_brokers.BOOM),
)
ON_ZTF = (
    ("sql", some(filters_ztf.SQL, 2)),
    ("columns", some(filters_ztf.COLUMNS, 2)),
    ("boom", filters_ztf.BOOM),
)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("survey", "tables"), [("lsst", ON_LSST), ("ztf_known", ON_ZTF)])
def test_what_is_deployed_delivers_each_selected_alert_exactly_once(
    sky, survey, tables, deployed, capsys, request
):
    """In one bank, but for those in Python."""
    assert sum(len(table) for each in (ON_LSST, ON_ZTF) for _, table in each) >= 60
    seen = request.getfixturevalue(survey)
    entries = list(seen.entries(*tables))
    expected = [
        [place for place, alert in seen.alerts.items() if means(alert) is True] for _, means in entries
    ]
    deployed += [sky.deploy(spec, start="earliest") for spec, _ in entries]
    for one in deployed:
        one.wait("running", timeout=600)
    for one, (spec, _), wanted in zip(deployed, entries, expected, strict=True):
        found = [place_of(record) for record in delivered(one, len(wanted), patience=5, quiet=0)]
        assert sorted(found) == sorted(wanted), spec.where
    with capsys.disabled():
        print(f" {len(entries)} filters deployed, {sum(map(len, expected))} matches, each once", end="")


def place_of(record):
    headers = dict(record.headers)
    return tuple(int(headers[f"skysieve.source.{part}"]) for part in ("partition", "offset", "record"))
