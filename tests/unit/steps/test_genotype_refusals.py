"""What the gatk model cannot use soundly is refused by name; what it drops is told, allele by allele."""

import pytest

from genocloud import cohort, pipeline, steps, storage
from genocloud.cohort import open_cohort
from genocloud.genotypes import Model
from genocloud.pipeline.preconditions import BareBlocks
from genocloud.scatter.executors import open_scatter
from genocloud.scatter.progress import Silent

LENGTH = 1000
HET = "GT:AD:DP:GQ:PL\t0/1:10,10,0:20:99:200,0,210,230,240,470"
SHORT = "GT:DP:GQ:PL\t0/1:20:99:."
CARRIER = [f"100\t.\tA\tC,<NON_REF>\t.\t.\tDP=20\t{HET}", f"200\t.\tA\tG,T,<NON_REF>\t.\t.\tDP=20\t{SHORT}"]


def block(keys, values, first=50):
    return f"{first}\t.\tA\t<NON_REF>\t.\t.\tEND={first + 39}\t{keys}\t{values}"


def ingested(folder, records):
    """A cohort of people whose records are given, and the scatter's kind."""
    (folder / "ref.fa").write_text(f">chr1\n{'A' * LENGTH}\n")
    (folder / "ref.fa.fai").write_text(f"chr1\t{LENGTH}\t6\t{LENGTH}\t{LENGTH + 1}\n")
    sheet = "sample\tgvcf\n"
    for sample, lines in records.items():
        title = f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{sample}"
        rows = [f"chr1\t{line}" for line in lines]
        head = ["##fileformat=VCFv4.2", f"##contig=<ID=chr1,length={LENGTH}>", title]
        (folder / f"{sample}.g.vcf").write_text("\n".join([*head, *rows]) + "\n")
        sheet += f"{sample}\t{folder / sample}.g.vcf\n"
    (folder / "samples.tsv").write_text(sheet)
    with open_scatter("inline") as scatter:
        places = str(folder / "cohort"), str(folder / "samples.tsv"), str(folder / "ref.fa")
        steps.ingest(*places, options=pipeline.IngestOptions(), scatter=scatter, progress=Silent())
    return open_cohort(str(folder / "cohort"))


def genotyped(stored_cohort, folder, model):
    with open_scatter("inline") as scatter:
        cut = pipeline.cut_genome(stored_cohort)
        steps.discover(stored_cohort, cut, scatter=scatter, progress=Silent())
        return steps.genotype(
            stored_cohort, str(folder / "callset"), model=model, cut=cut, scatter=scatter, progress=Silent()
        )


def test_hom_ref_blocks_with_neither_pl_nor_gq_are_refused_by_name(tmp_path):
    """Strelka2 writes GQX alone. GATK 4.6.2.0 makes them `./.` in silence."""
    bare = [block("GT:GQX:DP", "./.:0:0", 10), block("GT:GQX:DP:MIN_DP", "0/0:30:12:10"), block("GT:DP", "0/0:9", 150)]
    people = {"ann": CARRIER, "bob": bare, "cyd": [block("GT:DP:GQ", "0/0:30:60")], "dee": bare}
    stored_cohort = ingested(tmp_path, people)
    with pytest.raises(BareBlocks) as caught:
        genotyped(stored_cohort, tmp_path, Model())
    problem = caught.value
    assert (problem.sample, problem.blocks, problem.first, problem.others) == ("bob", 2, "chr1:50", 1)


def test_the_first_sample_with_bare_blocks_is_the_first_by_rank(tmp_path):
    """A renamed sample keeps its rank, whatever its name."""
    bare = [block("GT:DP", "0/0:9")]
    stored_cohort = ingested(tmp_path, {"ann": CARRIER, "bob": bare, "cyd": bare})
    renamed = cohort.rename(storage.open_store(stored_cohort.url), {"bob": "zoe"})
    with pytest.raises(BareBlocks) as caught:
        genotyped(renamed, tmp_path, Model())
    assert caught.value.sample == "zoe"


def test_no_call_blocks_need_neither(tmp_path):
    stored_cohort = ingested(tmp_path, {"ann": CARRIER, "bob": [block("GT:DP", "./.:0"), block("GT", "./.", 150)]})
    assert genotyped(stored_cohort, tmp_path, Model()).balance["kept"] == 1


def test_the_receipt_accounts_for_every_allele(tmp_path):
    stored_cohort = ingested(tmp_path, {"ann": CARRIER, "bob": [block("GT:DP:GQ", "0/0:30:60")]})
    receipt = genotyped(stored_cohort, tmp_path, Model())
    assert receipt.balance == {"unit": "sites", "taken": 2, "kept": 1, "dropped": {"a carrier has no likelihoods": 1}}
    assert receipt.figures["alleles"] == {
        "unit": "alternate alleles",
        "taken": 3,
        "kept": 1,
        "dropped": {"a carrier has no likelihoods": 2},
    }
    assert receipt.figures["sites_beyond_gatk_limits"] == 0
