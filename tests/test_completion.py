"""What Tab offers in a ``%%filter`` cell; the cursor is where the bar stands."""

from __future__ import annotations

import kernels
import pytest
from completing import LSST, OPTIONS, ZTF, Observatory, completer, offers
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from skysieve.completion import FilterCompleter
from skysieve.errors import FilterSyntaxError
from skysieve.languages.sql import cuts
from skysieve.sources import send
from skysieve.sources.surveys import simulated
from skysieve.stream_topics import make_stream
from skysieve.topics import Topics
from skysieve.vocabulary import FUNCTIONS, Vocabularies


def in_cell(where: str) -> dict[str, str]:
    return offers(f"%%filter bright --stream lsst-alerts\n{where}")


@pytest.mark.parametrize(
    ("where", "offered"),
    [
        ("diaSource.sn|", {"diaSource.snr": "float"}),
        ("diaSource.psfFluxE|", {"diaSource.psfFluxErr": "float [nJy]"}),
        ("DIASOURCE.SN|", {"diaSource.snr": "float"}),
        ("snr > 5\nAND diaSource.psfFluxE| > 3", {"AND diaSource.psfFluxErr": "float [nJy]"}),
        ("(NOT diaSource.psfFluxE|", {"(NOT diaSource.psfFluxErr": "float [nJy]"}),
    ],
)
def test_full_names_of_columns_come_with_type_and_unit(where, offered):
    assert in_cell(where) == offered


def test_the_last_part_of_a_name_is_offered_where_it_leaves_no_doubt():
    assert in_cell("psfFluxE|") == {"psfFluxErr": "float [nJy]"}


def test_where_last_parts_are_alike_full_names_are_offered():
    assert in_cell("ra|").keys() >= {"diaSource.ra", "diaObject.ra"}
    assert "ra" not in in_cell("ra|")


def test_what_is_offered_means_one_column():
    known = LSST.format.columns()
    for name in in_cell("r|").keys() - set(FUNCTIONS):
        assert known.resolve(name)


def test_an_empty_cell_offers_every_column_and_function():
    offered = in_cell("|")
    assert list(offered) == [column.name for column in LSST.described] + list(FUNCTIONS)


def test_columns_of_schemas_that_the_stream_does_not_have_are_not_offered():
    assert "MPCORB.mpcDesignation" in LSST.format.columns()
    assert in_cell("MPCORB.|") == {}


@pytest.mark.parametrize(
    ("where", "before"),
    [
        ("prvDiaSources.psfFluxE|", "prvDiaSources."),
        ("prvDiaSources[0].psfFluxE|", "prvDiaSources[0]."),
        ("exists(prvDiaSources, s -> s.psfFluxE|", "exists(prvDiaSources, s -> s."),
        ("exists(prvDiaSources, s -> S.psfFluxE|)", "exists(prvDiaSources, s -> S."),
        ("exists(prvDiaSources, (s, i) -> s.psfFluxE|", "exists(prvDiaSources, (s, i) -> s."),
        ("exists(prvDiaSources, s -> abs(s.snr) > 5 AND s.psfFluxE|", None),
        ("exists(filter(prvDiaSources, a -> a.snr > 5), b -> b.psfFluxE|", None),
        ("aggregate(prvDiaSources, 0D, (sum, s) -> sum + s.psfFluxE|", None),
        ("size(prvDiaForcedSources) > 1 AND exists(prvDiaSources, s -> s.psfFluxE|", None),
    ],
)
def test_the_fields_of_a_history_are_offered_after_its_name_and_after_a_lambdas_variable(where, before):
    before = before or where.removesuffix("psfFluxE|")
    assert in_cell(where) == {f"{before}psfFluxErr": "float [nJy]"}


def test_each_lambda_has_the_fields_of_its_own_history():
    forced = in_cell("exists(prvDiaSources, s -> s.snr > 5) AND exists(prvDiaForcedSources, s -> s.|")
    assert {name.rsplit(".")[-1] for name in forced} == set(LSST.described["prvDiaForcedSources"].fields())


@pytest.mark.parametrize(
    "where",
    [
        "band = 'sn|",
        "band = 'g' -- sn|",
        "/* sn|",
        "element_at(prvDiaSources, 1).sn|",
        "diaSource.snr > 20|",
        "nothing.sn|",
        "zzz|",
    ],
)
def test_nothing_is_offered_in_texts_and_comments_nor_where_nothing_fits(where):
    assert in_cell(where) == {}


def test_functions_are_offered_as_such():
    assert in_cell("array_m|") == {"array_max": "function", "array_min": "function"}
    assert in_cell("abs(diaSource.sn|)") == {"abs(diaSource.snr": "float"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_that_is_offered_may_be_called(name):
    def is_filter(arguments: str) -> bool:
        try:
            return len(cuts(f"{name}({arguments}) > 1")) == 1
        except FilterSyntaxError:  # which a wrong number of arguments is
            return False

    assert any(map(is_filter, ("", "a", "a, b", "a, b, c", "a AS double")))


PYTHON = "%%filter bright -s lsst-alerts\n# bright\nimport math\n\n"


@pytest.mark.parametrize(
    ("source", "offered"),
    [
        ("def bright(psfFluxE|", {"def bright(psfFluxErr": "float [nJy]"}),
        (
            "def bright(snr, psfFluxE|):\n    return snr > 5",
            {"def bright(snr, psfFluxErr": "float [nJy]"},
        ),
        ("def bright(\n    snr,\n    prvDiaS|", {"    prvDiaSources": "array"}),
        ("def bright(snr):\n    return ps|", {}),
        ("def bright(snr=ps|", {}),
        ("def ps|", {}),
    ],
)
def test_in_python_the_arguments_of_the_function_are_columns(source, offered):
    assert offers(PYTHON + source) == offered


def test_an_argument_is_a_name_that_python_allows():
    offered = [name.removeprefix("def f(") for name in offers("%%filter a\ndef f(|")]
    assert "snr" in offered
    assert all(name.isidentifier() for name in offered)


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("bright --|", ["--stream", "--last", "--between", "--night", "--files", "--ids", "--language"]),
        ("bright --la|", ["--last", "--language"]),
        ("bright --stream |", ["lsst-alerts", "ztf-alerts"]),
        ("bright --stream z|", ["ztf-alerts"]),
        ("bright -n 5 -s 'z| --last 3", ["ztf-alerts"]),
        ("bright --language |", ["sql", "aggregate", "near", "python", "columns", "lasair", "boom"]),
        ("bright -l b|", ["boom"]),
        ("|", []),
        ("bri|", []),
        ("bright --last |", []),
    ],
)
def test_options_and_their_values_are_offered_in_the_first_line(line, offered):
    found = offers(f"%%filter {line}\nsnr > 5", completer(LSST, ZTF))
    assert [name.split()[-1].lstrip("'") for name in found] == offered


def test_the_stream_of_the_cell_decides():
    both = completer(LSST, ZTF)
    assert set(offers("%%filter a -n 5 --stream ztf-alerts\nfwh|", both)) == {"fwhm"}
    assert set(offers('%%filter a -s "lsst-alerts"\nfwh|', both)) == set()
    assert set(offers("%%filter a\nfwh|", both)) == set()
    assert set(offers("%%filter a\nfwh|", completer(ZTF))) == {"fwhm"}


@pytest.mark.parametrize(
    "cell",
    [
        "sn|",
        "%%filt|",
        "%%filters a\nsn|",
        "x = 1\n%%filter a\nsn|",
        "%%filter a -l columns\nsn|",
        "%%filter a\nSELECT sn| FROM objects",
        "%%filter a\nSELECT * FROM objects WHERE watchlist.nDiaS|",
        "%%filter a\nSELECT * FROM objects WHERE 'nDiaS|",
        '%%filter a\n[{"$match": {"sn|"}}]',
        '%%filter a\n[{"$match": {"candidate.psfFlux": candidate.sn|}}]',
        "%%filter a\nlsst.d.sn|",
    ],
)
def test_other_cells_and_languages_are_left_alone(cell):
    assert offers(cell) == {}


def test_a_language_that_is_named_is_taken():
    assert "def f(snr" in offers("%%filter a --language python\nx = \ndef f(sn|")
    assert offers("%%filter a --language sql\nimport os\nsn|") == {"snr": "float"}


@pytest.mark.parametrize(("patience", "asked"), [(3600, 1), (0, 3)])
def test_a_stream_is_asked_for_its_columns_once_in_a_while(patience, asked):
    session = Observatory(LSST)
    complete = FilterCompleter(Vocabularies(lambda: session, patience), OPTIONS, {})
    for _ in range(3):
        assert offers("%%filter a\nsn|", complete) == {"snr": "float"}
    assert session.asked == asked


def test_where_there_is_no_such_stream_functions_are_offered_and_it_is_asked_for_again():
    session = Observatory(LSST)
    complete = FilterCompleter(Vocabularies(lambda: session), OPTIONS, {})
    assert set(offers("%%filter a -s elsewhere\nsq|", complete)) == {"sqrt"}
    session._streams["elsewhere"] = ZTF
    assert set(offers("%%filter a -s elsewhere\nfwh|", complete)) == {"fwhm"}


@pytest.fixture
def shell(tmp_path, monkeypatch):
    """IPython's shell with the extension, where no session is."""
    monkeypatch.setenv("SKYSIEVE_HOME", str(tmp_path))
    for variable in ("SKYSIEVE_KAFKA", "SKYSIEVE_SPARK"):
        monkeypatch.delenv(variable, raising=False)
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "skysieve")
    yield shell
    shell.history_manager.end_session() if shell.history_manager else None
    InteractiveShell.clear_instance()


def completions(shell, cell: str) -> dict[str, str]:
    cursor = cell.index("|")
    with provisionalcompleter():
        return {one.text: one.type for one in shell.Completer.completions(cell.replace("|", "", 1), cursor)}


def test_ipython_completes_without_a_session_what_needs_none(shell):
    assert completions(shell, "%%filter bright --st|") == {"--stream": "option"}
    assert completions(shell, "%%filter bright\n\nsnr > 5 AND array_ma|") == {"array_max": "function"}


def test_in_sql_no_names_of_python_are_offered_beside_what_fits(shell):
    shell.run_cell("array_marvel = 1")
    assert completions(shell, "%%filter bright\narray_ma|") == {"array_max": "function"}
    assert "array_marvel" in completions(shell, "array_ma|")


def test_in_python_its_own_names_are_offered(shell):
    shell.run_cell("array_marvel = 1")
    assert "array_marvel" in completions(shell, "%%filter bright\ndef f(snr):\n    return array_ma|")


def test_an_extension_that_is_loaded_anew_completes_once(shell):
    shell.run_line_magic("reload_ext", "skysieve")
    names = [getattr(one, "matcher_identifier", "") for one in shell.Completer.custom_matchers]
    assert names.count("skysieve") == 1


@pytest.fixture(scope="module")
def filled(topics: Topics) -> str:
    stream = make_stream(topics, "completed-alerts")
    send(simulated("lsst", count=20, seed=3), stream, topics.bootstrap)
    return stream


def test_a_kernel_completes_columns_of_a_stream_in_kafka(environment, filled):
    with kernels.kernel() as kernel:
        assert kernel.text("%load_ext skysieve") == ""
        cell = f"%%filter bright -s {filled}\nsnr > 5 AND diaSource.psfFluxE > 3"
        cursor = cell.index(" > 3")
        reply = kernel.complete(cell, cursor)
        assert reply["matches"] == ["diaSource.psfFluxErr"]
        assert cell[reply["cursor_start"] : reply["cursor_end"]] == "diaSource.psfFluxE"
        (told,) = reply["metadata"]["_jupyter_types_experimental"]
        assert told["type"] == "float [nJy]"
        assert filled in kernel.complete("%%filter bright --stream ")["matches"]


def test_spark_has_every_function_that_is_offered(sky):
    assert {name for name in FUNCTIONS if not sky.spark.catalog.functionExists(name)} <= {"cast"}
