"""Where Skysieve keeps its files: what the environment names, or the folders of the platform."""

from pathlib import Path

import platformdirs
import pytest
from skysieve.home import Home


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch):
    monkeypatch.delenv("SKYSIEVE_HOME", raising=False)
    monkeypatch.delenv("SKYSIEVE_CACHE", raising=False)


def test_by_default_the_folders_are_the_platform_s():
    assert Home.default() == Home(
        platformdirs.user_state_path("skysieve"), platformdirs.user_cache_path("skysieve")
    )


@pytest.mark.parametrize("variable", ["SKYSIEVE_HOME", "SKYSIEVE_CACHE"])
def test_an_empty_variable_is_none(variable, monkeypatch):
    before = Home.default()
    monkeypatch.setenv(variable, "")
    assert Home.default() == before


def test_skysieve_home_holds_everything(tmp_path, monkeypatch):
    monkeypatch.setenv("SKYSIEVE_HOME", str(tmp_path))
    assert Home.default() == Home.at(tmp_path) == Home(tmp_path, tmp_path / "cache")


def test_skysieve_cache_moves_only_the_cache(tmp_path, monkeypatch):
    state = Home.default().state
    monkeypatch.setenv("SKYSIEVE_CACHE", str(tmp_path / "jars"))
    assert Home.default() == Home(state, tmp_path / "jars")


def test_skysieve_cache_comes_before_skysieve_home(tmp_path, monkeypatch):
    monkeypatch.setenv("SKYSIEVE_HOME", str(tmp_path / "sky"))
    monkeypatch.setenv("SKYSIEVE_CACHE", str(tmp_path / "jars"))
    assert Home.default() == Home.at(tmp_path / "sky") == Home(tmp_path / "sky", tmp_path / "jars")


@pytest.mark.parametrize("folder", ["sky", "./sky", Path("sky")])
def test_a_relative_folder_is_seen_from_where_python_runs(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SKYSIEVE_CACHE", "jars")
    home = Home.at(folder)
    monkeypatch.chdir("/")
    assert home == Home(tmp_path / "sky", tmp_path / "jars")


def test_a_tilde_is_the_user_s_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SKYSIEVE_HOME", "~/sky")
    monkeypatch.setenv("SKYSIEVE_CACHE", "~/jars")
    assert Home.default() == Home(tmp_path / "sky", tmp_path / "jars")


def test_every_kind_of_file_has_a_folder_of_its_own(tmp_path):
    home = Home.at(tmp_path)
    folders = [home.run, home.logs, home.data, home.checkpoints, home.cache]
    assert [folder.relative_to(tmp_path).as_posix() for folder in folders] == [
        *("run", "logs", "kafka", "checkpoints", "cache")
    ]


def test_naming_a_home_makes_no_folder(tmp_path):
    home = Home.at(tmp_path / "sky")
    assert home.run.name == "run"
    assert not home.state.exists()
