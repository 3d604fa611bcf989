"""A region's bases, whatever the reference: plain, compressed, or not a file of this machine."""

import gzip
import random

import pysam
import pytest

from genocloud import storage
from genocloud.errors import UnreadableFile
from genocloud.pipeline.reference import bases_of, read_reference
from genocloud.regions import Region

SEQUENCES = {"chr1": "".join(random.Random(1).choices("ACGTNacgtr", k=157)), "chr2": "ACGT" * 20}
FASTA = "".join(
    f">{name} told\n" + "".join(f"{bases[at : at + 50]}\n" for at in range(0, len(bases), 50))
    for name, bases in SEQUENCES.items()
)
REGIONS = (Region(0, 0, 157), Region(0, 0, 1), Region(0, 49, 51), Region(0, 100, 157), Region(1, 3, 80))


def check(url):
    reference = read_reference(url)
    for region in REGIONS:
        bases = list(SEQUENCES.values())[region.contig]
        assert bases_of(reference, region) == bases[region.start : region.end]


def test_plain_and_compressed(tmp_path):
    plain = tmp_path / "ref.fa"
    plain.write_text(FASTA)
    pysam.faidx(str(plain))
    check(str(plain))
    pysam.tabix_compress(str(plain), f"{plain}.gz")
    pysam.faidx(f"{plain}.gz")
    check(f"{plain}.gz")


def test_at_a_url(tmp_path):
    plain = tmp_path / "ref.fa"
    plain.write_text(FASTA)
    pysam.faidx(str(plain))
    store = storage.open_store("memory://references")
    for name in ("ref.fa", "ref.fa.fai"):
        store.write(name, (tmp_path / name).read_bytes())
    check("memory://references/ref.fa")


def test_gzip_that_cannot_be_read_in_places_is_refused(tmp_path):
    plain = tmp_path / "ref.fa"
    plain.write_text(FASTA)
    pysam.faidx(str(plain))
    (tmp_path / "ref.fa.gz").write_bytes(gzip.compress(FASTA.encode()))
    (tmp_path / "ref.fa.gz.fai").write_bytes((tmp_path / "ref.fa.fai").read_bytes())
    with pytest.raises(UnreadableFile, match="uncompressed"):
        bases_of(read_reference(f"{tmp_path}/ref.fa.gz"), REGIONS[0])
