"""BGZF: gzip in blocks that an index can point into; deterministic (no timestamps)."""

import struct
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from isal import isal_zlib

BLOCK_BYTES = 0xFF00
"""Bytes of text in a block; htslib's choice: even stored uncompressed it stays below 64 KiB."""

END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
"""The empty block that ends a file. Source: SAM specification, section 4.1.2."""

_HEADER = bytes.fromhex("1f8b08040000000000ff060042430200")
_LEVEL = 2


class BgzfBlocks(NamedTuple):
    """Compressed blocks; block i is data[starts[i]:starts[i + 1]] (int64), BLOCK_BYTES of text, the last one fewer."""

    data: bytes
    starts: npt.NDArray[np.int64]


def compress(data: bytes | memoryview) -> BgzfBlocks:
    """Compress data into whole blocks; empty data gives no block."""
    view = memoryview(data)
    blocks = [_block(view[start : start + BLOCK_BYTES]) for start in range(0, len(view), BLOCK_BYTES)]
    return BgzfBlocks(b"".join(blocks), np.cumsum([0, *map(len, blocks)], dtype=np.int64))


def _block(part: memoryview) -> bytes:
    deflated = isal_zlib.compress(part, _LEVEL, -15)
    size = len(_HEADER) + 2 + len(deflated) + 8
    return b"".join(
        (_HEADER, struct.pack("<H", size - 1), deflated, struct.pack("<II", isal_zlib.crc32(part), len(part)))
    )


def virtual(blocks: BgzfBlocks, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Virtual offsets, relative to the first block, of uncompressed offsets; the end maps to the next block's start."""
    block, within = np.divmod(places, BLOCK_BYTES)
    size = len(blocks.starts) - 1
    ended = places >= places[-1]
    block, within = np.where(ended, size, block), np.where(ended, 0, within)
    return (blocks.starts[block] << 16) | within
