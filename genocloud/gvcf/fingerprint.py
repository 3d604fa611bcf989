"""Content fingerprints of gVCFs: SHA-256 over all bytes, or over samples of a large BGZF file."""

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
"""Ranges hashed in a large BGZF file: each has at least one whole block (at most 64 KiB) with its checksum; 64
requests take an object store about two seconds."""


def fingerprint(url: str, sample: str | None = None) -> str:
    """SHA-256 over a file's size, the name of the sample chosen in it and its bytes; raises UnreadableFile.

    Of a BGZF file from 8 MiB on, 64 evenly spaced ranges of 64 KiB are hashed, the first and the last among them. A
    change between these is missed if the compressed size stays the same to the byte: likely for damage in place,
    unlikely for a record that was edited and compressed again.
    """
    with open_file(url) as stream:
        return fingerprint_of(stream, url, sample)


def fingerprint_of(stream: BinaryIO, url: str, sample: str | None) -> str:
    """`fingerprint` of an open file."""
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
    """The ranges, each requested by itself, as a stream over an object store would read far ahead of each."""
    folder, name = split(url)
    store = open_store(folder)
    for number in range(SAMPLES):
        start = number * (size - SAMPLE_BYTES) // (SAMPLES - 1)
        try:
            yield store.read(name, start, start + SAMPLE_BYTES)
        except StoreFailed as error:
            raise UnreadableFile(url, error.problem, error.remedy) from error
