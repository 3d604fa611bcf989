"""A reference of two short contigs and gVCFs along it, as text and as BGZF."""

import random
import struct
import zlib
from pathlib import Path

from genocloud.gvcf.inflate import END_BLOCK

LENGTHS = {"chr1": 2000, "chr2": 500}


LINE_BASES = 60

Lines = list[str]


def make_bases() -> dict[str, str]:
    """Random contigs; chr1 has an N at base 1,100, an R (A or G) at 1,200 and lower case from 1,300 to 1,400."""
    chance = random.Random(4)
    bases = {contig: "".join(chance.choices("ACGT", k=length)) for contig, length in LENGTHS.items()}
    one = bases["chr1"]
    bases["chr1"] = one[:1099] + "N" + one[1100:1199] + "R" + one[1200:1299] + one[1299:1400].lower() + one[1400:]
    return bases


BASES = make_bases()


def ref(contig: str, pos: int, length: int = 1) -> str:
    return BASES[contig][pos - 1 : pos - 1 + length].upper()


def other(base: str) -> str:
    return "ACGT"["CGTA".index(base)]


def block(contig: str, pos: int, end: int, first: str = "") -> str:
    first = first or ref(contig, pos)
    return f"{contig}\t{pos}\t.\t{first}\t<NON_REF>\t.\t.\tEND={end}\tGT:DP:GQ:MIN_DP:PL\t0/0:30:60:28:0,60,900\n"


def variant(contig: str, pos: int, spelt: str = "", sample: str = "0/1:9,8,0:17:99:200,0,210,230,240,500") -> str:
    spelt = spelt or ref(contig, pos)
    alt = other(ref(contig, pos)) if ref(contig, pos) in "ACGT" else "T"
    return f"{contig}\t{pos}\t.\t{spelt}\t{alt},<NON_REF>\t200.6\t.\tDP=17\tGT:AD:DP:GQ:PL\t{sample}\n"


HEADER = [
    "##fileformat=VCFv4.2\n",
    "##GATKCommandLine=<ID=HaplotypeCaller>\n",
    *(f"##contig=<ID={contig},length={length}>\n" for contig, length in LENGTHS.items()),
    "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tcyd\n",
]

BEFORE = [block("chr1", 1, 99), variant("chr1", 100), block("chr1", 101, 499)]

AFTER = [block("chr1", 1500, 2000), block("chr2", 1, 500)]


def whole(sample: str, header: Lines = HEADER) -> bytes:
    lines = [*header, *BEFORE, variant("chr1", 500), *AFTER]
    return "".join(lines).replace("FORMAT\tcyd", f"FORMAT\t{sample}").encode()


def bgzf(text: bytes, block_bytes: int = 300) -> bytes:
    """A text as many small BGZF blocks. Source: SAM specification, section 4.1."""
    pieces = [text[at : at + block_bytes] for at in range(0, len(text), block_bytes)]
    return b"".join(map(bgzf_block, pieces)) + END_BLOCK


def bgzf_block(text: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    data = packer.compress(text) + packer.flush()
    head = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\6\0BC\2\0" + struct.pack("<H", len(data) + 25)
    return head + data + struct.pack("<II", zlib.crc32(text), len(text))


def write_reference(path: Path) -> None:
    text, index = "", ""
    for contig, bases in BASES.items():
        text += f">{contig}\n"
        index += f"{contig}\t{len(bases)}\t{len(text)}\t{LINE_BASES}\t{LINE_BASES + 1}\n"
        text += "".join(f"{bases[at : at + LINE_BASES]}\n" for at in range(0, len(bases), LINE_BASES))
    path.write_text(text)
    Path(f"{path}.fai").write_text(index)
