"""Filters in files: what is written is read back, and plain SQL or Python will do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from skysieve import Filter
from skysieve.errors import FilterError

WHERE = "snr > 20 -- bright\n  AND reliability > 0.9"
CODE = "# how: by hand\nimport numpy as np\n\n\ndef f(snr):\n    return np.abs(snr) > 1"
SQL = Filter(
    "one", WHERE, "lsst-alerts", "Bright: and real", emit="mag: derived.mag", tags=("a", "b"), owner="me"
)
PYTHON = Filter("two", CODE, "lsst-alerts", "Two\nlines", language="python")


@pytest.mark.parametrize(("spec", "ending"), [(SQL, ".sql"), (PYTHON, ".py")])
def test_what_is_written_is_read_back(tmp_path, spec, ending):
    path = spec.to_file(tmp_path / "filter")
    assert path.name == f"filter{ending}"
    found = Filter.from_file(path)
    assert found == spec
    assert found.version == spec.version
    assert found.made_with == spec.made_with


@given(
    description=st.text(st.characters(codec="utf-8")),
    owner=st.text(st.characters(codec="utf-8")),
    tags=st.lists(st.text(st.characters(codec="utf-8"))),
)
def test_descriptions_of_any_kind_come_back(tmp_path_factory, description, owner, tags):
    spec = Filter("f", "snr > 1", "s", description, owner=owner, tags=tuple(tags))
    assert Filter.from_file(spec.to_file(tmp_path_factory.mktemp("any") / "f.sql")) == spec


TEXTS = {
    "sql": [
        "  snr > 20\r\n  AND reliability > 0.9  \r\n",
        "\n\nsnr > 20 -- note: x\r\nAND band = 'a\r\nb'\n",
        "snr > 20\rAND ra > 5\x0c",
        "-- name: other\nsnr > 5 AND band = ' \u2028 '",
        "\u00a0SELECT count(*) AS n\r\nWHERE snr > 5\r\nGROUP BY night ONCE\r\n",
        "snr > 5 \r\nNEAR 'gcn'\r\n AFTER '3 days' ",
    ],
    "python": [
        "\r\n\r\nimport math\r\n\r\ndef f(snr):\r\n    '''a\r\n    b'''\r\n    return snr > 5\r\n\r\n",
        "# skysieve filter\n# name: other\ndef f(snr):\n    x = '''a\\\r\nb\rc'''\n    return snr > 5  \n",
    ],
}
ON_THE_WAY = {
    "nothing": lambda raw: raw,
    "git": lambda raw: raw.replace(b"\n", b"\r\n"),
    "an editor": lambda raw: b"\xef\xbb\xbf" + raw.replace(b"\n", b"\r\n"),
}


@pytest.mark.parametrize("by", ON_THE_WAY)
@pytest.mark.parametrize(
    ("language", "text"), [(name, one) for name, texts in TEXTS.items() for one in texts]
)
def test_the_version_is_the_same_whatever_ends_the_lines_and_surrounds_the_text(tmp_path, language, text, by):
    emit = "" if "GROUP" in text else "mag: derived.mag;\r\n x: derived.mag +\r\n 1\r\n"
    spec = Filter("one", text, "s", language=language, emit=emit)
    path = spec.to_file(tmp_path / "file")
    assert b"\r" not in path.read_bytes()
    path.write_bytes(ON_THE_WAY[by](path.read_bytes()))
    found = Filter.from_file(path)
    assert (found.name, found.version, found.emit) == ("one", spec.version, spec.emit)
    assert Filter.from_file(found.to_file(tmp_path / "again")) == found


def test_a_file_is_readable_in_its_language(tmp_path):
    text = SQL.to_file(tmp_path / "one.sql").read_text()
    assert text.startswith(
        f"-- skysieve filter, version {SQL.version}\n-- name: one\n-- stream: lsst-alerts\n"
    )
    assert text.endswith(f"\n\n{WHERE}\n")
    compile(PYTHON.to_file(tmp_path / "two.py").read_text(), "two.py", "exec")


def test_plain_sql_or_python_will_do(tmp_path):
    (tmp_path / "bright.sql").write_text("-- note: no head\nsnr > 20\n")
    (tmp_path / "young.py").write_text(CODE)
    bright = Filter.from_file(tmp_path / "bright.sql", stream="s")
    young = Filter.from_file(tmp_path / "young.py", stream="s", name="other")
    assert (bright.name, bright.where, bright.language) == ("bright", "-- note: no head\nsnr > 20", "sql")
    assert (young.name, young.where, young.language) == ("other", CODE, "python")


def test_what_is_given_counts_more_than_what_the_file_says(tmp_path):
    found = Filter.from_file(SQL.to_file(tmp_path / "one.sql"), name="mine", stream="ztf")
    assert (found.name, found.stream, found.owner) == ("mine", "ztf", "me")


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.sql", "-- skysieve filter\n-- colour: red\n\nsnr > 1", "'colour' is nothing that a filter has"),
        ("a.sql", "-- skysieve filter\n-- tags: [red\n\nsnr > 1", "tags is no JSON"),
        ("a.sql", "snr > 1", "needs a stream"),
        ("a.py", "# skysieve filter\n# stream: s\n\nx = 1", "A filter in Python is a function"),
    ],
)
def test_what_cannot_be_read_is_told(tmp_path, name, text, says):
    (tmp_path / name).write_text(text)
    with pytest.raises(FilterError, match=says):
        Filter.from_file(tmp_path / name)


def test_a_file_that_is_not_there_or_is_no_text_is_told(tmp_path):
    (tmp_path / "bytes.sql").write_bytes(b"\xff\xfe\x80")
    for name in ("none.sql", "bytes.sql"):
        with pytest.raises(FilterError, match=f"{name} cannot be read"):
            Filter.from_file(tmp_path / name)


@pytest.mark.parametrize(("spec", "name"), [(SQL, "one.py"), (PYTHON, "two.sql"), (SQL, "one.txt")])
def test_a_wrong_ending_is_refused(tmp_path, spec, name):
    with pytest.raises(FilterError, match=f"{name}: a filter in {spec.language} goes into a file"):
        spec.to_file(tmp_path / name)
    assert not list(tmp_path.iterdir())
