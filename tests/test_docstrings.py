"""Every example in a docstring runs as it is printed, and none of them starts a process."""

import doctest
import importlib
import inspect
import pkgutil
import re
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import pytest
import skysieve
import skysieve_widgets

MODULES = [
    found
    for package in (skysieve, skysieve_widgets)
    for found in (
        package.__name__,
        *(module.name for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")),
    )
    if not found.endswith(".__main__")  # importing it runs the command line
]


@cache
def examples(module):
    """The docstrings of a module that hold examples."""
    found = doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(module))
    return [docstring for docstring in found if docstring.examples]


@pytest.fixture
def alone(monkeypatch, tmp_path):
    """No process can be started, and no file is left behind; matplotlib has found its fonts before."""
    importlib.import_module("matplotlib.font_manager")

    def refuse(_process, command, *_arguments, **_options):
        raise AssertionError(f"an example starts a process: {command}")

    monkeypatch.setattr(subprocess.Popen, "__init__", refuse)
    monkeypatch.setattr(subprocess.Popen, "__del__", lambda _self: None)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("module", MODULES)
def test_every_prompt_in_a_module_is_an_example_that_holds(module):
    runner, said = doctest.DocTestRunner(verbose=False), []
    tried = sum(
        runner.run(docstring, out=said.append, clear_globs=False).attempted for docstring in examples(module)
    )
    assert not said, "".join(said)
    prompts = re.findall(r"^\s*>>> ", inspect.getsource(importlib.import_module(module)), re.MULTILINE)
    assert tried == len(prompts)


@pytest.mark.parametrize("module", MODULES)
def test_no_section_of_examples_is_without_a_prompt(module):
    source = inspect.getsource(importlib.import_module(module))
    sections = re.findall(
        r"^ *Examples\n *-+\n(.*?)(?=^ *[\w ]+\n *-+$|\"\"\")", source, re.MULTILINE | re.DOTALL
    )
    assert len(sections) == len(re.findall(r"^ *Examples$", source, re.MULTILINE))
    assert all(">>> " in section for section in sections)


@pytest.mark.parametrize(
    "name",
    [
        "skysieve",
        "skysieve.filter.Filter",
        "skysieve.intervals.wilson",
        "skysieve.languages.sql.cuts",
        "skysieve.packets.avro.narrow",
        "skysieve.packets.columns.Columns",
        "skysieve.packets.lsst_schemas.schema_files",
        "skysieve.sources.files.read_packets",
        "skysieve_widgets.light_curve.light_curve",
        "skysieve_widgets.surveys.base.integer",
    ],
)
def test_what_readers_look_up_first_has_examples(name):
    assert name in {docstring.name for module in MODULES for docstring in examples(module)}


@pytest.mark.parametrize("package", [skysieve, skysieve_widgets])
def test_no_file_of_the_packages_is_passed_over(package):
    folder = Path(package.__file__).parent
    files = {file.relative_to(folder.parent).with_suffix("") for file in folder.rglob("*.py")}
    names = {".".join(file.parts).removesuffix(".__init__") for file in files}
    assert names - set(MODULES) == {"skysieve.__main__"} & names
