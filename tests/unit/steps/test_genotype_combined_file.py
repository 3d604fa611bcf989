"""INFO of a combined gVCF's records counts once, however many of its people are taken; numbers by GATK 4.6.2.0."""

from genocloud import cohort, pipeline, steps, storage
from genocloud.callset import open_callset
from genocloud.genotypes import Model
from genocloud.scatter.executors import open_scatter
from genocloud.scatter.progress import Silent

LENGTH = 2000
HET, HOM = "0/1:10,10,0:20:99:250,0,250,280,280,560:5,5,5,5", "0/0:20,0,0:20:60:0,60,900,60,900,900:10,10,0,0"
RECORD = "chr1\t100\t.\tG\tA,<NON_REF>\t.\t.\tDP={};RAW_MQandDP={};MQRankSum={}\tGT:AD:DP:GQ:PL:SB\t{}"
BLOCKS = ["chr1\t{}\t.\tG\t<NON_REF>\t.\t.\tEND={}\tGT:DP:GQ:PL".format(*ends) for ends in ((1, 99), (101, LENGTH))]
CALLED = "0/0:20:60:0,60,900"


def write(folder, name, people, record):
    first, second = (f"{line}\t" + "\t".join([CALLED] * len(people)) for line in BLOCKS)
    title = "\t".join(["#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT", *people])
    lines = ["##fileformat=VCFv4.2", f"##contig=<ID=chr1,length={LENGTH}>", title, first, record, second]
    (folder / f"{name}.g.vcf").write_text("\n".join(lines) + "\n")


def ingest(folder, people, batch_size=100):
    """Add people to the cohort: a and b of one combined file, c of a file alone."""
    (folder / "ref.fa").write_text(f">chr1\n{'G' * LENGTH}\n")
    (folder / "ref.fa.fai").write_text(f"chr1\t{LENGTH}\t6\t{LENGTH}\t{LENGTH + 1}\n")
    write(folder, "both", ["a", "b"], RECORD.format(40, "72000,20", -2, f"{HET}\t{HOM}"))
    write(folder, "c", ["c"], RECORD.format(20, "32000,20", 1, HET))
    files = {"a": "both", "b": "both", "c": "c"}
    rows = [f"{name}\t{folder / files[name]}.g.vcf\t{name}" for name in people]
    (folder / "samples.tsv").write_text("\n".join(["sample\tgvcf\tname_in_gvcf", *rows]) + "\n")
    storing = pipeline.IngestOptions(batch_size=batch_size)
    with open_scatter("inline") as scatter:
        steps.ingest(
            str(folder / "cohort"),
            str(folder / "samples.tsv"),
            str(folder / "ref.fa"),
            options=storing,
            scatter=scatter,
            progress=Silent(),
        )


def site(folder, callset="callset"):
    """DP, MQ, MQRankSum of the cohort's one site."""
    stored_cohort = cohort.open_cohort(str(folder / "cohort"))
    with open_scatter("inline") as scatter:
        cut = pipeline.cut_genome(stored_cohort)
        steps.discover(stored_cohort, cut, scatter=scatter, progress=Silent())
        steps.genotype(stored_cohort, str(folder / callset), model=Model(), cut=cut, scatter=scatter, progress=Silent())
    (row,) = open_callset(str(folder / callset)).sites().to_pylist()
    return row["DP"], round(row["MQ"], 2), row["MQRankSum"]


def test_two_of_a_file_count_its_info_once_in_one_batch_or_several(tmp_path):
    """CombineGVCFs of the combined file alone: DP=40, MQ=60."""
    for size in (1, 100):
        folder = tmp_path / str(size)
        folder.mkdir()
        ingest(folder, ["a", "b"], size)
        assert site(folder) == (40, 60.0, -2.0)


def test_beside_another_file_each_file_counts_once(tmp_path):
    """CombineGVCFs of both files: DP=60; RAW_MQandDP is the sum of the two, the rank sum the median of two."""
    ingest(tmp_path, ["a", "b", "c"])
    assert site(tmp_path) == (60, 50.99, 1.0)


def test_one_of_many_takes_the_files_info_and_so_does_who_stays(tmp_path):
    ingest(tmp_path, ["a"])
    assert site(tmp_path) == (40, 60.0, -2.0)
    ingest(tmp_path, ["b", "c"])
    assert site(tmp_path) == (60, 50.99, 1.0)
    cohort.remove(storage.open_store(str(tmp_path / "cohort")), ["a"])
    assert site(tmp_path, "later") == (60, 50.99, 1.0)
