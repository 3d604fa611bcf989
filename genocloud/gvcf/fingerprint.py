"""A quick name for a file's content."""

import hashlib
import io
from collections.abc import Iterator
from typing import BinaryIO

from genocloud.errors import UnreadableFile
from genocloud.gvcf.inflate import is_bgzf
from genocloud.storage import StoreFailed, open_file, open_store, split

SMALL_BYTES = 8 << 20
"""A smaller file is read whole; a larger BGZF file's samples do not overlap."""

SAMPLES, SAMPLE_BYTES = 64, 1 << 16
"""Stretches looked at in a large BGZF file: each holds at least one whole block (a block is 64 KiB at most), with its
checksum; so many requests take an object store about two seconds."""


def fingerprint(url: str, sample: str | None = None) -> str:
    """SHA-256 over a file's size, the name of the sample chosen in it and its bytes; raises UnreadableFile.

    Of a BGZF file from 8 MiB on, 64 evenly spaced stretches of 64 KiB stand for all bytes, the first and the last
    among them. A change in such a file is missed if it lies between these and leaves the compressed size as it was to
    the byte: likely for damage in place, unlikely for a record that was edited and compressed again.
    """
    with open_file(url) as stream:
        return fingerprint_of(stream, url, sample)


def fingerprint_of(stream: BinaryIO, url: str, sample: str | None) -> str:
    """As `fingerprint`, of a file that is open."""
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    content = hashlib.sha256(f"{size}\n{sample or ''}\n".encode())
    head = stream.read(SAMPLE_BYTES)
    if size < SMALL_BYTES or not is_bgzf(head):
        content.update(head)
        while piece := stream.read(1 << 20):
            content.update(piece)
        return content.hexdigest()
    for piece in _spaced(url, size):
        content.update(piece)
    return content.hexdigest()


def _spaced(url: str, size: int) -> Iterator[bytes]:
    """The stretches, asked for one by one, as a stream over an object store would fetch far more around each."""
    folder, name = split(url)
    store = open_store(folder)
    for number in range(SAMPLES):
        start = number * (size - SAMPLE_BYTES) // (SAMPLES - 1)
        try:
            yield store.read(name, start, start + SAMPLE_BYTES)
        except StoreFailed as error:
            raise UnreadableFile(url, error.problem, error.remedy) from error
