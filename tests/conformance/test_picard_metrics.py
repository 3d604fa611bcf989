"""CollectVariantCallingMetrics of the real Picard has the rows that genocloud qc writes."""

import pysam
import pytest

from genocloud import callset
from genocloud.pipeline.qc.sample_checks import CheckOptions, check_samples
from genocloud.scatter.executors import Inline
from genocloud.scatter.progress import Silent
from tests.conformance import oracle
from tests.conftest import DATA

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
    gatk(
        "CollectVariantCallingMetrics",
        *("-I", tmp_path / "calls.vcf.gz", "-O", tmp_path / "picard", "--DBSNP", known),
        *("-SD", DATA / "reference.dict"),
    )
    made = callset.open_callset(str(tmp_path / "callset"))
    ours = check_samples(made, CheckOptions(), scatter=Inline(), progress=Silent(), name="ours").texts
    for kind in ("detail", "summary"):
        theirs = (tmp_path / f"picard.variant_calling_{kind}_metrics").read_text()
        assert rows_of(ours[f"ours.variant_calling_{kind}_metrics"]) == rows_of(theirs)


def known_sites(folder, gvcfs) -> str:
    """A VCF of every third SNV or indel with one ALT that the first person has; without gVCFs, of none."""
    lines = ["##fileformat=VCFv4.2"]
    lines += [
        f"##contig=<ID={row.split()[0]},length={row.split()[1]}>"
        for row in (DATA / "reference.fa.fai").read_text().splitlines()
    ]
    lines.append("\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO"]))
    for gvcf in gvcfs[:1]:
        with pysam.VariantFile(str(gvcf)) as records:
            plain = [each for each in records if each.alts and len(each.alts) == 2 and "*" not in each.alts]
        lines += [f"{r.chrom}\t{r.pos}\trs{r.pos}\t{r.ref}\t{r.alts[0]}\t.\t.\t." for r in plain[::3]]
    path = folder / "known.vcf"
    path.write_text("\n".join(lines) + "\n")
    return str(pysam.tabix_index(str(path), preset="vcf", force=True))
