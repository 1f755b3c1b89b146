from __future__ import annotations

import re
from collections.abc import Iterator

import kernels
import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from skysieve import (
    ColumnError,
    Deployment,
    Filter,
    FilterError,
    FilterSyntaxError,
    Preview,
    SessionError,
    StreamError,
)
from skysieve.attaching import give_magics
from skysieve.session import Session
from skysieve.sources import send
from skysieve.sources.surveys import simulated
from skysieve.stream_topics import make_stream
from skysieve.topics import Topics

COUNT = 60


@pytest.fixture(scope="module")
def filled(topics: Topics) -> str:
    """A stream that no test of this module adds to."""
    stream = make_stream(topics, "magic-alerts")
    send(simulated("lsst", count=COUNT, seed=3), stream, topics.bootstrap)
    return stream


@pytest.fixture
def shell(environment) -> Iterator[InteractiveShell]:
    """IPython's shell, with the extension loaded and nothing attached."""
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "skysieve")
    yield shell
    shell.history_manager.end_session() if shell.history_manager else None
    InteractiveShell.clear_instance()


@pytest.fixture
def attached(shell: InteractiveShell, sky: Session) -> InteractiveShell:
    shell.user_ns["observatory"] = sky
    return shell


def run(shell: InteractiveShell, cell: str):
    """The value of a cell, or what it raises."""
    done = shell.run_cell(cell)
    if not done.success:
        raise done.error_before_exec or done.error_in_exec
    return done.result


def test_a_filter_cell_previews_its_filter(attached, filled, sky):
    where = "diaSource.snr > 10\nAND diaSource.reliability > 0.5"
    preview = run(attached, f"%%filter bright --stream {filled} --last 50\n{where}\n")
    assert isinstance(preview, Preview)
    direct = sky.preview(Filter("bright", where, filled), last=50)
    assert preview.filter == direct.filter
    assert (preview.read, preview.passed) == (50, direct.passed)


def test_its_result_is_readable_html(attached, filled):
    preview = run(
        attached, f"%%filter bright -s {filled}\ndiaSource.snr > 10 AND diaSource.band <> '<script>'"
    )
    page = preview._repr_html_()
    assert f"{preview.passed} of {COUNT} alerts pass" in page
    assert "diaSource.snr &gt; 10" in page
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert str(preview.alerts["diaSource.diaSourceId"][0]) in page


def test_comments_and_a_leading_where_are_allowed(attached, filled):
    cell = (
        f"%%filter bright -s {filled}\n\n"
        "WHERE -- bright\n  diaSource.snr > 10  -- and\n/* real */ AND diaSource.reliability > 0.5\n\n"
    )
    preview = run(attached, cell)
    assert list(preview.cuts["cut"]) == ["diaSource.snr > 10", "diaSource.reliability > 0.5"]


def test_a_range_of_time_is_previewed(attached, filled):
    cell = '%%filter bright -s {} --between "2020-01-01 00:00:00Z" 2021-01-01T00:00:00Z\ndiaSource.snr > 10'
    assert run(attached, cell.format(filled)).read == 0


def test_a_night_is_previewed(attached, filled):
    assert run(attached, f"%%filter bright -s {filled} --night 2020-01-01\ndiaSource.snr > 10").read == 0


def test_files_and_ids_are_previewed(attached, filled, tmp_path):
    (tmp_path / "alert.avro").write_bytes(next(simulated("lsst", count=1, seed=4)).value)
    cell = '%%filter bright -s {} --files "{}"\ndiaSource.snr > -1e9'
    assert run(attached, cell.format(filled, tmp_path)).read == 1
    ids = list(
        run(attached, f"%%filter all -s {filled}\ndiaSource.snr > -1e9")
        .alerts["diaSource.diaSourceId"]
        .head(2)
    )
    found = run(attached, f"%%filter some -s {filled} --ids {ids[0]} {ids[1]}\ndiaSource.snr > -1e9")
    assert sorted(found.alerts["diaSource.diaSourceId"]) == sorted(ids)


def test_two_slices_at_once_are_refused_without_a_traceback(attached, filled, capsys):
    with pytest.raises(StreamError, match="last= or night=, not both"):
        run(attached, f"%%filter bright -s {filled} --last 5 --night 2026-03-05\ndiaSource.snr > 10")
    assert "Traceback" not in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "required: name"),
        ("bright --rate 5", "unrecognized arguments: --rate"),
        ("bright --last many", "invalid int value"),
        ("bright --language latin", "invalid choice: 'latin'"),
        ("bright --stream", "expected one argument"),
        ("bright --stream 'lsst", "No closing quotation"),
        ("bright --files", "expected at least one argument"),
    ],
)
def test_a_line_that_is_not_understood_is_answered_with_how_to_write_it(shell, line, message):
    with pytest.raises(UsageError, match=re.escape("%%filter NAME")) as raised:
        run(shell, f"%%filter {line}\ndiaSource.snr > 10")
    assert message in str(raised.value)


def test_deploy_without_a_name_is_answered_with_how_to_write_it(shell):
    with pytest.raises(UsageError, match="%deploy NAME"):
        run(shell, "%deploy")


def test_a_syntax_error_points_at_the_place_in_the_cell_without_a_traceback(attached, filled, capsys):
    with pytest.raises(FilterSyntaxError) as raised:
        run(attached, f"%%filter bright -s {filled}\n\ndiaSource.snr > 10\nAND AND diaSource.ra > 5")
    assert raised.value.line == 3
    said = "".join(capsys.readouterr())
    assert "AND AND diaSource.ra > 5\n" in said
    assert "^" in said
    assert "Traceback" not in said
    assert "magics.py" not in said


@pytest.mark.parametrize(
    ("cell", "error", "shown"),
    [
        ("snr > 10\nAND snrr > 5", ColumnError, "  AND snrr > 5\n      ~~~^\n"),
        ("\r\nsnr > 10 OR\r\n\tsnrr > 5", ColumnError, "  \tsnrr > 5\n  \t~~~^\n"),
        ("snr > 10\nAND snr ratio", FilterSyntaxError, "  AND snr ratio\n          ~~~~^\n"),
        (
            "def f(snr):\n    return snr ratio",
            FilterSyntaxError,
            "      return snr ratio\n                 ~~~~^\n",
        ),
        ("x > 1\nAND band + x", FilterError, "  AND band + x\n      ~~~~~~~^\n"),
        (
            "SELECT ra FROM objects\nWHERE absMag < 5",
            FilterError,
            "  WHERE absMag < 5\n        ~~~~~^\n",
        ),
        (
            "def f(diaSource):\n    return diaSource['snrr'] > 5",
            FilterError,
            "      return diaSource['snrr'] > 5\n      ~~~~~~~~~~~~~~~~~~~~~~~~~~~^\n",
        ),
    ],
)
def test_the_place_of_a_mistake_is_underlined_once(attached, filled, capsys, cell, error, shown):
    with pytest.raises(error):
        run(attached, f"%%filter bright -s {filled}\n{cell}")
    said = "".join(capsys.readouterr())
    assert shown in said
    assert said.count("^") == 1


def test_the_language_can_be_said(attached, filled):
    with pytest.raises(FilterSyntaxError, match="not Python"):
        run(attached, f"%%filter bright -s {filled} --language python\nsnr > 10 AND ra > 5")
    with pytest.raises(FilterSyntaxError, match="not a condition in SQL"):
        run(attached, f"%%filter bright -s {filled} -l sql\ndef bright(snr):\n    return snr > 10")


def test_an_expression_of_columns_is_evaluated_in_the_notebook(attached, filled):
    run(attached, "from pyspark.sql import functions as F\nleast = 10")
    with pytest.raises(FilterError, match="name 'most' is not defined"):
        run(attached, f"%%filter bright -s {filled} -l columns\nF.col('snr').between(least, most)")


@pytest.mark.parametrize(
    ("line", "where", "error", "message"),
    [
        ("bright -s {}", "diaSource.snrr > 10", ColumnError, "Did you mean diaSource.snr"),
        ("bright -s {}", "nosuchfunction(diaSource.snr) > 1", FilterError, "nosuchfunction"),
        ("bright -s {}", "-- nothing", FilterError, "empty"),
        ("bright -s {}x", "diaSource.snr > 10", StreamError, "Did you mean"),
        ("<script> -s {}", "diaSource.snr > 10", FilterError, "'<script>' is no legal filter name"),
        ("bright -s {} --last 0", "diaSource.snr > 10", StreamError, "one packet or more"),
        (
            "bright -s {} --between yesterday today",
            "diaSource.snr > 10",
            StreamError,
            "'yesterday' is no time",
        ),
    ],
)
def test_a_mistake_is_shown_as_its_message_alone(attached, filled, capsys, line, where, error, message):
    with pytest.raises(error, match=re.escape(message)):
        run(attached, f"%%filter {line.format(filled)}\n{where}")
    said = "".join(capsys.readouterr())
    assert f"{error.__name__}: " in said
    assert "Traceback" not in said


def test_where_there_are_several_streams_one_must_be_named(attached, filled, stream):
    with pytest.raises(SessionError, match="Add --stream NAME") as raised:
        run(attached, "%%filter bright\ndiaSource.snr > 10")
    assert filled in str(raised.value)
    assert stream in str(raised.value)


def test_the_magics_attach_by_themselves(shell, filled):
    assert run(shell, f"%%filter bright -s {filled} -n 10\ndiaSource.snr > 10").read == 10


def test_a_session_that_was_let_go_is_not_used(shell, environment, filled):
    run(shell, "import skysieve\nsky = skysieve.attach()\nsky")
    run(shell, "sky.detach()\nsky = skysieve.attach()")
    assert run(shell, f"%%filter bright -s {filled} -n 10\ndiaSource.snr > 10").read == 10
    run(shell, "sky.detach()")


def test_without_a_session_it_says_how_to_start_one(shell, tmp_path, monkeypatch):
    monkeypatch.setenv("SKYSIEVE_HOME", str(tmp_path))
    with pytest.raises(SessionError, match="`skysieve up`"):
        run(shell, "%%filter bright -s lsst-alerts\ndiaSource.snr > 10")


def test_deploy_lets_a_previewed_filter_run(attached, filled, name, deployed):
    run(attached, f"%%filter {name} -s {filled}\ndiaSource.snr > 10")
    found = run(attached, f"%deploy {name}")
    assert isinstance(found, Deployment)
    deployed.append(found)
    assert found.status().state == "running"
    page = found._repr_html_()
    assert ">running<" in page
    assert f"filter.{name}" in page


def test_deploy_from_the_earliest_alert_delivers_what_the_preview_passed(attached, filled, name, deployed):
    preview = run(attached, f"%%filter {name} -s {filled}\ndiaSource.snr > 10")
    found = run(attached, f"%deploy {name} --start earliest")
    deployed.append(found)
    assert found.matches() == preview.passed > 0


def test_deploy_need_not_wait(attached, filled, name, deployed):
    run(attached, f"%%filter {name} -s {filled}\ndiaSource.snr > 10")
    found = run(attached, f"%deploy {name} --no-wait")
    deployed.append(found)
    assert found.version == Filter(name, "diaSource.snr > 10", filled).version


def test_the_newest_cell_of_a_name_is_what_is_deployed(attached, filled, name, deployed):
    run(attached, f"%%filter {name} -s {filled}\ndiaSource.snr > 10")
    run(attached, f"%%filter {name} -s {filled}\ndiaSource.snr > 30")
    found = run(attached, f"%deploy {name} --no-wait")
    deployed.append(found)
    assert found.filter.where == "diaSource.snr > 30"


def test_a_cell_with_a_mistake_does_not_leave_its_former_filter_to_be_deployed(attached, filled, name):
    run(attached, f"%%filter {name} -s {filled}\ndiaSource.snr > 10")
    with pytest.raises(FilterSyntaxError):
        run(attached, f"%%filter {name} -s {filled}\ndiaSource.snr >")
    with pytest.raises(FilterError, match="without an error"):
        run(attached, f"%deploy {name}")


def test_deploy_before_a_preview_says_what_to_do_and_names_the_nearest(attached, filled):
    run(attached, f"%%filter supernovae -s {filled}\ndiaSource.snr > 10")
    with pytest.raises(FilterError, match=r"run its %%filter cell first.* Did you mean supernovae"):
        run(attached, "%deploy supernova")


def test_a_filter_whose_stream_vanished_is_not_deployed(attached, topics, stream, name, sky):
    run(attached, f"%%filter {name} -s {stream}\ndiaSource.snr > 10")
    topics.delete(stream)
    with pytest.raises(StreamError, match=f"There is no stream '{stream}'"):
        run(attached, f"%deploy {name}")
    assert name not in {d.name for d in sky.deployments}


def test_a_start_in_the_future_is_refused(attached, filled, name):
    run(attached, f"%%filter {name} -s {filled}\ndiaSource.snr > 10")
    with pytest.raises(Exception, match="is in the future"):
        run(attached, f"%deploy {name} --start 2999-01-01T00:00:00Z")


def test_a_kernel_shows_results_as_html_and_lives_through_every_mistake(environment, filled):
    with kernels.kernel() as kernel:
        assert kernel.text("%load_ext skysieve") == ""
        (result,) = kernel.run(f"%%filter bright -s {filled}\ndiaSource.snr > 10")
        assert f"of {COUNT} alerts pass" in result.data["text/html"]
        (column,) = kernel.run(f"%%filter bright -s {filled}\ndiaSource.snrr > 10")
        assert column.ename == "ColumnError"
        assert len(column.traceback) == 1
        assert "Did you mean diaSource.snr" in column.traceback[0]
        usage = kernel.run("%%filter bright --colour red\ndiaSource.snr > 10")
        assert "unrecognized arguments: --colour red" in str(usage)
        (deploy,) = kernel.run("%deploy bright")
        assert "run its %%filter cell first" in deploy.traceback[0]
        assert kernel.text("print(6 * 7)") == "42"


def test_who_attaches_has_the_magics_and_keeps_those_of_before():
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    try:
        known = shell.magics_manager.magics["cell"]
        assert "filter" not in known
        give_magics()
        first = known["filter"]
        give_magics()
        assert known["filter"] == first
        assert "deploy" in shell.magics_manager.magics["line"]
    finally:
        shell.history_manager.end_session() if shell.history_manager else None
        InteractiveShell.clear_instance()


def test_outside_of_a_notebook_nothing_is_given():
    InteractiveShell.clear_instance()
    give_magics()
    assert not InteractiveShell.initialized()
