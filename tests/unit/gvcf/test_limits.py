"""Limits of what the gVCF reader takes: header, line, ALTs; each refused with file, place, limit and what to do."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from genocloud import gvcf
from genocloud.errors import InputError
from genocloud.gvcf import text_source
from genocloud.kernels.plausibility import MAX_ALTS
from genocloud.regions import Contig, Region

HEADER = (
    "##fileformat=VCFv4.2\n##ALT=<ID=NON_REF,Description=x>\n##contig=<ID=chr1,length=1000>\n"
    "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tann\n"
)
RECORD = "chr1\t1\t.\tA\t<NON_REF>\t.\t.\tEND=5\tGT:DP:GQ:PL\t0/0:9:9:0,9,90\n"
CONTIGS = [Contig("chr1", 1000)]


def read(file: Path, **options: Any) -> int:
    return sum(rows.read for rows in gvcf.read_rows(str(file), CONTIGS, **options))


def alts(count: int) -> str:
    """So many distinct ALTs of five to seven bases."""
    names = ("".join("ACGT"[number >> 2 * place & 3] for place in range(7)) for number in range(count))
    return ",".join(f"T{name}" for name in names)


def test_more_alts_than_any_caller_writes_are_refused_with_their_number(tmp_path: Path) -> None:
    file = tmp_path / "ann.g.vcf"
    line = "chr1\t7\t.\tA\t{}\t9\t.\t.\tGT:GQ\t0/1:9\n"
    file.write_text(HEADER + RECORD + line.format(alts(MAX_ALTS)))
    assert read(file) == 2
    file.write_text(HEADER + RECORD + line.format(alts(MAX_ALTS + 1)))
    with pytest.raises(
        InputError, match=r"ann\.g\.vcf: line 6 \(chr1:7\): .*4,096 ALTs; remove ALTs without a carrier"
    ) as caught:
        read(file)
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("options", [{}, {"region": Region(0, 0, 900)}], ids=["whole", "region"])
def test_a_line_without_end_is_refused_before_it_fills_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    for module in ("text_source", "rows"):
        monkeypatch.setattr(f"genocloud.gvcf.{module}.MAX_LINE_BYTES", 3 << 20)
    file = tmp_path / "ann.g.vcf"
    file.write_text(HEADER + RECORD + "chr1\t7\t.\tA\tC,<NON_REF>\t9\t.\tX=" + "y" * (2 << 20) + "\tGT:GQ\t0/1:9\n")
    assert read(file, **options) == 2
    file.write_text(HEADER + RECORD + "chr1\t7\t.\tA\tC,<NON_REF>\t9\t.\tX=" + "y" * (9 << 20) + "\tGT:GQ\t0/1:9\n")
    line = "" if options else r"line 6 \("
    with pytest.raises(
        InputError, match=rf"ann\.g\.vcf: {line}.*chr1.*longer than 3,145,728 bytes; the file may"
    ) as caught:
        read(file, **options)
    assert caught.value.exit_code == 3


def test_a_header_without_end_is_refused_at_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("text_source", "header"):
        monkeypatch.setattr(f"genocloud.gvcf.{module}.MAX_HEADER_BYTES", 1 << 20)
    file = tmp_path / "ann.g.vcf"
    file.write_text("##fileformat=VCFv4.2\n" + "##much=of this\n" * 300_000)
    with pytest.raises(InputError, match=r"ann\.g\.vcf.*longer than 1,048,576 bytes; remove header lines"):
        gvcf.read_header(str(file))


@pytest.mark.parametrize("lines", [1_000, 4_000])
def test_a_header_is_searched_once_however_many_pieces_it_comes_in(lines: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte is looked at about once: what is looked at is counted, not how long that takes."""
    header = (
        HEADER.partition("#CHROM")[0] + "##much=of this\n" * lines + "#CHROM" + HEADER.partition("#CHROM")[2]
    ).encode()
    looked, calls = 0, 0
    search = text_source._header_bytes

    def counting(text: bytes | bytearray, seen: int = 0) -> int:
        nonlocal looked, calls
        looked, calls = looked + len(text) - seen, calls + 1
        return search(text, seen)

    monkeypatch.setattr(text_source, "_header_bytes", counting)

    def pieces() -> Iterator[bytes]:
        yield from (header[place : place + 100] for place in range(0, len(header), 100))
        yield RECORD.encode()

    head, beyond = text_source.split_text(pieces())
    assert (head, beyond) == (header, b"")
    assert calls == -(-len(header) // 100)
    assert looked <= len(header) + 10 * calls
