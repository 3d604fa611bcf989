"""Resources of known variants read by their indexes, for sites of several contigs."""

from pathlib import Path

import pysam
import pytest

from genocloud import annotations
from genocloud.errors import UnreadableFile
from genocloud.filters import vets
from genocloud.pipeline.filtering.known_alleles import KnownAlleles, label_sites
from genocloud.pipeline.filtering.shard_values import NamedValues
from genocloud.pipeline.genotyping.known_names import OtherContigs
from genocloud.regions import Contig
from tests.support import callset_tables as make

HEADER = """##fileformat=VCFv4.2
##contig=<ID=chr1>
##contig=<ID=chr3>
#CHROM	POS	ID	REF	ALT	QUAL	FILTER	INFO
"""
CONTIGS = [Contig("chr1", 1000), Contig("chr2", 1000), Contig("chr3", 1000)]
RECORDS = ["chr1 5 A C .", "chr1 7 A C bad", "chr1 7 ac a PASS", "chr3 5 G T PASS", "chr3 9 G T ."]
SITES = [("chr1", 5, "A", ["C", "G"]), ("chr1", 7, "AC", ["A"]), ("chr2", 5, "A", ["C"]), ("chr3", 9, "G", ["T"])]


def resource(folder: Path, text: str = "gold,training=true", *, csi: bool = False) -> vets.Resource:
    place = folder / f"{text.split(',')[0]}.vcf"
    fields = [record.split() for record in RECORDS]
    lines = ["\t".join([*each[:2], ".", *each[2:4], ".", each[4], "."]) + "\n" for each in fields]
    place.write_text(HEADER + "".join(lines))
    pysam.tabix_index(str(place), preset="vcf", csi=csi, keep_original=True)
    return vets.Resource.parse(text, f"{place}.gz")


def check(known: list[vets.Resource], contigs: list[Contig]) -> None:
    nothing = NamedValues(names=frozenset())
    KnownAlleles(resources=tuple(known), by_allele=True).check(contigs, nothing)


@pytest.mark.parametrize("csi", [False, True])
def test_sites_of_several_contigs_are_labelled(tmp_path: Path, csi: bool) -> None:
    sites = make.as_table(
        [dict(zip(("contig", "pos", "ref", "alts"), site, strict=True)) for site in SITES], annotations.SITES
    )
    known = [resource(tmp_path, csi=csi), resource(tmp_path, "seen,calibration=true", csi=csi)]
    both = "calibration;training"
    check(known, CONTIGS)
    assert label_sites(known, sites, True).to_pylist() == [[both, None], [both], [None], [both]]
    assert label_sites(known[:1], sites, False).to_pylist() == [["training"] * 2, ["training"], [None], ["training"]]
    assert label_sites([], sites, False).to_pylist() == [[None, None], [None], [None], [None]]
    assert label_sites(known, sites.slice(0, 0), False).to_pylist() == []


def test_what_is_of_no_use_is_refused_before_any_work(tmp_path: Path) -> None:
    gold = resource(tmp_path)
    with pytest.raises(vets.NoTrainingLabel, match=r"no resource \(seen\) has training=true"):
        check([resource(tmp_path, "seen,calibration=true")], CONTIGS)
    with pytest.raises(vets.NoTrainingLabel, match="none at all"):
        check([], CONTIGS)
    with pytest.raises(OtherContigs, match="rename its contigs"):
        check([gold], [Contig("1", 1000)])
    plain = vets.Resource.parse("gold,training=true", gold.url.removesuffix(".gz"))
    with pytest.raises(UnreadableFile, match=r"bgzip .*tabix -p vcf"):
        check([plain], CONTIGS)
    with pytest.raises(UnreadableFile, match=r"nowhere\.vcf\.gz"):
        check([vets.Resource.parse("gold,training=true", str(tmp_path / "nowhere.vcf.gz"))], CONTIGS)
