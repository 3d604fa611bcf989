"""GQ by a table measured on truth: what changes in the records, growth, and who refuses it."""

import json

import pysam
import pytest

import genocloud
from genocloud import pipeline, steps
from genocloud.cli import main
from genocloud.cohort import open_cohort
from genocloud.genotypes import Model
from genocloud.genotypes.gq_calibration import BadCalibration
from genocloud.pipeline.chosen_model import NotOfTheModel, likelihood_model
from genocloud.pipeline.genotyping import gq_map
from genocloud.pipeline.options import IngestOptions
from genocloud.pipeline.sample_list import sheet_or_gvcfs
from genocloud.scatter.executors import open_scatter
from genocloud.scatter.progress import Silent
from tests.conftest import DATA
from tests.support.decoded_callsets import records, tables
from tests.support.deepvariant_people import people

NAMES = ("ann", "bob", "cat", "dan")
DEMO = ("child", "father", "mother")
BECOMES = {
    "ref": lambda gq: min(gq, 11),
    "het_snp": lambda gq: (gq + 1) // 2,
    "het_indel": lambda gq: (gq + 3) // 4,
    "hom_snp": lambda gq: min(gq + 5, 99),
    "hom_indel": lambda gq: gq,
}


@pytest.fixture
def gq_table(tmp_path):
    rows = [f"{kind}\t7\t{gq}\t3\t{becomes(gq)}\n" for kind, becomes in BECOMES.items() for gq in range(1, 100)]
    (tmp_path / "gq.tsv").write_text("kind\tgenotypes\tgq\twrong\tcalibrated\n" + "".join(rows))
    return str(tmp_path / "gq.tsv")


def kind_of(record, genotype):
    called = [allele for allele in genotype if allele is not None]
    if len(called) < len(genotype) or not called:
        return None
    if set(called) == {0}:
        return "ref"
    alleles = [record.alleles[allele] for allele in called]
    kind = "indel" if any(len(allele) != len(record.ref) for allele in alleles) else "snp"
    return f"{'hom' if len(set(called)) == 1 else 'het'}_{kind}"


def of_the_demo(_folder):
    """The simulated people, of whom some have records under their own deletions; all diploid but on Y and MT."""
    return [str(DATA / "deepvariant" / f"{name}.g.vcf.gz") for name in DEMO], str(DATA / "reference.fa"), DEMO


def of_random_people(folder):
    return people(folder, 11, NAMES), str(folder / "ref.fa"), NAMES


@pytest.mark.parametrize("made", [of_random_people, of_the_demo])
def test_gq_alone_changes_by_each_genotypes_kind(tmp_path, gq_table, made):
    urls, reference, names = made(tmp_path)
    words = ["-R", reference, "-q"]
    for out, more in (("plain", []), ("mapped", ["--gq-calibration", gq_table])):
        assert main(["joint", *urls, *words, "-o", str(tmp_path / f"{out}.vcf.gz"), *more]) == 0
    changed = set()
    with (
        pysam.VariantFile(str(tmp_path / "plain.vcf.gz")) as one,
        pysam.VariantFile(str(tmp_path / "mapped.vcf.gz")) as two,
    ):
        assert "--gq-calibration ref:11-99=11;het_snp:" in str(two.header)
        for before, after in zip(one, two, strict=True):
            assert str(before).split("\t")[:9] == str(after).split("\t")[:9]
            for name in names:
                was, now = dict(before.samples[name]), dict(after.samples[name])
                gq, kind = was.pop("GQ", None), kind_of(before, was["GT"])
                becomes = now.pop("GQ", None)
                assert was == now
                if "*" not in (before.samples[name].alleles or ()):  # that of a deletion's record
                    assert becomes == (BECOMES[kind](gq) if kind and gq else gq)
                    changed |= {kind} if gq != becomes else set()
    assert changed == {"ref", "het_snp", "het_indel", "hom_snp"}


def callset_of(folder, urls, steps_of, model):
    """A callset that grows by so many people at a time, and its records."""
    done = 0
    for count in steps_of:
        with open_scatter("inline") as scatter:
            how = {"scatter": scatter, "progress": Silent()}
            listed = sheet_or_gvcfs(urls[done : done + count])
            options = IngestOptions(batch_size=count)
            steps.ingest(str(folder / "cohort"), listed, str(folder / ".." / "ref.fa"), options=options, **how)
            cohort = open_cohort(str(folder / "cohort"))
            cut = pipeline.cut_genome(cohort)
            steps.discover(cohort, cut, **how)
            steps.genotype(cohort, str(folder / "callset"), model=model, cut=cut, **how)
            steps.export(str(folder / "callset"), str(folder / "out.vcf.gz"), **how)
        done += count
    return tables(str(folder / "callset")), records(folder / "out.vcf.gz")


def test_a_callset_that_grows_is_that_of_everybody_at_once(tmp_path, gq_table):
    urls = people(tmp_path, 12, NAMES)
    model = Model(name="deepvariant", gq_calibration=gq_map(gq_table))
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    at_once = callset_of(tmp_path / "one", urls, (4,), model)
    assert callset_of(tmp_path / "two", urls, (1, 2, 1), model) == at_once
    out = tmp_path / "joint.vcf.gz"
    genocloud.joint(urls, reference=tmp_path / "ref.fa", out=out, gq_calibration=gq_table)
    assert records(out) == at_once[1]


def test_other_models_refuse_it(tmp_path, gq_table):
    with pytest.raises(NotOfTheModel, match="model gatk: it has no gq-calibration"):
        likelihood_model("gatk", Model(gq_calibration=gq_map(gq_table)))
    urls = people(tmp_path, 13, NAMES[:1])
    words = ["-R", str(tmp_path / "ref.fa"), "-o", str(tmp_path / "o.vcf.gz"), "-q", "--gq-calibration", gq_table]
    for name in ("gatk", "glnexus"):
        assert main(["joint", *urls, "--model", name, *words]) == 5
    assert not (tmp_path / "o.vcf.gz").exists()


REFERENCE = "".join("ACGT"[number % 4] for number in range(100))
BLOCK = "chr1\t{}\t.\t{}\t<*>\t0\t.\tEND={}\tGT:GQ:MIN_DP:PL\t0/0:{}:20:0,{},900"
VARIANT = "chr1\t{}\t.\t{}\t{},<*>\t40\tPASS\t.\tGT:GQ:DP:AD:PL\t{}:{}:20:10,10,0:{},990,990,990"
HEAD = "##fileformat=VCFv4.2\n##contig=<ID=chr1,length=100>\n"


def written(folder, name, lines, head=HEAD):
    title = "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", name])
    (folder / f"{name}.vcf").write_text(f"{head}{title}\n" + "\n".join([*lines, ""]))
    return str(folder / f"{name}.vcf")


def test_records_under_their_own_deletion_have_their_own_kind(tmp_path, gq_table):
    (tmp_path / "ref.fa").write_text(f">chr1\n{REFERENCE}\n")
    pysam.faidx(str(tmp_path / "ref.fa"))
    ann = [
        VARIANT.format(5, REFERENCE[4:14], "A", "0/1", 40, "40,0,50"),
        VARIANT.format(9, "A", "G", "1/1", 30, "60,30,0"),
        VARIANT.format(13, "A", "C", "1/1", 30, "60,30,0"),
        VARIANT.format(21, "AC", "A", "1/1", 30, "60,30,0"),
    ]
    url = written(tmp_path, "ann", ann, HEAD + "##DeepVariant_version=1.6.0\n")
    out = str(tmp_path / "o.vcf.gz")
    seen = []
    for more in ([], ["--gq-calibration", gq_table]):
        assert main(["joint", url, "-R", str(tmp_path / "ref.fa"), "-o", out, "-q", *more]) == 0
        with pysam.VariantFile(out) as file:
            seen.append([(record.pos, record.samples["ann"]["GQ"]) for record in file])
    plain, calibrated = seen
    assert [pos for pos, _ in plain] == [5, 9, 13, 21]
    kinds = ["het_indel", "het_snp", "het_snp", "hom_indel"]
    assert calibrated == [(pos, BECOMES[kind](gq)) for kind, (pos, gq) in zip(kinds, plain, strict=True)]


def test_a_curve_of_genotypes_that_are_right_and_wrong(tmp_path, capsys):
    """ann's records, and the truth; bob makes sites at which ann is REF."""
    (tmp_path / "ref.fa").write_text(f">chr1\n{REFERENCE}\n")
    pysam.faidx(str(tmp_path / "ref.fa"))
    ann = [
        VARIANT.format(5, "A", "G", "0/1", 30, "30,0,50"),  # right
        VARIANT.format(9, "A", "G", "0/1", 30, "30,0,50"),  # true is 1/1
        VARIANT.format(13, "A", "AC", "1/1", 20, "60,20,0"),  # right: the truth has the same with one more base
        VARIANT.format(17, "A", "C", "1/1", 12, "60,12,0"),  # the truth has nothing
        VARIANT.format(21, "A", "C", "1/1", 12, "60,12,0"),  # outside of what is known
        BLOCK.format(22, "C", 40, 25, 25),  # bob's site 25 is REF in the truth, 29 is not
        BLOCK.format(41, "A", 60, 0, 0).replace("0/0:0:20", "./.:0:0"),
    ]
    bob = [VARIANT.format(pos, "A", "T", "0/1", 50, "50,0,60") for pos in (25, 29, 45)]
    version = HEAD + "##DeepVariant_version=1.6.0\n"
    urls = [written(tmp_path, name, lines, version) for name, lines in (("ann", ann), ("bob", bob))]
    true = [
        "chr1\t5\t.\tA\tG\t.\t.\t.\tGT\t1|0",
        "chr1\t9\t.\tA\tG\t.\t.\t.\tGT\t1/1",
        "chr1\t13\t.\tAC\tACC\t.\t.\t.\tGT\t1/1",
        "chr1\t29\t.\tA\tT\t.\t.\t.\tGT\t0/1",
    ]
    truth = pysam.tabix_index(written(tmp_path, "truth", true), preset="vcf")
    callset, out, receipt = (str(tmp_path / name) for name in ("callset", "gq.tsv", "receipt.json"))
    words = ["-R", str(tmp_path / "ref.fa"), "-o", str(tmp_path / "o.vcf.gz"), "--callset", callset, "-q"]
    assert main(["joint", *urls, *words]) == 0
    (tmp_path / "known.bed").write_text("chr1\t0\t20\nchr1\t21\t100\n")
    known = ["-L", str(tmp_path / "known.bed"), "--receipt", receipt]
    assert main(["gq-curve", callset, out, "--truth", f"ann={truth}", *known]) == 0
    rows = [line.split("\t")[:4] for line in (tmp_path / "gq.tsv").read_text().splitlines()]
    assert [row for row in rows if row[2] != "0"] == [
        ["kind", "gq", "genotypes", "wrong"],
        ["ref", "25", "2", "1"],
        ["het_snp", "30", "2", "1"],
        ["hom_snp", "12", "1", "1"],
        ["hom_indel", "20", "1", "0"],
    ]
    assert json.loads((tmp_path / "receipt.json").read_text())["balance"] == {
        "unit": "genotypes",
        "taken": 7,
        "kept": 6,
        "dropped": {"not called": 1},
    }
    assert gq_map(out).startswith("ref:")
    again = [*words[:-2], callset + "2", "-q", "--gq-calibration", out]
    assert main(["joint", *urls, *again]) == 0
    assert main(["gq-curve", callset + "2", out, "--truth", f"ann={truth}", *known]) == 0
    assert {line.split("\t")[-1] for line in (tmp_path / "gq.tsv").read_text().splitlines()[1:]} == {"."}
    with pytest.raises(BadCalibration):
        gq_map(out)


@pytest.mark.parametrize("truth", ["truth.vcf.gz", "ann=", "=truth.vcf.gz"])
def test_a_truth_without_its_sample_is_refused(tmp_path, truth):
    assert main(["gq-curve", str(tmp_path / "callset"), str(tmp_path / "gq.tsv"), "--truth", truth]) == 5
