"""CollectVariantCallingMetrics of the real Picard has the rows that genocloud qc writes."""

import gzip

import pysam
import pytest

from genocloud import callset
from genocloud.pipeline.qc.sample_checks import CheckOptions, check_samples
from genocloud.scatter.executors import Inline
from genocloud.scatter.progress import Silent
from tests.conformance import oracle
from tests.conftest import DATA
from tests.support import wild_callset

pytestmark = [pytest.mark.conformance, pytest.mark.timeout(900)]


def rows_of(text: str) -> dict[str, dict[str, str]]:
    """The rows of a metrics file by sample; the summary has one, without a name."""
    lines = text.splitlines()
    first = next(place for place, line in enumerate(lines) if line.startswith("## METRICS CLASS")) + 1
    header = lines[first].split("\t")
    rows = [dict(zip(header, line.split("\t"), strict=True)) for line in lines[first + 1 :] if line]
    return {row.get("SAMPLE_ALIAS", ""): row for row in rows}


@pytest.mark.parametrize("with_known", [False, True])
def test_picard_has_the_same_metrics(gvcfs, tmp_path, gatk, with_known):
    known = known_sites(tmp_path, gvcfs if with_known else [])
    options = ["--dbsnp", known] if with_known else []
    words = [*gvcfs, "-R", DATA / "reference.fa", "-o", tmp_path / "calls.vcf.gz", "--callset", tmp_path / "callset"]
    oracle.run(oracle.GENOCLOUD, "joint", *words, *options, "-@", 1)
    words = "-I", tmp_path / "calls.vcf.gz", "--DBSNP", known, "-SD", DATA / "reference.dict"
    assert_equal_metrics(callset.open_callset(str(tmp_path / "callset")), gatk, tmp_path, *words)


@pytest.mark.parametrize("seed", range(3))
def test_picard_has_the_same_metrics_of_a_wild_callset(tmp_path, gatk, seed):
    """Any ploidy and ALTs; random INFO, which nothing can read, is left out."""
    made = wild_callset.write(str(tmp_path / "callset"), seed, sites=80, known=False)
    vcf, contigs = tmp_path / "stripped.vcf", [(contig.name, contig.length) for contig in wild_callset.CONTIGS]
    callset.write_vcf(made, str(tmp_path / "calls.vcf.gz"))
    lines = gzip.decompress((tmp_path / "calls.vcf.gz").read_bytes()).decode().splitlines()
    cells = [line if line.startswith("#") else line.split("\t") for line in lines]
    vcf.write_text("".join((c if isinstance(c, str) else "\t".join([*c[:7], ".", *c[8:]])) + "\n" for c in cells))
    (tmp_path / "ref.dict").write_text("".join(["@HD\tVN:1.6\n", *(f"@SQ\tSN:{n}\tLN:{x}\n" for n, x in contigs)]))
    known = write_known(tmp_path, contigs, [])
    indexed = pysam.tabix_index(str(vcf), preset="vcf", force=True)
    assert_equal_metrics(made, gatk, tmp_path, "-I", indexed, "--DBSNP", known, "-SD", tmp_path / "ref.dict")


def assert_equal_metrics(made: callset.Callset, gatk, folder, *words) -> None:
    gatk("CollectVariantCallingMetrics", "-O", folder / "picard", *words)
    ours = check_samples(made, CheckOptions(), scatter=Inline(), progress=Silent(), name="ours").texts
    for kind in ("detail", "summary"):
        theirs = (folder / f"picard.variant_calling_{kind}_metrics").read_text()
        assert rows_of(ours[f"ours.variant_calling_{kind}_metrics"]) == rows_of(theirs)


def known_sites(folder, gvcfs) -> str:
    """A VCF of every third SNV or indel with one ALT that the first person has; without gVCFs, of none."""
    contigs = [row.split()[:2] for row in (DATA / "reference.fa.fai").read_text().splitlines()]
    lines = []
    for gvcf in gvcfs[:1]:
        with pysam.VariantFile(str(gvcf)) as records:
            plain = [each for each in records if each.alts and len(each.alts) == 2 and "*" not in each.alts]
        lines += [f"{r.chrom}\t{r.pos}\trs{r.pos}\t{r.ref}\t{r.alts[0]}\t.\t.\t." for r in plain[::3]]
    return write_known(folder, contigs, lines)


def write_known(folder, contigs, lines: list[str]) -> str:
    header = ["##fileformat=VCFv4.2", *(f"##contig=<ID={name},length={length}>" for name, length in contigs)]
    header.append("\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO"]))
    path = folder / "known.vcf"
    path.write_text("\n".join([*header, *lines]) + "\n")
    return str(pysam.tabix_index(str(path), preset="vcf", force=True))
