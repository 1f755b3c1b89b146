"""A cluster with users, TLS and access control: with rights everything works, without them Kafka's no is told plainly.

Each role has just the rights that docs/cluster.md grants it. Spark is that of the local session, which knows nothing of
this cluster but what each query tells it.
"""

from __future__ import annotations

import io
import json
import logging
import mmap
import os
import subprocess
import sys
from contextlib import redirect_stdout

import offline
import psutil
import pytest
from conftest import delivered
from processes import wait_until
from pyspark.errors import PySparkException
from pyspark.sql.functions import lit
from skysieve import Filter
from skysieve.engine import plan, registry
from skysieve.engine.registry import REGISTRY
from skysieve.engine.status import STATUS, statuses
from skysieve.errors import SessionError
from skysieve.kafka_options import PASSWORDS
from skysieve.sources import Packet, send
from skysieve.stream_topics import make_stream

from .clusters import SIGN, STREAM, USERS, packets, soon

BRIGHT = Filter("bright", "diaSource.snr > 20", STREAM)
PYTHON = Filter(
    "eastern", "def eastern(diaSource):\n    return diaSource.ra > 180\n", STREAM, language="python"
)


FOLLOWER = """
import sys
from skysieve.kafka_options import KafkaOptions
from skysieve.server.follower import Follower
from skysieve.topics import Topics

follower = Follower(Topics(sys.argv[2], KafkaOptions.named()))
follower.catch_up()
print("follows", flush=True)
for _ in range(900):
    follower.poll(0.1)
    if b'"stopped"' in follower.status[sys.argv[1]]:
        print("has heard of it")
        break
"""


def ids(found):
    return sorted(offline.alert(one.value)["diaSource"]["diaSourceId"] for one in found)


def test_secrets_that_were_changed_in_their_files_are_found_without_help(supervisor):
    said = supervisor.read_text()
    refusals = [said.index(text) for text in ("does not know user 'supervisor'", "refuses the token")]
    assert refusals == sorted(refusals)
    assert "Traceback" not in said


def test_the_owner_s_password_of_odd_characters_opens_the_cluster_to_every_client(
    cluster, attached, secured_stream
):
    sky = attached("alice")
    assert sky.streams == [STREAM]
    assert cluster.send(packets(1, 40)) == 1
    assert sky.stream(STREAM).recent(10).count() == 10


def test_a_filter_is_previewed_deployed_and_delivers(author, cluster, supervisor):
    preview = author.preview(BRIGHT, last=50)
    assert preview.read == 50
    deployed = author.deploy(BRIGHT).wait("running")
    new = packets(80, 42)
    cluster.send(new)
    wanted = [p for p in new if offline.alert(p.value)["diaSource"]["snr"] > 20]
    assert wanted
    assert ids(delivered(deployed, len(wanted))) == ids(wanted)
    assert len(deployed.results(last=5)) == min(5, len(wanted))


def test_a_python_filter_and_a_backfill_deliver_too(author, cluster, supervisor):
    deployed = author.deploy(PYTHON, start="earliest").wait("running")
    every = cluster.topics("alice")
    records = every.read(STREAM, every.begin(STREAM), every.end(STREAM))
    wanted = [r for r in records if offline.alert(r.value)["diaSource"]["ra"] > 180]
    assert ids(delivered(deployed, len(wanted))) == ids(wanted)
    deployed.stop().wait("stopped")
    deployed.remove()


def test_the_command_line_is_told_by_the_same_variables(cluster, supervisor, author):
    author.deploy(BRIGHT).wait("running")
    said = command(cluster, "alice", "simulate", "--stream", STREAM, "--count", "5")
    assert (said.returncode, said.stdout) == (0, f"5 simulated alerts written to {STREAM}\n"), said.stderr
    said = command(cluster, "author", "filters", "--json")
    assert [one["name"] for one in json.loads(said.stdout)] == ["bright"]
    said = command(cluster, "author", "status", "--json")
    found = json.loads(said.stdout)
    assert (found["kafka"], found["streams"], found["pids"]) == (cluster.bootstrap, [STREAM], {})
    said = command(cluster, "author", "status")
    assert said.stdout.startswith(
        f"Kafka {cluster.bootstrap}, Spark (none named)\nmetrics:   http://127.0.0.1:"
    )
    assert f"\nstreams:   {STREAM}\n" in said.stdout


def test_a_reader_previews_and_can_neither_deploy_nor_write(attached, cluster, supervisor):
    sky = attached("bob")
    assert sky.preview(BRIGHT, last=20).read == 20
    before = cluster.topics("alice").end(REGISTRY)
    with soon(), pytest.raises(SessionError, match=refused("bob", f"write to topic '{REGISTRY}'")):
        sky.deploy(Filter("mine", "diaSource.snr > 20", STREAM))
    with (
        soon(),
        pytest.raises(
            SessionError,
            match=f"did not accept a packet of user 'bob' for topic '{STREAM}': .*AUTHORIZ.*docs/cluster.md",
        ),
    ):
        send(packets(1, 43), STREAM, cluster.bootstrap, options=sky.topics.options.for_librdkafka())
    with soon(), pytest.raises(SessionError, match=refused("bob", f"see topic '{STATUS}', if there is one")):
        statuses(sky.topics)
    with soon(), pytest.raises(SessionError, match=refused("bob", "make topic 'other-alerts'")):
        make_stream(sky.topics, "other-alerts")
    assert cluster.topics("alice").end(REGISTRY) == before


def test_an_author_can_write_neither_the_stream_nor_the_status(author, cluster, supervisor):
    with soon(), pytest.raises(SessionError, match=refused("author", f"write to topic '{STATUS}'")):
        author.topics.write(STATUS, [("/supervisor", None)])
    with soon(), pytest.raises(SessionError, match=refused("author", f"write to topic '{STREAM}'")):
        author.topics.write(STREAM, [("a", b"b")])
    with soon(), pytest.raises(SessionError, match=refused("author", f"delete topic '{STREAM}'")):
        author.topics.delete(STREAM)


def test_a_user_without_rights_sees_reads_and_writes_nothing(attached, cluster, supervisor):
    sky = attached("mallory")
    assert sky.streams == []
    with soon(), pytest.raises(SessionError, match=refused("mallory", f"see topic '{STREAM}'")):
        sky.stream(STREAM)
    with soon(), pytest.raises(SessionError, match=refused("mallory", f"see topic '{STREAM}'")):
        sky.preview(BRIGHT)
    with soon(), pytest.raises(SessionError, match=refused("mallory", f"see topic '{STREAM}'")):
        list(sky.topics.read(STREAM, {0: 0}, {0: 1}))
    with soon(), pytest.raises(SessionError, match=refused("mallory", f"see topic '{REGISTRY}'")):
        _ = sky.deployments
    with soon(), pytest.raises(SessionError, match=refused("mallory", f"write to topic '{REGISTRY}'")):
        sky.topics.write(REGISTRY, [("bright", None)])
    record = registry.registered(cluster.topics("alice"))["bright"]
    with soon(), pytest.raises(SessionError, match=refused("mallory", f"'{REGISTRY}'")):
        registry.register(sky.topics, record)
    assert cluster.topics("alice").newest_by_key(REGISTRY).keys() == {"bright"}


def test_nor_can_it_through_spark(attached, cluster, supervisor):
    """Spark holds connections of those who have rights, and must not lend them."""
    sky = attached("mallory")
    end = cluster.topics("alice").end(STREAM)
    with pytest.raises(PySparkException, match="TopicAuthorizationException"):
        plan.read_range(sky.spark, sky.topics, STREAM, dict.fromkeys(end, 0), end).count()
    row = sky.spark.sql(f"SELECT 'bright' AS key, '{{}}' AS value, '{REGISTRY}' AS topic")
    with pytest.raises(PySparkException, match="AuthorizationException"):
        row.write.format("kafka").options(**plan.sink_options(sky.topics)).save()


def test_the_command_line_ends_with_what_is_refused(cluster, supervisor):
    said = command(cluster, "mallory", "filters")
    assert said.returncode == 1
    assert "does not let user 'mallory' see topic" in said.stderr
    assert "Traceback" not in said.stderr


def test_what_leaves_the_password_out_of_plans_is_the_session_s_own_setting(author, cluster, supervisor):
    """Which is why a Spark server that somebody else has set up shows none either.

    Our server hides the option of that name besides, so the same text is looked for as a value.
    """
    secret = plan.source_options(author.topics)["kafka.sasl.jaas.config"]
    assert SIGN in secret

    def shown():
        with redirect_stdout(io.StringIO()) as said:
            author.spark.range(1).select(lit(secret)).explain("extended")
        return said.getvalue()

    assert SIGN not in explained(author)
    assert SIGN not in shown()
    author.spark.conf.set("spark.sql.redaction.string.regex", "no such text")
    assert SIGN in shown()
    author.spark.conf.set("spark.sql.redaction.string.regex", PASSWORDS)


def test_an_author_s_re_drive_is_refused_plainly(author, cluster, supervisor):
    author.deploy(BRIGHT).wait("running")
    cluster.send([Packet(b"no alert", None)])
    dead = f"{STREAM}.rejected"
    wait_until(lambda: sum(author.topics.end(dead).values()), "the packet is rejected")
    with (
        soon(),
        pytest.raises(SessionError, match=rf"not let this user .*write topic '{dead}'.*docs/cluster.md"),
    ):
        author.redrive(STREAM)
    assert sum(author.topics.end(dead).values()) == 1, supervisor.read_text()


@pytest.mark.parametrize("password", [f"{SIGN}changed", USERS["supervisor"]], ids=["to another", "and back"])
def test_a_password_that_changes_while_filters_run_is_followed(author, cluster, supervisor, password):
    """The broker begins anew, so that no connection is left that was opened with the one before."""
    deployed = author.deploy(BRIGHT).wait("running")
    with subprocess.Popen(
        [sys.executable, "-c", FOLLOWER, BRIGHT.name, cluster.bootstrap],
        env={**os.environ, **cluster.environment("supervisor")},
        stdout=subprocess.PIPE,
        text=True,
    ) as follower:
        assert follower.stdout.readline() == "follows\n"
        cluster.change_password("supervisor", password)
        cluster.restart()
        new = packets(80, 50 + len(password))
        cluster.send(new)
        wanted = [p for p in new if offline.alert(p.value)["diaSource"]["snr"] > 20]
        assert wanted
        wait_until(
            lambda: set(ids(wanted)) <= set(ids(deployed.records(1000))),
            "what the new packets have is delivered",
        )
        deployed.wait("running")
        deployed.stop().wait("stopped")
        assert follower.communicate() == ("has heard of it\n", None)
    assert "Traceback" not in supervisor.read_text()


def test_no_password_or_token_is_anywhere_but_in_the_files_that_hold_it(
    author, cluster, started, home, supervisor, caplog, capfd
):
    """Last in this file: what the others did has left its traces by now."""
    with caplog.at_level(logging.DEBUG):
        author.preview(BRIGHT, last=5)
        end = author.topics.end(STREAM)
        read = plan.read_range(author.spark, author.topics, STREAM, dict.fromkeys(end, 0), end)
        shown = io.StringIO()
        with redirect_stdout(shown):
            read.explain("extended")
        plans = shown.getvalue() + explained(author)
    texts = {"log": caplog.text, "plans": plans, "output": "".join(capfd.readouterr())}
    texts["session"] = f"{author!r} {author.topics!r} {author.deployments!r}"
    assert "kafka" in texts["plans"].lower()
    query = running_query(author, cluster)
    texts["progress"] = f"{query.recentProgress} {query.lastProgress} {query.status}"
    for topic in (REGISTRY, STATUS, BRIGHT.output_topic, f"{STREAM}.rejected"):
        alice = cluster.topics("alice")
        texts[topic] = str(list(alice.read(topic, alice.begin(topic), alice.end(topic))))
    holders = {*(f"{user}.password" for user in USERS), "spark.token", "session.json"}
    files = [p for folder in (cluster.folder, home.state) for p in folder.rglob("*") if p.is_file()]
    files = [path for path in files if path.name not in holders]
    for process in psutil.process_iter(["cmdline"]):
        if process.pid != os.getpid():
            texts[f"command line of {process.pid}"] = " ".join(process.info["cmdline"] or ())
    assert supervisor in files
    assert len([path for path in files if "checkpoints" in str(path)]) > 3
    for secret in (SIGN, started.token):
        assert [name for name, text in texts.items() if secret in text] == []
        assert [path for path in files if holds(path, secret.encode())] == []


def holds(path, sign):
    """Whether a file has these bytes in it; those of Kafka are too large to be read at once."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return content.find(sign) >= 0
    except (FileNotFoundError, ValueError):  # gone meanwhile, or empty
        return False


def explained(author):
    """What Spark says of a stream that it is about to read."""
    source = author.spark.readStream.format("kafka").options(**plan.source_options(author.topics))
    with redirect_stdout(io.StringIO()) as shown:
        source.option("subscribe", STREAM).load().explain("extended")
    return shown.getvalue()


def running_query(author, cluster):
    """A streaming query with a password in its options, like the bank's, in a session where it can be looked at."""
    where = cluster.folder / "checkpoints" / "mine"
    source = author.spark.readStream.format("kafka").options(**plan.source_options(author.topics))
    query = (
        source.option("subscribe", STREAM)
        .load()
        .writeStream.format("noop")
        .option("checkpointLocation", str(where))
        .start()
    )
    try:
        wait_until(lambda: query.lastProgress is not None, "a first batch")
        with redirect_stdout(io.StringIO()) as plans:
            query.explain(extended=True)
        assert SIGN not in plans.getvalue()
    finally:
        query.stop()
    return query


def refused(user, doing):
    return rf"Kafka at \S+ does not let user '{user}' .*{doing}"


def command(cluster, user, *arguments):
    """A command of a user, with an environment that names the cluster."""
    return subprocess.run(
        [sys.executable, "-m", "skysieve", *arguments],
        env={**os.environ, **cluster.environment(user)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
