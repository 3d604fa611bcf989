"""Which sites and alleles of a callset a resource's labels go to."""

import pyarrow as pa
import pytest

from genocloud import annotations
from genocloud.filters import vets
from tests.support import callset_tables as make

GOLD = vets.Resource.parse("gold,training=true,calibration=true", "gold.vcf.gz")
MORE = vets.Resource.parse("more,training=true,known=false", "more.vcf.gz")


def labels(site: str, *known: tuple[vets.Resource, str], by_allele: bool) -> list[str | None]:
    """Labels of the ALTs of one site; records are `REF ALT,ALT`."""
    ref, alts = site.split(" ")
    row = {"contig": "chr1", "pos": 100, "ref": ref, "alts": alts.split(",")}
    records = [(each, [(100, ".", text.split(" ")[0], tuple(text.split(" ")[1].split(",")))]) for each, text in known]
    table = make.as_table([row], annotations.SITES)
    return vets.label_alleles(table, records, by_allele).to_pylist()[0]


BOTH, TRAINED = "calibration;training", "training"


@pytest.mark.parametrize(
    ("site", "record", "by_site", "by_allele"),
    [
        ("A C", "A C", [BOTH], [BOTH]),
        ("A C", "A G", [BOTH], [None]),  # sites are matched by place and type
        ("A C", "A AG", [None], [None]),
        ("A C", "AT GC", [BOTH], [None]),  # MNPs are of the SNPs' type
        ("A C", "AT CT", [BOTH], [BOTH]),  # the same change, with a base more
        ("AT CT", "A C", [BOTH], [BOTH]),
        ("AT CT", "A *", [BOTH], [None]),
        ("A C,AT", "A C", [None, None], [None, None]),  # a mixed record has the indels' type
        ("A C,AT", "A C,AGG", [BOTH, BOTH], [BOTH, None]),
        ("A C,*", "A C,T", [BOTH, BOTH], [BOTH, None]),
        ("A C,*", "A C,*", [BOTH, BOTH], [BOTH, None]),
        ("ACC A", "AC A", [BOTH], [None]),
        ("ACC AC", "AC A", [BOTH], [BOTH]),
        ("AC A", "ACC AC", [BOTH], [BOTH]),
        ("AC A", "A <DEL>", [BOTH], [None]),
        ("AC <DEL>", "AC <DEL>", [BOTH], [BOTH]),
        ("AC <DEL>", "ACC <DEL>", [BOTH], [None]),
        ("AC A", "AC .", [None], [None]),
    ],
)
def test_a_record_matches_by_place_and_type_or_by_allele(
    site: str, record: str, by_site: list[str | None], by_allele: list[str | None]
) -> None:
    assert labels(site, (GOLD, record), by_allele=False) == by_site
    assert labels(site, (GOLD, record), by_allele=True) == by_allele


def test_labels_of_several_resources_are_joined() -> None:
    assert labels("A C,G", (MORE, "A C"), (GOLD, "A G"), by_allele=True) == [TRAINED, BOTH]
    assert labels("A C,G", (MORE, "A C"), (GOLD, "A G"), by_allele=False) == [BOTH, BOTH]


def test_other_bases_are_refused_by_allele() -> None:
    with pytest.raises(vets.OtherBases, match=r"gold\.vcf\.gz: REF at position 100 is G, where the callset has A"):
        labels("A C", (GOLD, "G C"), by_allele=True)
    assert labels("A C", (GOLD, "G C"), by_allele=False) == [BOTH]


def test_a_site_without_alts_has_no_labels() -> None:
    table = make.as_table([{"contig": "chr1", "pos": 100, "ref": "A", "alts": []}], annotations.SITES)
    assert vets.label_alleles(table, [(GOLD, [(100, ".", "A", ("C",))])], False).to_pylist() == [[]]
    assert vets.label_alleles(table.slice(0, 0), [], True).type == pa.list_(pa.string())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (",training=true", "it has no name"),
        ("hapmap,training", "'training' has no value"),
        ("hapmap,training=true,snp=true", "the label 'snp' is GATK's own"),
    ],
)
def test_a_resource_is_written_as_gatk_does(text: str, problem: str) -> None:
    with pytest.raises(vets.BadResource, match=problem):
        vets.Resource.parse(text, "x.vcf.gz")


def test_labels_are_the_tags_that_are_true() -> None:
    assert vets.Resource.parse(":hapmap,training=true,truth=false,prior=15", "h.vcf.gz").labels == {"training"}
