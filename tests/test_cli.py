"""The command line, as somebody uses it who has read nothing but its help."""

import gzip
import json
import os
import re
import signal
import subprocess
import sys

import pytest
from conftest import DATA
from processes import wait_until
from skysieve import cli
from skysieve.home import Home
from skysieve.sources import simulate
from skysieve.topics import Topics

COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class Said:
    """What a command wrote, and its exit code."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, COLOURS.sub("", out), COLOURS.sub("", err)

    def refuses(self, *words):
        """Whether it ended with a message that holds these words, and nothing that only a programmer reads."""
        assert self.code == 1, self.out + self.err
        assert "Traceback" not in self.out + self.err
        missing = [word for word in words if word not in self.err]
        assert not missing, self.err
        return True


@pytest.fixture
def skysieve(monkeypatch, capsys):
    """The command line, run in this process as the script does."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["skysieve", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main()
        return Said(end.value.code or 0, *capsys.readouterr())

    yield run
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """A home without a session."""
    monkeypatch.setenv("SKYSIEVE_HOME", str(tmp_path / "sky"))
    for variable in ("SKYSIEVE_KAFKA", "SKYSIEVE_SPARK"):
        monkeypatch.delenv(variable, raising=False)
    return Home.default()


@pytest.fixture
def where(tmp_path):
    """Writes a WHERE clause to a file."""

    def write(text):
        file = tmp_path / "filter.sql"
        file.write_text(text)
        return file

    return write


@pytest.fixture
def mine(skysieve, environment, stream, where, name, sky, deployed):
    """A filter that runs, deployed by the command line."""
    said = skysieve("deploy", where("diaSource.snr > 20"), "--name", name, "--stream", stream)
    assert said.code == 0, said.err
    deployed.append(sky.deployment(name))
    return name


def count(kafka, stream):
    return sum(Topics(kafka).end(stream).values())


def test_help_names_every_command(skysieve):
    said = skysieve("--help")
    assert said.code == 0
    commands = (
        "up down status simulate replay deploy filters consume start stop remove rollback "
        "supervise demo lab bench redrive"
    )
    assert [c for c in commands.split() if not re.search(rf"\b{c}\b", said.out)] == []


def test_the_module_is_the_script(tmp_path):
    command = [sys.executable, "-m", "skysieve", "status"]
    environment = {**os.environ, "SKYSIEVE_HOME": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == "No session is running here. Start one with `skysieve up`.\n"


def test_status_where_nothing_runs_exits_with_1_and_is_json_all_the_same(skysieve, alone):
    said = skysieve("status", "--json")
    assert said.code == 1
    assert json.loads(said.out) == {"kafka": None, "spark": None, "pids": {}, "streams": [], "filters": []}


def test_down_where_nothing_runs_says_so(skysieve, alone):
    said = skysieve("down")
    assert (said.code, said.out) == (0, "No session was running here.\n")


def test_up_where_a_session_runs_names_it(skysieve, environment, running):
    said = skysieve("up")
    assert (said.code, said.err) == (0, "")
    assert said.out == f"Kafka {running.kafka}, Spark {running.spark}\n"


def test_status_for_people_and_for_programs(skysieve, environment, running, stream):
    people, programs = skysieve("status"), skysieve("status", "--json")
    assert (people.code, programs.code) == (0, 0)
    found = json.loads(programs.out)
    assert list(found) == ["kafka", "spark", "pids", "streams", "filters"]
    assert found["pids"].keys() == {"kafka", "spark", "supervisor"}
    logs = str(Home.default().logs)
    for shown in (running.kafka, running.spark, stream, logs, *map(str, running.pids.values())):
        assert shown in people.out
    assert running.token not in people.out + programs.out


@pytest.mark.parametrize(
    "command",
    [
        ("simulate", "--stream", "a", "--count", "1"),
        ("replay", __file__, "--stream", "a"),
        ("deploy", __file__, "--name", "a", "--stream", "a"),
        ("filters",),
        ("consume", "a"),
        ("stop", "a"),
    ],
    ids=lambda command: command[0],
)
def test_what_needs_a_session_says_how_to_start_one(skysieve, alone, command, where):
    command = [where("diaSource.snr > 1") if c == __file__ and command[0] == "deploy" else c for c in command]
    assert skysieve(*command).refuses("No session is running here", "`skysieve up`")


def test_a_kafka_that_does_not_answer_is_named(skysieve, alone, monkeypatch):
    monkeypatch.setenv("SKYSIEVE_KAFKA", "127.0.0.1:9")
    said = skysieve("simulate", "--stream", "a", "--count", "1")
    assert said.refuses("No Kafka broker answers at 127.0.0.1:9", "`skysieve up`")


def test_simulate_writes_as_many_as_asked_for(skysieve, environment, kafka, name):
    said = skysieve("simulate", "--stream", name, "--count", "20", "--seed", "3")
    assert (said.code, said.err) == (0, "")
    assert said.out == f"20 simulated alerts written to {name}\n"
    assert count(kafka, name) == 20


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--survey", "nonsense"), ("'nonsense' cannot be simulated", "lsst")),
        (("--survey", "lsts"), ("Did you mean lsst?",)),
        (("--count", "0"), ("--count 0", "one alert or more")),
        (("--count", "-5"), ("--count -5",)),
        (("--rate", "0"), ("--rate 0", "more than 0 packets per second")),
        (("--rate", "-1"), ("--rate -1",)),
        (("--rate", "nan"), ("--rate nan",)),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else value,
)
def test_simulate_refuses_what_makes_no_sense_and_makes_no_stream(
    skysieve, environment, kafka, name, options, words
):
    assert skysieve("simulate", "--stream", name, *options).refuses(*words)
    assert name not in Topics(kafka).names()


@pytest.mark.parametrize("illegal", ["two words", "ü", "a/b", ".", "", "x" * 241])
def test_a_stream_name_that_kafka_does_not_take_is_refused(skysieve, environment, illegal):
    said = skysieve("simulate", "--stream", illegal, "--count", "1")
    assert said.refuses("is no legal stream name")


@pytest.mark.parametrize("own", ["skysieve-registry", "filter.bright", "a.rejected", "__consumer_offsets"])
def test_a_stream_cannot_have_a_name_of_skysieve_s_own(skysieve, environment, own):
    assert skysieve("simulate", "--stream", own, "--count", "1").refuses(own, "take another")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_endless_simulation_that_is_ended_says_what_it_has_written(environment, kafka, name, number):
    command = [sys.executable, "-m", "skysieve", "simulate", "--stream", name, "--rate", "20"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        topics = Topics(kafka)
        wait_until(lambda: topics.partitions(name) > 0 and count(kafka, name) > 5, "alerts arrive")
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert out == f"{count(kafka, name)} simulated alerts written to {name}\n"
    assert err == ""
    assert process.returncode == (0 if number == signal.SIGINT else 128 + number)


@pytest.mark.real_data
def test_replay_writes_real_packets_from_a_folder_byte_for_byte(skysieve, environment, kafka, name):
    folder = DATA / "lsst_derived_wire"
    said = skysieve("replay", folder, "--stream", name)
    topics = Topics(kafka)
    found = {record.value for record in topics.read(name, topics.begin(name), topics.end(name))}
    assert (said.code, said.out) == (0, f"{len(found)} packets written to {name}\n")
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert found == {gzip.decompress(file.read_bytes()) for file in files}


def test_replay_reads_a_file_and_a_gzipped_one(skysieve, environment, kafka, name, tmp_path):
    one, two = (alert.packet.value for alert in simulate(2, seed=1, pool=8))
    (tmp_path / "one").write_bytes(one)
    (tmp_path / "two.gz").write_bytes(gzip.compress(two))
    said = skysieve("replay", tmp_path / "one", tmp_path / "two.gz", "--stream", name, "--rate", "1000")
    assert (said.code, said.out) == (0, f"2 packets written to {name}\n")
    topics = Topics(kafka)
    assert {r.value for r in topics.read(name, topics.begin(name), topics.end(name))} == {one, two}


def test_replay_of_what_is_not_there_names_it_and_makes_no_stream(
    skysieve, environment, kafka, name, tmp_path
):
    said = skysieve("replay", tmp_path / "none", "--stream", name)
    assert said.refuses(f"There is no file or folder {tmp_path / 'none'}")
    assert name not in Topics(kafka).names()


def test_replay_of_an_unknown_format_names_the_file_and_what_is_understood(
    skysieve, environment, name, tmp_path
):
    (tmp_path / "notes.txt").write_text("clouds until midnight")
    said = skysieve("replay", tmp_path, "--stream", name)
    assert said.refuses(str(tmp_path / "notes.txt"), "an Avro object container", "63 6C 6F 75")
    assert said.out == f"0 packets written to {name}\n"


def test_deploy_waits_until_the_filter_runs_and_says_where_its_matches_go(skysieve, mine):
    (found,) = [one for one in json.loads(skysieve("filters", "--json").out) if one["name"] == mine]
    assert found["state"] == "running"
    assert list(found)[:6] == ["name", "stream", "version", "state", "output_topic", "error"]
    assert list(found)[6:] == ["health", "bank", "backfill", "archive"]
    shown = skysieve("filters").out
    assert re.search(rf"{mine} +running +{found['version']} .*{found['stream']} → filter.{mine}", shown)


def test_stop_start_rollback_and_remove(skysieve, mine, stream, where):
    assert skysieve("stop", mine).out.startswith(f"{mine} is stopped")
    assert f"{mine} stopped" in skysieve("status").out
    assert skysieve("start", mine).out.endswith("is running\n")
    assert skysieve("rollback", mine).refuses("no version before")
    first = next(
        one["version"] for one in json.loads(skysieve("filters", "--json").out) if one["name"] == mine
    )
    again = skysieve("deploy", where("diaSource.snr > 30"), "--name", mine, "--stream", stream)
    assert again.code == 0
    assert first not in again.out
    assert skysieve("rollback", mine).out == f"{mine} {first} is running\n"
    assert skysieve("remove", mine).out == f"{mine} is removed; its matches stay in filter.{mine}\n"
    assert skysieve("remove", mine).refuses(f"No filter '{mine}' is deployed")


def test_an_unknown_filter_names_the_nearest(skysieve, mine):
    for command in ("start", "stop", "remove", "rollback"):
        said = skysieve(command, mine + "x")
        assert said.refuses(f"No filter '{mine}x' is deployed", f"Did you mean {mine}")


def test_deploy_of_a_file_that_is_not_there_or_is_no_text(skysieve, environment, stream, tmp_path):
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for file in (tmp_path / "none.sql", tmp_path / "binary", tmp_path):
        said = skysieve("deploy", file, "--name", "bright", "--stream", stream)
        assert said.refuses(str(file), "WHERE clause")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("diaSource.snr >\n20 AND AND 3", ("line 2, column 8", "20 AND AND 3\n         ~~^")),
        ("diaSource.snrr > 20", ("snrr", "Did you mean diaSource.snr")),
        ("", ("empty",)),
    ],
    ids=["syntax", "column", "empty"],
)
def test_deploy_of_a_bad_filter_shows_what_is_wrong_with_it(
    skysieve, environment, stream, where, name, text, words
):
    said = skysieve("deploy", where(text), "--name", name, "--stream", stream)
    assert said.refuses(*words)
    assert name not in [one["name"] for one in json.loads(skysieve("filters", "--json").out)]


def test_deploy_on_an_unknown_stream_names_the_nearest(skysieve, environment, stream, where):
    said = skysieve("deploy", where("diaSource.snr > 20"), "--name", "bright", "--stream", stream + "x")
    assert said.refuses(f"There is no stream '{stream}x'", stream)


def test_deploy_under_an_illegal_name_says_which_are_legal(skysieve, environment, stream, where):
    said = skysieve("deploy", where("diaSource.snr > 20"), "--name", "a.b", "--stream", stream)
    assert said.refuses("'a.b' is no legal filter name")


@pytest.mark.parametrize("start", ["tomorrow", "2999-01-01T00:00:00Z", "2026-03-05T01:00:00"])
def test_deploy_from_a_time_that_is_none(skysieve, environment, stream, where, name, start):
    said = skysieve(
        "deploy", where("diaSource.snr > 20"), "--name", name, "--stream", stream, "--start", start
    )
    assert said.refuses(start[:10])


def test_the_supervisor_by_itself_says_what_it_needs(skysieve, alone, monkeypatch):
    monkeypatch.delenv("SKYSIEVE_CHECKPOINTS", raising=False)
    assert skysieve("supervise").refuses("$SKYSIEVE_KAFKA and $SKYSIEVE_SPARK and $SKYSIEVE_CHECKPOINTS")
