"""Alert packets from files, framed as they travel on Kafka."""

from __future__ import annotations

import gzip
import io
import itertools
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import fastavro

from skysieve.errors import StreamError
from skysieve.packets import lsst_schemas, object_containers
from skysieve.sources.containers import lsst_version, reframed
from skysieve.sources.outgoing import Packet

_GZIP = b"\x1f\x8b"
_FRAME = struct.Struct(">bi")
_UNDERSTOOD = (
    "an LSST packet in Kafka framing (byte 00, 4-byte schema id, Avro), "
    "an Avro object container (4F 62 6A 01), and either of them gzipped (1F 8B)"
)


def read_packets(paths: Iterable[Path]) -> Iterator[Packet]:
    """Read alert packets from files and folders.

    What a file may be, plain or gzipped (which its first bytes say, not its name):

    - one LSST packet in Kafka framing: sent as it is;
    - an Avro object container of LSST alerts, as the survey's own samples are, or as Spark writes them: each
      record becomes a packet in Kafka framing, of the schema version that the container names. What a broker
      added beside the alert's own fields stays behind, and where Spark wrote a struct of nulls for a null
      struct, null is sent;
    - any other Avro object container, such as a ZTF alert: sent whole, as one packet.

    Folders are read with all their subfolders, in the order of the names; hidden files are passed over.

    Parameters
    ----------
    paths
        Files and folders. They are looked for at once; the files are opened as the packets are asked for.

    Yields
    ------
    Packet
        Packets; the key is the ``diaSourceId`` (``candid``, or else ``objectId``, in other surveys) in
        decimal where the packet has one.

    Raises
    ------
    StreamError
        If a path does not exist, a folder holds no file, or a file is none of the above; names the file.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "alert.avro").write_bytes(bytes.fromhex("00000003e8" "06" "00" "00" "06"))
    >>> [packet.key for packet in read_packets([folder])]
    [b'3']
    """
    files = [file for path in paths for file in _files(Path(path))]
    return (packet for file in files for packet in _packets(file))


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        found = sorted(f for f in path.rglob("*") if f.is_file() and not _hidden(f.relative_to(path)))
        if not found:
            raise StreamError(f"There is no file in {path} or in its subfolders.")
        return found
    if not path.exists():
        raise StreamError(f"There is no file or folder {path}.")
    return [path]


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _packets(file: Path) -> Iterator[Packet]:
    content = _content(file)
    if content.startswith(object_containers.MAGIC):
        yield from _from_container(file, content)
    elif len(content) > _FRAME.size and content[0] == 0:
        schema_id = _FRAME.unpack_from(content)[1]
        if schema_id not in lsst_schemas.schema_files():
            known = ", ".join(map(str, lsst_schemas.schema_files()))
            raise StreamError(
                f"{file}: framed as an LSST packet, but schema id {schema_id} is not known here "
                f"(known: {known}). A newer lsst-alert-packet may have it."
            )
        yield Packet(content, _framed_key(content, schema_id))
    else:
        raise StreamError(f"{file}: {_start(content)}. What can be replayed is {_UNDERSTOOD}.")


def _start(content: bytes) -> str:
    if not content:
        return "the file is empty"
    return f"not a known framing, it starts with {content[:8].hex(' ').upper()}"


def _content(file: Path) -> bytes:
    try:
        content = file.read_bytes()
        return gzip.decompress(content) if content.startswith(_GZIP) else content
    except (OSError, EOFError, zlib.error) as error:
        raise StreamError(f"{file}: cannot be read: {error}.") from error


def _from_container(file: Path, content: bytes) -> Iterator[Packet]:
    records = _records(file, content)
    schema, first = next(records)
    try:
        version = lsst_version(schema, first)
    except ValueError as error:
        raise StreamError(f"{file}: {error}.") from None
    if version is None:
        alone = next(records, None) is None
        yield Packet(content, _record_key(first) if alone else None)
        return
    for number, (_, record) in enumerate(itertools.chain([(schema, first)], records)):
        try:
            value = reframed(record, version)
        except ValueError as error:
            problem = f"record {number} does not fit LSST schema {version}: {error}"
            raise StreamError(f"{file}: {problem}.") from None
        yield Packet(value, _record_key(record))


def _records(file: Path, content: bytes) -> Iterator[tuple[Any, Mapping[str, Any]]]:
    """Read a container's schema with each of its records, of which there is at least one."""
    number = 0
    try:
        reader = fastavro.reader(io.BytesIO(content))
        for number, record in enumerate(reader, 1):  # noqa: B007
            if not isinstance(record, Mapping):
                raise StreamError(f"{file}: an Avro object container whose items are no records.")
            yield reader.writer_schema, record
    except StreamError:
        raise
    except Exception as error:  # fastavro raises whatever the broken bytes lead it to
        problem = f"an Avro object container, broken after {number} records: {error!r}"
        raise StreamError(f"{file}: {problem}.") from error
    if not number:
        raise StreamError(f"{file}: an Avro object container without a record.")


def _record_key(record: Mapping[str, Any]) -> bytes | None:
    source = record.get("diaSource")
    candidates = (
        source.get("diaSourceId") if isinstance(source, Mapping) else None,
        record.get("candid"),
        record.get("objectId"),
    )
    return next((str(c).encode() for c in candidates if c is not None), None)


def _framed_key(content: bytes, schema_id: int) -> bytes | None:
    try:
        head = fastavro.schemaless_reader(io.BytesIO(memoryview(content)[_FRAME.size :]), _head(schema_id))
    except Exception:  # a packet too broken to have a key still travels, to be rejected where it is decoded
        return None
    assert isinstance(head, Mapping)
    return str(head["diaSource"]["diaSourceId"]).encode()


@cache
def _head(schema_id: int) -> Any:
    """Cut the schema down to a packet's first fields, the diaSource's diaSourceId the last of them."""
    schema = lsst_schemas.load(schema_id)
    names = [field["name"] for field in schema["fields"]]
    *before, source = schema["fields"][: names.index("diaSource") + 1]
    short = {**source["type"], "fields": source["type"]["fields"][:1]}
    return fastavro.parse_schema({**schema, "fields": [*before, {**source, "type": short}]})
