import html.parser
import re
from dataclasses import dataclass, field, replace

import pandas as pd
import pytest
from skysieve.engine.health import FilterHealth, QueryHealth
from skysieve.engine.status import Backfill
from skysieve.engine.values import now
from skysieve_widgets import deployment_html, deployment_text, preview_html, preview_text


def cuts():
    return pd.DataFrame(
        {
            "cut": ["diaSource.snr > 20", "diaSource.reliability > 0.9"],
            "alone": [900, 2100],
            "left": [900, 412],
            "only_this": [1688, 488],
            "null": [0, 12],
        }
    )


def alerts():
    return pd.DataFrame(
        {
            "diaSource.diaSourceId": [170094456248729605 + i for i in range(7)],
            "diaSource.snr": [20.5 + i for i in range(7)],
            "diaSource.reliability": [0.95] * 6 + [None],
        }
    )


@dataclass(frozen=True)
class PerNight:
    low: float = 190.0
    expected: float = 412.4
    high: float = 12_340.0
    source: str = "arrival of its packets in 7 nights"


@dataclass(frozen=True)
class Finding:
    cut: str = "diaSource.snr > 20"
    message: str = "All 5,000 alerts read pass it."
    cure: str = "Leave it out."


@dataclass(frozen=True)
class Preview:
    name: str = "bright"
    stream: str = "lsst-alerts"
    sql: str = "diaSource.snr > 20 AND diaSource.reliability > 0.9"
    read: int = 5000
    passed: int = 412
    rejected: int = 0
    pass_rate: float = 0.0824
    interval: tuple[float, float] = (0.0751, 0.0903)
    seconds: float = 0.45
    cuts: pd.DataFrame = field(default_factory=cuts)
    alerts: pd.DataFrame = field(default_factory=alerts)
    costs: pd.DataFrame = field(default_factory=pd.DataFrame)
    per_night: PerNight | None = None
    warnings: tuple[str, ...] = ()
    lint: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Deployment:
    name: str = "bright"
    version: int | None = 3
    state: str | None = "running"
    stream: str = "lsst-alerts"
    output_topic: str | None = "filter.bright"
    error: str | None = None
    health: FilterHealth | None = None
    bank: QueryHealth | None = None
    backfill: Backfill | None = None
    archive: object = None


NOTHING = {
    "read": 0,
    "passed": 0,
    "pass_rate": float("nan"),
    "interval": (float("nan"), float("nan")),
    "cuts": cuts().head(0),
    "alerts": alerts().head(0),
}


class Tags(html.parser.HTMLParser):
    """Checks that tags are closed in order, and keeps their names."""

    def __init__(self):
        super().__init__()
        self.open, self.names = [], set()

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def tags(page):
    parser = Tags()
    parser.feed(page)
    assert parser.open == []
    return parser.names


@pytest.mark.parametrize("write", [preview_html, preview_text])
def test_the_headline_gives_the_pass_rate_with_its_interval(write):
    assert "412 of 5,000 alerts pass (8.2 %, 95 % interval 7.5–9.0 %)" in write(Preview())


def test_a_narrow_interval_is_given_with_more_digits():
    rare = Preview(passed=12, read=1_000_000, pass_rate=1.2e-5, interval=(6.9e-6, 2.1e-5))
    assert "(0.0012 %, 95 % interval 0.0007–0.0021 %)" in preview_text(rare)


@pytest.mark.parametrize("write", [preview_html, preview_text])
def test_a_preview_of_nothing_is_written(write):
    assert "0 of 0 alerts pass" in write(replace(Preview(), **NOTHING))


def test_rejected_packets_are_highlighted_and_not_counted_as_alerts():
    page = preview_html(Preview(rejected=2))
    assert "412 of 4,998 alerts pass" in page
    assert '<p class="sky-alarm">2 packets of 5,000 could not be decoded' in page
    assert 'class="sky-alarm"' not in preview_html(Preview())


@pytest.mark.parametrize("write", [preview_html, preview_text])
def test_alerts_per_night_are_given_to_two_digits_with_what_they_are_derived_from(write):
    told = "About 410 alerts a night (190–12,000), by arrival of its packets in 7 nights"
    assert told in write(Preview(per_night=PerNight()))
    assert "About 0.35 alerts a night (0–4.1)" in write(Preview(per_night=PerNight(0.0, 0.349, 4.14)))
    assert "a night" not in write(Preview())


@pytest.mark.parametrize("write", [preview_html, preview_text])
def test_warnings_and_findings_are_shown(write):
    text = write(Preview(warnings=("The sample is too small",), lint=(Finding(), Finding(cut=""))))
    assert "The sample is too small" in text
    assert text.count("All 5,000 alerts read pass it. Leave it out.") == 2
    assert re.search("the (whole )?filter", text.split("Leave it out.")[1], flags=re.I)


def test_the_bars_show_what_is_left_after_each_cut():
    page = preview_html(Preview())
    assert 'class="sky-before" style="width:100.00%"' in page
    assert 'class="sky-left" style="width:18.00%"' in page
    assert 'class="sky-before" style="width:18.00%"' in page
    assert 'class="sky-left" style="width:8.24%"' in page


@pytest.mark.parametrize("write", [preview_html, preview_text])
def test_the_first_five_rows_have_exact_ids(write):
    text = write(Preview())
    assert "170094456248729609" in text
    assert "170094456248729610" not in text


def test_ids_survive_beside_columns_of_floats():
    assert "170094456248729607" in preview_html(
        Preview(alerts=alerts()[["diaSource.snr", "diaSource.diaSourceId"]])
    )


def test_many_columns_are_cut_down_to_ids_and_those_of_the_filter():
    wide = pd.concat([pd.DataFrame({f"diaSource.x{i}": [i] for i in range(90)}), alerts().head(1)], axis=1)
    page = preview_html(Preview(alerts=wide))
    assert "diaSource.diaSourceId" in page
    assert "diaSource.reliability" in page
    assert "14 of 93 columns" in page


def test_cutouts_and_histories_are_shown_by_their_size():
    rows = alerts().head(1).assign(cutout=[b"x" * 34560], history=[[1, 2, 3]], nothing=[None])
    page = preview_html(Preview(alerts=rows))
    assert "34,560 bytes" in page
    assert "3 items" in page


def test_numbers_of_a_cut_that_are_not_known_are_dashes():
    unknown = cuts().astype({"left": float})
    unknown.loc[1, "left"] = float("nan")
    assert "<td>—</td>" in preview_html(Preview(cuts=unknown))


def test_everything_in_a_preview_is_escaped():
    bad = '<script>alert("x")</script>'
    rows = pd.DataFrame({bad: [bad], "b": [1]})
    table = cuts().assign(cut=bad)
    page = preview_html(
        Preview(
            name=bad,
            stream=bad,
            sql=bad,
            cuts=table,
            alerts=rows,
            rejected=1,
            per_night=PerNight(source=bad),
            warnings=(bad,),
            lint=(Finding(bad, bad, bad), Finding("", bad, bad)),
        )
    )
    assert "script" not in tags(page)
    assert "&lt;script&gt;" in page


def test_a_page_is_well_formed_and_refers_to_nothing_outside():
    page = preview_html(Preview(rejected=3, per_night=PerNight(), warnings=("too small",), lint=(Finding(),)))
    assert tags(page) <= {
        "style",
        "div",
        "p",
        "b",
        "pre",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "span",
        "i",
        "ul",
        "li",
    }
    assert "http" not in page
    assert "url(" not in page


def test_a_running_deployment_tells_where_its_matches_are():
    page = deployment_html(Deployment(), matches=12345)
    tags(page)
    assert 'sky-good">running<' in page
    assert "filter.bright" in page
    assert "12,345" in page
    assert "version 3" in page


def test_a_failed_deployment_tells_why_and_is_escaped():
    page = deployment_html(
        Deployment(name="<script>", state="failed", error="<script>no broker", version=None)
    )
    assert "script" not in tags(page)
    assert "no broker" in page
    assert 'sky-bad">failed<' in page


def test_a_deployment_whose_state_is_not_known_yet_is_written():
    page = deployment_html(Deployment(state=None, output_topic=None))
    assert 'sky-wait">unknown<' in page


def test_a_deployment_in_a_terminal_tells_the_same_in_two_lines():
    text = deployment_text(Deployment(), matches=12345)
    page = deployment_html(Deployment(), matches=12345)
    assert len(text.split("\n")) == 2
    for told in ("running", "version 3", Deployment().output_topic, "12,345"):
        assert told in text
        assert told in page
    drifting = FilterHealth(judged=2000, matched=100, drift="5 % of 2,000 alerts pass")
    bank = QueryHealth(query="q", lag=7, lag_seconds=1.5, latency_median=0.2, latency_p99=0.9, updated=now())
    told = deployment_text(Deployment(health=drifting, bank=bank))
    assert "last hour: 100 of 2,000 alerts passed (5 %)" in told
    assert "lag: 7 alerts, 1.5 s" in told
    assert "latency: 0.20 s median, 0.90 s for 99 %" in told
    assert "! 5 % of 2,000 alerts pass" in told
    past = Backfill(start={0: 0}, stop={0: 200}, reached={0: 50})
    assert "backfill: 50 of 200 alerts (25 %)" in deployment_text(Deployment(backfill=past))
    failed = deployment_text(Deployment(state="failed", error="no column x"), matches=1)
    assert failed.endswith("1 match\n! no column x")


@pytest.mark.parametrize("write", [preview_text, preview_html])
def test_what_enrichments_took_is_told(write):
    costs = pd.DataFrame(
        {"enrichment": ["<gaia>", "rise"], "alerts": 5, "seconds": 1.0, "each": [12.34, 0.056]}
    )
    page = write(Preview(costs=costs))
    assert "for each alert: " in page
    assert "gaia" in page
    assert " 12 ms, rise 0.056 ms" in page
    assert ("<gaia>" in page) == (write is preview_text)
    assert "took" not in write(Preview())
