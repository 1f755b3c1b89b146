"""What blocks of Avro containers are compressed by, unpacked up to a limit: a few kB can hold gigabytes of zeros.

The codecs are those of https://avro.apache.org/docs/1.12.0/specification/#required-codecs and the optional ones there.
"""

from __future__ import annotations

import importlib
import struct
import zlib
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from skysieve.errors import PacketError
from skysieve.packets.formats import LARGEST

_MOST_MEMORY = 256 << 20
"""Bytes that xz may use; its own strongest setting takes 65 MB."""
_CHECKSUM = struct.Struct(">I")
TOO_LARGE = f"the message unpacks to more than the {LARGEST} bytes that are decoded"


def unpacked(codec: str, packed: bytes, most: int) -> bytes:
    """Unpack a block.

    Parameters
    ----------
    codec
        As the container's header names it.
    packed
        The block's bytes.
    most
        The bytes that it may unpack to: no more are ever made of it.

    Raises
    ------
    PacketError
        If they are more, or the codec is not known or not installed here.
    Exception
        Of the codec's own, if the block is broken.

    Examples
    --------
    >>> unpacked("deflate", bytes.fromhex("4b4c4c4c0400"), 8)
    b'aaaa'
    """
    if codec == "null":
        return packed
    if codec not in _CODECS:
        known = ", ".join(("null", *_CODECS))
        raise PacketError("frame", f"the container is compressed by {codec!r}, which is none of {known}")
    found = _CODECS[codec](packed, most)
    if len(found) > most:
        raise PacketError("frame", TOO_LARGE)
    return found


def _deflate(packed: bytes, most: int) -> bytes:
    return _stepwise(zlib.decompressobj(-zlib.MAX_WBITS), packed, most)


def _bzip2(packed: bytes, most: int) -> bytes:
    return _stepwise(_module("bz2", "bzip2").BZ2Decompressor(), packed, most)


def _xz(packed: bytes, most: int) -> bytes:
    return _stepwise(_module("lzma", "xz").LZMADecompressor(memlimit=_MOST_MEMORY), packed, most)


def _module(name: str, codec: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        reason = (
            f"the container is compressed by {codec}, for which the module {name} is missing in this Python"
        )
        raise PacketError("frame", reason) from error


def _stepwise(decompressor: Any, packed: bytes, most: int) -> bytes:
    found = decompressor.decompress(packed, most + 1)
    if len(found) <= most and not decompressor.eof:
        raise EOFError("the block is cut off")
    return bytes(found)


def _zstandard(packed: bytes, most: int) -> bytes:
    with pa.CompressedInputStream(pa.BufferReader(packed), "zstd") as stream:
        return bytes(stream.read(most + 1))


def _snappy(packed: bytes, most: int) -> bytes:
    size = shift = 0
    for byte in packed[:5]:  # the size of what is packed, seven bits a byte, the lowest first
        size |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    if size > most:
        raise PacketError("frame", TOO_LARGE)
    body, checksum = packed[: -_CHECKSUM.size], packed[-_CHECKSUM.size :]
    found: bytes = pa.decompress(body, decompressed_size=size, codec="snappy", asbytes=True)
    if _CHECKSUM.pack(zlib.crc32(found)) != checksum:
        raise ValueError("the block's checksum is another")
    return found


_CODECS: dict[str, Callable[[bytes, int], bytes]] = {
    "deflate": _deflate,
    "snappy": _snappy,
    "bzip2": _bzip2,
    "xz": _xz,
    "zstandard": _zstandard,
}
