"""Archives of classes: servers use them, a session without them makes them possible, and a broken one hurts nobody."""

import psutil
import pytest
from processes import processes_in, wait_until
from skysieve import local
from skysieve.home import Home
from skysieve.local import classes, jars, kafka, spark
from skysieve.local.classes import Archive

CACHE = Home.default().cache


@pytest.fixture
def own(tmp_path):
    """A home with a cache of its own, in which only the jars are."""
    home = Home.at(tmp_path / "home")
    home.cache.mkdir(parents=True)
    (home.cache / "jars").symlink_to(CACHE / "jars")
    yield home
    local.down(home)


@pytest.mark.parametrize("server", [kafka, spark])
def test_a_server_has_its_archive_mapped_into_memory(home, running, server):
    archive = server.archive(home)
    process = psutil.Process(running.pids[archive.part])
    assert str(archive.file) in {mapped.path for mapped in process.memory_maps()}


def test_a_session_without_archives_lists_its_classes_and_the_next_one_makes_them(own):
    archives = [server.archive(own) for server in (spark, kafka)]
    local.up(own, supervisor=False)
    assert not any(one.is_wanted for one in archives)
    local.down(own)
    assert all(one.is_wanted for one in archives)
    local.up(own, supervisor=False)
    dumps = f"-XX:SharedClassListFile={archives[0].listed}"
    wait_until(lambda: any(dumps in p.cmdline() for p in processes_in(own.cache)), "an archive is begun")
    local.down(own)
    assert processes_in(own.state) == []
    assert all(one.is_wanted for one in archives)


def test_a_server_starts_with_a_broken_archive_as_without_one(own):
    for server in (spark, kafka):
        whole, broken = server.archive(Home(own.state, CACHE)).file, server.archive(own).file
        broken.parent.mkdir(exist_ok=True)
        with whole.open("rb") as file:
            broken.write_bytes(file.read(1 << 20))
    assert local.up(own, supervisor=False).pids.keys() == {"kafka", "spark"}


def test_what_cannot_be_made_is_not_tried_again(tmp_path):
    archive = Archive("kafka", f"{jars.kafka(Home(tmp_path, CACHE), print)}/*", tmp_path)
    assert archive.options(Home.at(tmp_path)) == [
        f"-XX:DumpLoadedClassList={tmp_path}/run/{archive.listed.name}"
    ]
    archive.listed.write_text("@no-such-tag\n")
    assert archive.is_wanted
    classes.make([archive])
    assert not archive.is_wanted
    assert archive.options(Home.at(tmp_path)) == []


@pytest.mark.parametrize(("number", "kept"), [(6000, 5999), (100, None)])
def test_a_list_is_kept_where_the_server_came_up_and_without_a_line_that_broke_off(tmp_path, number, kept):
    home = Home.at(tmp_path)
    home.run.mkdir(parents=True)
    made = home.run / "spark-1.list"
    made.write_text("\n".join(f"java/lang/Class{i}" for i in range(number)))
    classes.keep_lists(home)
    assert not made.exists()
    found = home.cache / "classes" / made.name
    assert (len(found.read_text().splitlines()) if found.exists() else None) == kept
