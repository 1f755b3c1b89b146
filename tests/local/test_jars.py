"""Jars: fetched once, whole or not at all."""

import threading
import xml.etree.ElementTree as ET

import pytest
from skysieve.errors import SessionError
from skysieve.home import Home
from skysieve.local import jars
from skysieve.local.jars import JarSet, artifact, fetched

NOWHERE = JarSet("nowhere", "1.0", (("org.example", "nowhere", "1.0"),))


@pytest.fixture
def empty(tmp_path):
    return Home(tmp_path / "sky", tmp_path / "cache")


@pytest.fixture
def cut_off(monkeypatch):
    """A machine that reaches no repository."""
    proxy = "-Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=9 -Dhttp.proxyHost=127.0.0.1 -Dhttp.proxyPort=9"
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", proxy)


def left(home):
    """What is in the folder of jars, but for the locks."""
    return [file.name for file in (home.cache / "jars").iterdir() if not file.name.endswith(".lock")]


def test_a_set_that_is_there_is_not_fetched_again(empty, cut_off):
    (empty.cache / "jars" / NOWHERE.title).mkdir(parents=True)
    told = []
    assert fetched(empty, NOWHERE, told.append) == empty.cache / "jars" / NOWHERE.title
    assert told == []


def test_a_set_of_which_more_is_asked_for_has_another_folder():
    assert JarSet("nowhere", "1.0", (*NOWHERE.modules, ("org.example", "more", "1.0"))).title != NOWHERE.title


def test_a_set_that_cannot_be_fetched_says_why_and_what_to_do_and_leaves_nothing(empty, cut_off):
    told = []
    with pytest.raises(
        SessionError, match=r"(?s)nowhere.*Check that this machine reaches a Maven repo"
    ) as error:
        fetched(empty, NOWHERE, told.append)
    assert f"copy {empty.cache / 'jars' / NOWHERE.title} from a machine that has it" in str(error.value)
    assert told == ["fetching Nowhere 1.0 (once; up to a minute) ..."]
    assert left(empty) == []


def test_one_who_gives_up_does_not_wait_for_it(empty):
    given_up = threading.Event()
    given_up.set()
    with pytest.raises(SessionError, match="could not be fetched"):
        fetched(empty, NOWHERE, print, given_up)
    assert left(empty) == []


def test_what_a_killed_fetch_left_is_cleared_away(empty, cut_off):
    (empty.cache / "jars" / f".{NOWHERE.title}-killed" / "cache").mkdir(parents=True)
    with pytest.raises(SessionError):
        fetched(empty, NOWHERE, print)
    assert left(empty) == []


def test_the_descriptor_is_what_ivy_reads():
    modules = (("org.apache.kafka", "kafka_2.13", "4.1.1"),)
    root = ET.fromstring(JarSet("kafka", "4.1.1", modules, without=("org.apache.hadoop",)).descriptor)
    wanted = root.find("dependencies/dependency").attrib
    assert (wanted["org"], wanted["name"], wanted["rev"]) == modules[0]
    assert root.find("dependencies/exclude").attrib == {"org": "org.apache.hadoop"}


def test_the_broker_s_set_is_whole(home):
    names = {artifact(jar.name) for jar in jars.kafka(home, print).glob("*.jar")}
    assert {"kafka_2.13", "kafka-clients", "scala-logging_2.13", "snappy-java", "log4j-core"} <= names


def test_spark_s_set_holds_nothing_that_pyspark_ships(home):
    ours = {artifact(jar.name) for jar in jars.spark(home, print).glob("*.jar")}
    shipped = {artifact(jar.name) for jar in (jars.pyspark_home() / "jars").glob("*.jar")}
    assert {"spark-sql-kafka-0-10_2.13", "spark-avro_2.13", "kafka-clients"} <= ours
    assert "hadoop-bare-naked-local-fs" in ours
    assert ours & shipped == set()
