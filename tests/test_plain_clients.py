"""Output topics are read by any Kafka client: without Skysieve, from nothing but the survey's own schemas."""

import io
import itertools
import json
import subprocess
import sys

import fastavro
import offline
import pytest
from conftest import DATA
from matching import Output
from skysieve import Filter
from skysieve.sources import Packet, send
from skysieve.stream_topics import make_stream

LSST_CLIENT = """
import io, json, sys
from importlib.metadata import files
import fastavro
from confluent_kafka import Consumer

broker, topic, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
client = Consumer({"bootstrap.servers": broker, "group.id": "plain", "auto.offset.reset": "earliest"})
client.subscribe([topic])
while count:
    message = client.poll(30)
    assert message is not None and not message.error()
    packet = message.value()
    major, minor = divmod(int.from_bytes(packet[1:5], "big"), 100)
    name = f"lsst.v{major}_{minor}.alert.avsc"
    schema = fastavro.schema.load_schema(next(f for f in files("lsst-alert-packet") if f.name == name).locate())
    alert = fastavro.schemaless_reader(io.BytesIO(packet[5:]), schema)
    source = dict(message.headers())["skysieve.source.offset"].decode()
    print(json.dumps([alert["diaSource"]["diaSourceId"], int(source)]))
    count -= 1
client.close()
assert "skysieve" not in sys.modules
"""

ZTF_CLIENT = """
import io, json, sys
import fastavro
from kafka import KafkaConsumer

broker, topic, count = sys.argv[1:]
client = KafkaConsumer(topic, bootstrap_servers=broker, auto_offset_reset="earliest", consumer_timeout_ms=30000)
for _, record in zip(range(int(count)), client):
    (alert,) = fastavro.reader(io.BytesIO(record.value))
    print(json.dumps([alert["candid"], int(dict(record.headers)["skysieve.source.offset"])]))
client.close()
assert "skysieve" not in sys.modules
"""


def said_by(client, output, count):
    command = [sys.executable, "-c", client, output.topics.bootstrap, output.topic, str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]


@pytest.mark.real_data
def test_a_plain_kafka_client_and_fastavro_read_lsst_matches(output):
    packets = offline.real_packets(DATA / "lsst_derived_wire")
    output.write(*packets)
    expected = [(offline.alert(p)["diaSource"]["diaSourceId"], offset) for offset, p in enumerate(packets)]
    assert said_by(LSST_CLIENT, output, len(packets)) == expected


@pytest.mark.real_data
def test_a_plain_kafka_client_and_fastavro_read_what_a_ztf_filter_delivers(
    sky, topics, name, deployed, consume
):
    stream = make_stream(topics, f"{name}-alerts", partitions=1)
    files = sorted((DATA / "ztf" / "astrolabsoftware+fink-client").glob("ZTF*.avro"))
    packets = [Packet(file.read_bytes(), None) for file in files]
    send(packets, stream, topics.bootstrap)
    deployed.append(sky.deploy(Filter(name, "candidate.rb >= 0", stream), start="earliest"))
    candids = [next(fastavro.reader(io.BytesIO(packet.value)))["candid"] for packet in packets]
    found = {(m.alert["candid"], m.source.offset) for m in itertools.islice(consume(timeout=90), len(files))}
    assert found == {(candid, offset) for offset, candid in enumerate(candids)}
    assert set(said_by(ZTF_CLIENT, Output(topics, name), len(files))) == found
