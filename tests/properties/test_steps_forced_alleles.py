"""Laws of forced alleles through the steps: cohorts called apart have the same records, and all else is as without."""

import gzip
from pathlib import Path

import pysam
import pytest

from genocloud import callset, pipeline, steps
from genocloud.cohort import open_cohort
from genocloud.pipeline.intervals import Intervals
from genocloud.pipeline.preconditions import OtherAlleles
from genocloud.scatter.executors import open_scatter
from genocloud.scatter.progress import Silent
from tests.conftest import sample_map
from tests.support.decoded_callsets import tables
from tests.support.growing_cohort import REFERENCE, Work


def joint(folder: Path, gvcfs: list[Path], **intervals) -> Path:
    folder.mkdir(exist_ok=True)
    out = folder / "out.vcf.gz"
    sheet = str(sample_map(folder, gvcfs))
    options = pipeline.JointOptions(
        listed=sheet, reference_url=REFERENCE, out_url=str(out), intervals=Intervals(**intervals)
    )
    steps.joint(options, progress=Silent())
    return out


def rows(path: Path) -> list[list[str]]:
    """The records' columns, INFO without FORCED."""
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    return [unforced(line).split("\t") for line in lines if not line.startswith("#")]


def unforced(line: str) -> str:
    return line.replace(";FORCED", "")


def alleles_of(records: list[list[str]]) -> set[tuple[str, str, str, str]]:
    """(CHROM, POS, REF, ALT) of each ALT but `*`, without the bases that both end with."""
    every = set()
    for contig, pos, _, ref, alts, *_ in records:
        for alt in alts.split(","):
            cut = 0
            while cut < min(len(ref), len(alt)) - 1 and ref[-1 - cut] == alt[-1 - cut]:
                cut += 1
            every.add((contig, pos, ref[: len(ref) - cut], alt[: len(alt) - cut]))
    return {allele for allele in every if allele[3] != "*"}


def unseen() -> list[str]:
    """Alleles that are in no record, at places of which some have no data."""
    made = []
    with pysam.FastaFile(REFERENCE) as fasta:
        for contig, pos in (("chr1", 4000), ("chrM", 16_499), ("chrY", 13_000), ("chr2", 77)):
            ref = fasta.fetch(contig, pos - 1, pos).upper()
            made.append(f"{contig}\t{pos}\t.\t{ref}\t{'CGTA'['ACGT'.index(ref)]}")
    return made


def without_chrm(folder: Path, gvcf: Path) -> Path:
    """The gVCF without its records of chrM."""
    lines = gzip.decompress(gvcf.read_bytes()).splitlines(keepends=True)
    path = folder / gvcf.name
    path.write_bytes(gzip.compress(b"".join(line for line in lines if not line.startswith(b"chrM"))))
    return path


@pytest.fixture(scope="module")
def apart(tmp_path_factory, gvcfs):
    """Two cohorts' records without and with the alleles of both and some others: (plain, forced) of each, the file."""
    folder = tmp_path_factory.mktemp("apart")
    cohorts = gvcfs[:2], [without_chrm(folder, path) for path in gvcfs[2:4]]
    plain = [joint(folder / f"plain{n}", some) for n, some in enumerate(cohorts)]
    listed = ["\t".join(row[:5]) for path in plain for row in rows(path)]
    (folder / "sites.vcf").write_text("##fileformat=VCFv4.2\n" + "".join(f"{row}\n" for row in [*listed, *unseen()]))
    forced = [joint(folder / f"forced{n}", some, alleles=str(folder / "sites.vcf")) for n, some in enumerate(cohorts)]
    return [(rows(one), rows(other)) for one, other in zip(plain, forced, strict=True)], str(folder / "sites.vcf")


def test_cohorts_called_apart_lack_none_of_the_alleles(apart):
    cohorts, sites = apart
    wanted = {
        tuple(allele) for allele in alleles_of([line.split("\t") for line in Path(sites).read_text().splitlines()[1:]])
    }
    for plain, forced in cohorts:
        assert wanted <= alleles_of(forced)
        assert not wanted <= alleles_of(plain)
    first, second = ({tuple(row[:2]) for row in forced} for _, forced in cohorts)
    assert first == second


def test_records_whose_alleles_were_there_change_in_nothing(apart):
    for plain, forced in apart[0]:
        by_place = {tuple(row[:2]): row for row in forced}
        same = [row for row in plain if by_place[tuple(row[:2])][3:5] == row[3:5]]
        assert all(by_place[tuple(row[:2])] == row for row in same)
        assert len(same) > 0.9 * len(plain)


def test_hom_refs_and_samples_without_data_differ(apart):
    cohorts, _ = apart
    for plain, forced in cohorts:
        known = {tuple(row[:2]) for row in plain}
        words = {}
        for row in forced:
            if tuple(row[:2]) not in known:
                keys = row[8].split(":")
                for cell in row[9:]:
                    values = dict(zip(keys, cell.split(":"), strict=False))
                    words.setdefault(values["GT"], []).append(values)
        assert {"0/0", "./."} <= set(words)
        assert all(int(values["DP"]) > 0 and values["PL"].startswith("0,") for values in words["0/0"])


def test_records_of_alleles_without_any_data_have_no_quality(apart):
    (_, covered), (_, lacking) = apart[0]
    empty = [row for row in lacking if row[0] == "chrM"]
    assert len(empty) == sum(row[0] == "chrM" for row in covered) > 1
    for row in empty:
        assert row[5:] == [".", ".", "AC=0;AF=0.00;AN=0;MLEAC=0;MLEAF=0.00", "GT", ".", "."]


def test_forced_alleles_do_not_depend_on_cuts(tmp_path, gvcfs, apart):
    some = {"alleles": apart[1], "included": ("chr1:3500-30000", "chr2:1-20000", "chrM")}
    fused = rows(joint(tmp_path, gvcfs[:2], **some))
    assert {("chr1", "4000"), ("chrM", "16499"), ("chr2", "77")} <= {tuple(row[:2]) for row in fused}
    work = Work(tmp_path / "work")
    work.intervals = Intervals(**some)
    work.add(gvcfs[:2], pipeline.IngestOptions(batch_size=1, window_bp=5_200)).call()
    records = [line for line in work.records() if not line.startswith("#")]
    assert [unforced(record).split("\t") for record in records] == fused
    account = work.receipt.figures["forced_alleles"]
    assert account["kept"] + sum(account["dropped"].values()) == account["taken"]
    assert {"named before", "outside the intervals"} <= account["dropped"].keys()


def test_a_grown_callset_keeps_its_alleles(tmp_path, gvcfs, apart):
    work = Work(tmp_path / "grown", alleles=apart[1]).add(gvcfs[:2]).call().add(gvcfs[2:4]).call()
    assert tables(work.callset) == tables(Work(tmp_path / "full", alleles=apart[1]).add(gvcfs[:4]).call().callset)
    made = callset.open_callset(work.callset)
    assert made.sites(columns=["FORCED"])["FORCED"].null_count < len(made.sites())
    with open_scatter("inline") as scatter:
        steps.verify(work.callset, scatter=scatter, progress=Silent())
    before = tables(work.callset)
    for other in ("", _with_one_less(tmp_path, apart[1])):
        work.intervals = Intervals(alleles=other)
        with pytest.raises(OtherAlleles, match="give the --alleles that it was made with"):
            work.call()
    assert tables(work.callset) == before


def _with_one_less(folder: Path, sites: str) -> str:
    (folder / "fewer.vcf").write_text("\n".join(Path(sites).read_text().splitlines()[:-1]) + "\n")
    return str(folder / "fewer.vcf")


def test_parts_of_the_genome_count_their_own_alleles(tmp_path, gvcfs, apart):
    work = Work(tmp_path, alleles=apart[1]).add(gvcfs[:2])
    work.call()
    cohort, reference = open_cohort(work.cohort), pipeline.read_reference(REFERENCE)
    targets = work.intervals.targets(reference.contigs, reference)
    counts = []
    with open_scatter("inline") as scatter:
        for part in (*(part.name for part in cohort.layout.parts()), None):
            cut = pipeline.cut_genome(cohort, part, targets)
            receipt = steps.genotype(
                cohort, str(tmp_path / "parts"), model=work.model, cut=cut, scatter=scatter, progress=Silent()
            )
            counts.append(receipt.figures["forced_alleles"]["kept"])
    assert sum(counts[:-1]) == counts[-1] == len(targets.alleles)
    assert tables(str(tmp_path / "parts")) == tables(work.callset)
