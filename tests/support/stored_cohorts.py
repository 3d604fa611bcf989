"""Small cohorts of text gVCFs, stored without a command: contigs, layout, sources, one batch."""

from pathlib import Path

from genocloud import cohort, gvcf
from genocloud.regions import Contig
from genocloud.storage import open_store

CONTIGS = (Contig("chr1", 5000), Contig("chr2", 300), Contig("chr3", 200), Contig("chr4", 900))

LAYOUT = cohort.Layout(CONTIGS, part_bp=1000, window_bp=500)

REFERENCE = {"md5": "of the contigs"}

COLUMNS = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tann\n"


def block(contig: str, pos: int, end: int, dp: int) -> str:
    return f"{contig}\t{pos}\t.\tA\t<NON_REF>\t.\t.\tEND={end}\tGT:DP:GQ:PL\t0/0:{dp}:9:0,9,90\n"


def deletion(contig: str, pos: int, bases: int) -> str:
    ref = "A" * bases
    return f"{contig}\t{pos}\t.\t{ref}\tA,<NON_REF>\t50\t.\tDP=9\tGT:AD:DP:GQ:PL\t0/1:4,5,0:9:50:50,0,60,70,80,150\n"


def sample(shift: int) -> str:
    """A sample with a block over windows, a deletion over a window's edge, and short contigs."""
    records = [
        block("chr1", 1, 1200 + shift, 30),
        deletion("chr1", 1990 + shift % 10, 40),
        block("chr1", 2100, 2300, shift),
        deletion("chr2", 10 + shift % 10, 3),
        block("chr3", 1, 200, 7),
        block("chr4", 600, 900, shift),
    ]
    return COLUMNS + "".join(records)


def source(folder: Path, name: str, shift: int) -> cohort.Source:
    path = folder / f"{name}.g.vcf"
    path.write_text(sample(shift))
    return cohort.Source(sample=name, fingerprint=gvcf.fingerprint(str(path)), rows=gvcf.read_rows(str(path), CONTIGS))


def store_in(folder: Path) -> str:
    return str(folder / "cohort")


def one_batch(folder: Path, names: str = "cab") -> cohort.Cohort:
    store = open_store(store_in(folder))
    receipt = cohort.write_batch(store, [source(folder, name, ord(name)) for name in names], LAYOUT)
    return cohort.append(store, [receipt], LAYOUT, REFERENCE)
