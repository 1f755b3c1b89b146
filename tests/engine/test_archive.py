"""Matches as Parquet files: each once, whole, by night of observation."""

import time

import offline
import pandas as pd
import pyarrow.parquet as pq
import pytest
from conftest import delivered
from skysieve import DeploymentError, Filter
from skysieve.engine import archive, registry
from skysieve.sources import send, simulate

ALL = "diaSource.diaSourceId IS NOT NULL"


def packets(count, seed):
    return [alert.packet for alert in simulate(count, seed=seed, pool=20)]


def written(folder):
    """Ids of what the files hold; empty while there are none."""
    files = (path.relative_to(folder) for path in folder.rglob("*.parquet"))
    if not any(all(part[0] not in "_." for part in file.parts) for file in files):  # others are being written
        return []
    table = pq.read_table(folder, columns=["diaSource", "night", "match"]).to_pandas()
    return sorted(source["diaSourceId"] for source in table["diaSource"])


def ids(sent):
    return sorted(offline.alert(packet.value)["diaSource"]["diaSourceId"] for packet in sent)


def until(condition, patience=90):
    end = time.monotonic() + patience
    while not condition() and time.monotonic() < end:
        time.sleep(0.5)
    assert condition()


def test_matches_are_written_once_and_by_night(sky, stream, topics, name, deployed, tmp_path):
    first, second = packets(40, 71), packets(30, 72)
    one = sky.deploy(Filter(name, ALL, stream), sink=f"parquet:{tmp_path}/out").wait("running")
    deployed.append(one)
    send(first, stream, topics.bootstrap)
    delivered(one, 40)
    until(lambda: len(written(tmp_path / "out")) == 40)
    send(second, stream, topics.bootstrap)
    until(lambda: len(written(tmp_path / "out")) >= 70)
    assert written(tmp_path / "out") == ids([*first, *second])
    assert one.status().archive.error is None
    assert "archive" in str(one)

    table = pd.read_parquet(tmp_path / "out")
    for row in table.itertuples():
        evening = pd.Timestamp("1858-11-17") + pd.Timedelta(days=row.diaSource["midpointMjdTai"] - 0.5)
        assert str(row.night) == f"{evening:%Y-%m-%d}"
        packet = topics.one(stream, row.match["partition"], row.match["offset"])
        assert offline.alert(packet.value)["diaSource"]["diaSourceId"] == row.diaSource["diaSourceId"]
        assert row.match["version"] == one.version
    whole = offline.alert(
        topics.one(stream, table["match"][0]["partition"], table["match"][0]["offset"]).value
    )
    assert {*whole} <= {*table.columns}
    assert table["cutoutScience"][0] == whole["cutoutScience"]


def test_a_part_that_broke_off_is_replaced_by_the_longer_one_that_follows(
    sky, stream, topics, name, deployed, tmp_path
):
    sent = packets(50, 73)
    one = sky.deploy(Filter(name, ALL, stream)).wait("running")
    deployed.append(one)
    send(sent, stream, topics.bootstrap)
    delivered(one, 50)
    record, source = registry.registered(topics)[name], sky.stream(stream)
    begin, end = topics.begin(one.output_topic), topics.end(one.output_topic)
    half = {p: (begin[p] + end[p]) // 2 for p in end}
    archive.write(sky.spark, source, record, begin, half, str(tmp_path))
    assert 0 < len(written(tmp_path)) < 50
    archive.write(sky.spark, source, record, begin, end, str(tmp_path))
    assert written(tmp_path) == ids(sent)


def test_a_folder_with_other_files_is_refused_and_a_broken_off_attempt_is_none(
    sky, stream, topics, name, deployed, tmp_path
):
    one = sky.deploy(Filter(name, ALL, stream)).wait("running")
    deployed.append(one)
    send(packets(30, 76), stream, topics.bootstrap)
    delivered(one, 30)
    record, source = registry.registered(topics)[name], sky.stream(stream)
    begin, end = topics.begin(one.output_topic), topics.end(one.output_topic)
    half = {p: (begin[p] + end[p]) // 2 for p in end}
    archive.refuse_others(sky.spark, str(tmp_path / "none"), begin)
    archive.write(sky.spark, source, record, begin, half, str(tmp_path))
    archive.refuse_others(sky.spark, str(tmp_path), begin)
    archive.write(sky.spark, source, record, half, end, str(tmp_path))
    with pytest.raises(DeploymentError, match="would be there twice"):
        archive.refuse_others(sky.spark, str(tmp_path), begin)


def test_a_folder_that_cannot_be_written_is_told_and_holds_up_nothing(
    sky, stream, topics, name, deployed, tmp_path
):
    (tmp_path / "file").write_text("not a folder")
    one = sky.deploy(Filter(name, ALL, stream), sink=f"parquet:{tmp_path}/file/out").wait("running")
    deployed.append(one)
    send(packets(20, 74), stream, topics.bootstrap)
    delivered(one, 20)
    until(lambda: one.status().archive is not None)
    assert one.status().archive.error
    assert "could not be written" in str(one)
    assert one.status().state == "running"


@pytest.mark.parametrize(
    "sink", ["parquet", "/data", "parquet:data", "csv:/data", "parquet:", "parquet:/", "parquet:/a\nb"]
)
def test_what_is_no_sink_is_refused(sky, stream, topics, name, sink):
    send(packets(5, 75), stream, topics.bootstrap)
    with pytest.raises(DeploymentError, match="parquet:/data/matches"):
        sky.deploy(Filter(name, ALL, stream), sink=sink)
    assert name not in registry.registered(topics)
