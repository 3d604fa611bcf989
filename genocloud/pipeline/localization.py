"""Copy files from URLs to this machine for htslib, which cannot read object stores."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from genocloud import samples, storage
from genocloud.errors import UnreadableFile
from genocloud.storage.urls import is_local

PIECE_BYTES = 1 << 22

HEAD_BYTES = 1 << 22
"""Enough of a reads file for its header: that of a genome with thousands of contigs has some 300 KB."""

_FASTA_INDEXES = (".fai", ".gzi")


def is_remote(url: str) -> bool:
    """Whether a URL must be copied here before htslib can open it."""
    return not is_local(url)


@contextmanager
def scratch(beside: str = "") -> Iterator[Path]:
    """A temporary folder: beside a local output if its folder exists, else among temporary files.

    Raises StoreFailed where it cannot be made.
    """
    folder = Path(beside).parent if beside and not is_remote(beside) and Path(beside).parent.is_dir() else None
    try:
        made = tempfile.TemporaryDirectory(prefix=".genocloud-", dir=folder)
    except OSError as error:
        remedy = "choose another place, or set TMPDIR to one with room"
        raise storage.StoreFailed(str(folder or tempfile.gettempdir()), error.strerror or str(error), remedy) from error
    with made as path:
        yield Path(path)


def local_reference(url: str, folder: Path) -> str:
    """The reference as a file of this machine, its indexes beside it; raises UnreadableFile."""
    if not is_remote(url):
        return url
    for index in _FASTA_INDEXES:
        with suppress(UnreadableFile):  # a plain FASTA has no .gzi, and a missing .fai is reported when it is read
            fetch(f"{url}{index}", folder)
    return fetch(url, folder)


def local_reads(url: str, folder: Path) -> str:
    """Reads as a file of this machine, their index beside it; raises UnreadableFile."""
    if not is_remote(url):
        return url
    for index in samples.indexes_of(url):
        try:
            fetch(index, folder)
        except UnreadableFile:
            continue
        return fetch(url, folder)
    raise UnreadableFile(url, "has no index", f"make one beside it: samtools index {url}")


def fetch(url: str, folder: Path) -> str:
    """Copy one file into a folder, under its own name; its path there. Raises UnreadableFile, StoreFailed."""
    name = storage.split(url)[1]
    with storage.open_file(url) as source, storage.open_store(str(folder)).writer(name) as target:
        shutil.copyfileobj(source, target, PIECE_BYTES)
    return str(folder / name)


def put(path: Path, url: str) -> None:
    """Copy a file of this machine to a URL; it appears there whole. Raises StoreFailed."""
    folder, name = storage.split(url)
    with path.open("rb") as source, storage.open_store(folder).writer(name) as target:
        shutil.copyfileobj(source, target, PIECE_BYTES)


def head_of(url: str, folder: Path) -> Path:
    """The first bytes of a file, as a file in a folder; raises UnreadableFile."""
    path = folder / storage.split(url)[1]
    with storage.open_file(url) as source:
        path.write_bytes(source.read(HEAD_BYTES))
    return path
