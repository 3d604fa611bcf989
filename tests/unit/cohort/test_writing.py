"""What a batch's objects are, and what its receipt says of them."""

import hashlib
from itertools import chain
from pathlib import Path

from genocloud import cohort, gvcf
from genocloud.regions import Contig
from genocloud.storage import open_store

MOST_OBJECTS = 100
"""Of one batch: about 100, says the design (section 3)."""

LONG = [248, 242, 198, 190, 182, 171, 159, 145, 139, 134, 135, 133, 114, 107, 102, 90, 83, 80, 59, 64, 47, 51, 156, 57]
SHORT = [(1, 16_569), (42, 150_000), (127, 40_000), (261, 420_000), (1, 171_823), (2385, 2_400), (525, 11_000)]
"""Contigs and their usual length: GRCh38 with MT, unplaced, ALT, EBV, decoy and HLA contigs (3,366 in all)."""

GRCH38 = (
    *(Contig(f"chr{number}", length * 1_000_000) for number, length in enumerate(LONG)),
    *(Contig(f"short{kind}_{number}", length) for kind, (many, length) in enumerate(SHORT) for number in range(many)),
)


def gvcf_of(folder: Path, name: str, contigs: tuple[Contig, ...]) -> cohort.Source:
    """A sample with a variant and a block on every contig."""
    rows = chain.from_iterable(
        (
            f"{contig.name}\t7\t.\tA\tC,<NON_REF>\t50\t.\tDP=9\tGT:AD:DP:GQ:PL\t0/1:4,5,0:9:50:50,0,60,70,80,150\n",
            f"{contig.name}\t8\t.\tA\t<NON_REF>\t.\t.\tEND={contig.length}\tGT:DP:GQ:PL\t0/0:7:9:0,9,90\n",
        )
        for contig in contigs
    )
    columns = f"##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{name}\n"
    path = folder / f"{name}.g.vcf"
    path.write_text(columns + "".join(rows))
    return cohort.Source(sample=name, fingerprint=gvcf.fingerprint(str(path)), rows=gvcf.read_rows(str(path), contigs))


def test_thousands_of_short_contigs_share_few_objects(tmp_path):
    assert len(GRCH38) == 3366
    store = open_store(str(tmp_path / "cohort"))
    layout = cohort.Layout(GRCH38, window_bp=50_000_000)
    receipt = cohort.write_batch(store, [gvcf_of(tmp_path, name, GRCH38) for name in "ab"], layout)
    assert len(store.list()) <= MOST_OBJECTS
    assert receipt.stored == {"variants": 2 * 3366, "blocks": 2 * 3366}
    stored_cohort = cohort.append(store, [receipt], layout, {})
    last = cohort.read_region(stored_cohort, GRCH38[-1].name)
    assert (last.variants.num_rows, last.blocks.num_rows) == (2, 2)


def test_a_receipt_has_each_objects_bytes_and_their_checksum(tmp_path):
    contigs = (Contig("chr1", 5000), Contig("chr2", 300))
    store = open_store(str(tmp_path / "cohort"))
    layout = cohort.Layout(contigs, part_bp=1000, window_bp=500)
    receipt = cohort.write_batch(store, [gvcf_of(tmp_path, name, contigs) for name in "ab"], layout)
    assert len(receipt.parts) == 4
    for part in receipt.parts:
        data = store.read(f"batches/{receipt.id}/{part.kind}/{part.name}.parquet")
        assert (part.bytes, part.sha256) == (len(data), hashlib.sha256(data).hexdigest())


def test_a_receipt_balances_for_each_sample(tmp_path):
    contigs = (Contig("chr1", 5000),)
    sources = [gvcf_of(tmp_path, name, contigs) for name in "ab"]
    receipt = cohort.write_batch(open_store(str(tmp_path / "cohort")), sources, cohort.Layout(contigs))
    assert [tally.read for tally in receipt.tallies] == [2, 2]
    assert [tally.stored for tally in receipt.tallies] == [{"variants": 1, "blocks": 1}] * 2
