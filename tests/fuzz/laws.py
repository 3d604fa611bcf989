"""What must hold for any bytes given as a gVCF: they are refused by name, or every record is accounted for."""

import gzip
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from genocloud import gvcf, schema
from genocloud.errors import InputError
from genocloud.regions import Contig

END_BLOCK = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
"""What ends a BGZF file. Source: SAM specification, section 4.1.2."""

Tables = tuple[pa.Table, pa.Table]


@dataclass(frozen=True)
class Folder:
    """Where the files under test are written; `contigs` are the reference's."""

    path: Path
    contigs: tuple[Contig, ...]
    sample: str

    def read(self, data: bytes, name: str = "a.g.vcf") -> tuple[Tables, int]:
        """The rows of a file with this content, and how many records were read; they balance."""
        (self.path / name).write_bytes(data)
        rows = list(gvcf.read_rows(str(self.path / name), self.contigs, self.sample))
        variants = pa.Table.from_batches([each.variants for each in rows], schema.VARIANTS).combine_chunks()
        blocks = pa.Table.from_batches([each.blocks for each in rows], schema.BLOCKS).combine_chunks()
        variants.validate(full=True)
        blocks.validate(full=True)
        read = sum(each.read for each in rows)
        assert read == len(variants) + len(blocks) + sum(sum(each.dropped.values()) for each in rows)
        assert all((table["stop"].to_numpy() > table["start"].to_numpy()).all() for table in (variants, blocks))
        return (variants, blocks), read


def any_text(folder: Folder, text: bytes) -> bool:
    """Law of text: refused as InputError (False), or as many records are read as there are lines of records (True)."""
    try:
        _, read = folder.read(text)
    except InputError:
        return False
    assert read == records(text), f"{records(text)} records, {read} read"
    return True


def any_header(folder: Folder, text: bytes) -> bool:
    """Law of headers: refused as InputError (False), or it names samples, each once, and contigs with a length."""
    (folder.path / "a.g.vcf").write_bytes(text)
    try:
        header = gvcf.read_header(str(folder.path / "a.g.vcf"))
    except InputError:
        return False
    lines = text.split(b"\n")
    last = next(number for number, line in enumerate(lines) if line.startswith(b"#CHROM\t"))
    title = lines[last].removesuffix(b"\r").rstrip(b"\t").decode("utf-8", "replace")
    assert list(header.samples) == title.split("\t")[9:]
    assert header.samples
    assert len(set(header.samples)) == len(header.samples)
    assert header.lines == last + 1
    for contig in header.contigs:
        assert contig.name
        assert b"##contig=<" in text
    return True


def any_frames(folder: Folder, data: bytes) -> bool:
    """Law of compressed files: refused as InputError (False), or read as what Python's gzip inflates (True)."""
    try:
        tables, read = folder.read(data, "a.g.vcf.gz")
    except InputError:
        return False
    text = gzip.decompress(data)
    expected, _ = folder.read(text)
    assert read == records(text), f"{records(text)} records, {read} read"
    assert all(ours.equals(theirs) for ours, theirs in zip(tables, expected, strict=True))
    return True


def records(text: bytes) -> int:
    """Lines that are neither empty nor of a header."""
    lines = (line.removesuffix(b"\r") for line in text.split(b"\n"))
    return sum(1 for line in lines if line and not line.startswith((b"##", b"#CHROM\t")))


def member(text: bytes, level: int = 6, name: bytes = b"") -> bytes:
    """One member of ordinary gzip, with a file name if one is given."""
    head = b"\x1f\x8b\x08" + (b"\x08" if name else b"\x00") + bytes(5) + b"\xff" + (name + b"\0" if name else b"")
    return head + _deflated(text, level) + _trailer(text)


def block(text: bytes, level: int = 6, extra: bytes = b"") -> bytes:
    """One BGZF block (text of at most 65,280 bytes), with a second extra field if one is given."""
    data = _deflated(text, level)
    field = b"XX" + struct.pack("<H", len(extra)) + extra if extra else b""
    size = 18 + len(field) + len(data) + 8
    head = b"\x1f\x8b\x08\x04" + bytes(5) + b"\xff" + struct.pack("<H", 6 + len(field)) + b"BC\x02\x00"
    return head + struct.pack("<H", size - 1) + field + data + _trailer(text)


def _deflated(text: bytes, level: int) -> bytes:
    deflater = zlib.compressobj(level, zlib.DEFLATED, -15)
    return deflater.compress(text) + deflater.flush()


def _trailer(text: bytes) -> bytes:
    return struct.pack("<II", zlib.crc32(text), len(text))
