"""Many short contigs share parts, windows and shards: each record, and each way to it, is as when they do not."""

from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import pysam
import pytest

from genocloud import cohort, pipeline, steps
from genocloud.callset import open_callset
from genocloud.cohort import open_cohort
from genocloud.genotypes import Model
from genocloud.pipeline import sharding
from genocloud.pipeline.reference import read_reference
from genocloud.scatter.executors import open_scatter
from genocloud.scatter.progress import Silent
from tests.conftest import sample_map
from tests.support.decoded_callsets import decoded, records, tables
from tests.support.local_hybrid import Hybrid
from tests.support.short_contigs import Tig, make_tigs, write_person, write_reference

EACH_ALONE = pipeline.IngestOptions(part_bp=1)
TOGETHER = [
    pipeline.IngestOptions(),
    pipeline.IngestOptions(window_bp=1_500, batch_size=2),
    pipeline.IngestOptions(part_bp=4_000, window_bp=700, batch_size=3),
]
WINDOWS, NEIGHBOURS, ALL = 0, 150, 10_000
"""Rows up to which neighbouring windows share a shard: none do, some do, all of a part do."""
CUTS = {
    "all contigs in one window": (TOGETHER[0], WINDOWS),
    "some contigs in each window": (TOGETHER[1], WINDOWS),
    "some windows in each shard": (TOGETHER[1], NEIGHBOURS),
    "few contigs in each window": (TOGETHER[2], WINDOWS),
    "each part one shard": (TOGETHER[2], ALL),
}


@dataclass(frozen=True)
class Study:
    """Contigs, the reference, and the gVCFs of six people."""

    tigs: list[Tig]
    reference: str
    gvcfs: list[Path]


@dataclass(frozen=True)
class Run:
    """What a run over a study has made."""

    cohort: str
    callset: str
    vcf: Path


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder, random = tmp_path_factory.mktemp("study"), Random(11)
    tigs = make_tigs(random, 20)
    reference = str(write_reference(folder, tigs))
    return Study(tigs, reference, [write_person(random, folder, f"p{number}", tigs) for number in range(6)])


def run(
    folder: Path,
    study: Study,
    storing: pipeline.IngestOptions,
    intervals: pipeline.Intervals = pipeline.Intervals(),  # noqa: B008
    people: tuple[int, ...] = (6,),
    few_rows: tuple[int, ...] = (WINDOWS,),
) -> Run:
    """Ingest the first so many people, genotype, ingest more, and so on; then export.

    `few_rows`: for each such round, up to how many rows windows share a shard.
    """
    made = Run(str(folder / "cohort"), str(folder / "callset"), folder / "out.vcf.gz")
    reference = read_reference(study.reference)
    with open_scatter("threads:2") as scatter, pytest.MonkeyPatch.context() as patch:
        for first, end, few in zip((0, *people), people, few_rows, strict=False):
            patch.setattr(sharding, "FEW_ROWS", few)
            sheet = str(_map(folder, study.gvcfs[first:end]))
            steps.ingest(made.cohort, sheet, study.reference, options=storing, scatter=scatter, progress=Silent())
            stored_cohort = open_cohort(made.cohort)
            cut = pipeline.cut_genome(stored_cohort, targets=intervals.targets(stored_cohort.contigs))
            steps.discover(stored_cohort, cut, scatter=scatter, progress=Silent(), reference=reference)
            steps.genotype(stored_cohort, made.callset, model=Model(), cut=cut, scatter=scatter, progress=Silent())
        steps.export(made.callset, str(made.vcf), scatter=scatter, progress=Silent())
    return made


def _map(folder: Path, gvcfs: list[Path]) -> Path:
    folder.mkdir(exist_ok=True)
    return sample_map(folder, gvcfs)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, study: Study) -> Run:
    return run(tmp_path_factory.mktemp("alone"), study, EACH_ALONE)


@pytest.fixture(scope="module")
def joined(tmp_path_factory: pytest.TempPathFactory, study: Study) -> Run:
    return run(tmp_path_factory.mktemp("joined"), study, TOGETHER[1])


def test_the_study_has_what_is_hard(study, alone):
    """Deletions over other sites, haploid contigs, sites at both ends of a contig, contigs without a site."""
    lines = [line.split("\t") for line in records(alone.vcf) if not line.startswith("#")]
    lengths = {tig.name: len(tig.bases) for tig in study.tigs}
    assert any("*" in line[4].split(",") for line in lines)
    assert any(line[1] == "1" for line in lines)
    assert any(int(line[1]) + len(line[3]) - 1 == lengths[line[0]] for line in lines)
    assert {len(line[9].split(":")[0]) for line in lines} == {1, 3}
    assert {line[0] for line in lines} < lengths.keys()


QUICK = ("some contigs in each window", "each part one shard")


@pytest.mark.parametrize(
    ("storing", "few"),
    [pytest.param(*cut, id=name, marks=[pytest.mark.slow] * (name not in QUICK)) for name, cut in CUTS.items()],
)
def test_contigs_that_share_shards_have_the_records_of_contigs_alone(tmp_path, study, alone, storing, few):
    together = run(tmp_path, study, storing, few_rows=(few,))
    assert len(open_callset(together.callset).shards) < len(open_callset(alone.callset).shards)
    assert records(together.vcf) == records(alone.vcf)
    assert tables(together.callset) == tables(alone.callset)
    with open_scatter("inline") as scatter:
        for url in (together.cohort, together.callset):
            steps.verify(url, scatter=scatter, progress=Silent())


@pytest.mark.parametrize(("storing", "few"), [(EACH_ALONE, WINDOWS), (TOGETHER[1], ALL)], ids=["alone", "one shard"])
def test_contigs_without_bases_change_nothing(tmp_path, study, alone, storing, few):
    """As an index may list them, in any place. Their parts have no shards, and others may begin with one."""
    fasta = tmp_path / "reference.fa"
    fasta.symlink_to(study.reference)
    rows = Path(f"{study.reference}.fai").read_text().splitlines(keepends=True)
    for place in (0, 0, 7, len(rows)):
        rows.insert(place, f"none{len(rows)}\t0\t0\t0\t0\n")
    Path(f"{fasta}.fai").write_text("".join(rows))
    made = run(tmp_path, replace(study, reference=str(fasta)), storing, few_rows=(few,))
    calls = [line for line in records(alone.vcf) if not line.startswith("#")]
    assert [line for line in records(made.vcf) if not line.startswith("#")] == calls


def test_a_part_with_one_contig_has_the_shards_it_had(alone, study):
    """Names of shards, and with them what is kept of earlier runs, are those of before contigs shared any."""
    names = [shard.name for shard in open_callset(alone.callset).shards]
    last = len(study.tigs[0].bases)
    assert names[0] == f"000-tig0.00000.0000000000-{last:010d}"


def test_every_contig_is_read_alone(study, alone, joined):
    """By the callset's regions, by the index of its VCF, and by the cohort's."""
    ours, theirs = open_callset(joined.callset), open_callset(alone.callset)
    rows, other_rows = open_cohort(joined.cohort), open_cohort(alone.cohort)
    places = [tig.name for tig in study.tigs] + [
        f"{tig.name}:{len(tig.bases) // 3 + 1}-{len(tig.bases)}" for tig in study.tigs
    ]
    for place in places:
        assert decoded(ours.sites(place)) == decoded(theirs.sites(place))
        assert decoded(ours.genotypes(place, ["p4", "p1"])) == decoded(theirs.genotypes(place, ["p4", "p1"]))
        for kind in ("variants", "blocks"):
            one, other = (getattr(cohort.read_region(each, place), kind) for each in (rows, other_rows))
            assert decoded(one) == decoded(other)
    lines = [line for line in records(joined.vcf) if not line.startswith("#")]
    with pysam.TabixFile(str(joined.vcf)) as indexed:
        for tig in study.tigs:
            expected = [line for line in lines if line.startswith(f"{tig.name}\t")]
            assert (list(indexed.fetch(tig.name)) if tig.name in indexed.contigs else []) == expected


@pytest.mark.parametrize(
    ("storing", "few"),
    [(EACH_ALONE, WINDOWS), (TOGETHER[1], WINDOWS), (TOGETHER[1], NEIGHBOURS)],
    ids=["alone", "together", "some windows in each shard"],
)
def test_intervals_give_just_the_records_inside(tmp_path, study, alone, storing, few):
    requested = ("tig3", "tig9:1-200", "tig9:250-400", "HLA-A*13:01", "tig16:100-300", "tig19")
    part = run(tmp_path, study, storing, pipeline.Intervals(included=requested), few_rows=(few,))
    inside = [
        row for place in requested for row in open_callset(alone.callset).sites(_clipped(study, place)).to_pylist()
    ]
    wanted = {f"{row['contig']}\t{row['pos']}" for row in inside}
    whole = records(alone.vcf)
    expected = [line for line in whole if line.startswith("#") or "\t".join(line.split("\t")[:2]) in wanted]
    assert wanted
    assert records(part.vcf) == expected
    out = tmp_path / "exported.vcf.gz"
    with open_scatter("inline") as scatter:
        steps.export(
            alone.callset,
            str(out),
            scatter=scatter,
            progress=Silent(),
            options=pipeline.ExportOptions(intervals=pipeline.Intervals(included=requested)),
        )
    assert records(out) == expected


def _clipped(study: Study, place: str) -> str:
    name, _, bases = place.partition(":") if place.startswith("tig") else (place, "", "")
    length = next(len(tig.bases) for tig in study.tigs if tig.name == name)
    return f"{name}:{bases.split('-')[0]}-{min(int(bases.split('-')[1]), length)}" if bases else place


def test_bases_without_variants_are_those_of_each_contig(tmp_path, study):
    every = pipeline.Intervals(included=("tig3", "HLA-A*4:01", "tig5:1-90"), non_variant=True)
    together, each = (
        run(tmp_path / name, study, storing, every, few_rows=(ALL,))
        for name, storing in (("a", TOGETHER[1]), ("b", EACH_ALONE))
    )
    assert records(together.vcf) == records(each.vcf)
    assert len(records(each.vcf)) > 100


GROWTH = {
    "windows": (WINDOWS, WINDOWS),
    "shards of some windows, of which more people make other ones": (NEIGHBOURS, NEIGHBOURS),
    "windows that share a shard from now on": (WINDOWS, ALL),
    "windows that shared a shard": (ALL, WINDOWS),
}


@pytest.mark.slow
@pytest.mark.parametrize("few", GROWTH.values(), ids=GROWTH.keys())
def test_a_callset_grows_where_contigs_share_shards(tmp_path, study, alone, few):
    grown = run(tmp_path, study, TOGETHER[1], people=(4, 6), few_rows=few)
    assert records(grown.vcf) == records(alone.vcf)
    assert tables(grown.callset) == tables(alone.callset)


@pytest.mark.slow
def test_more_people_make_other_shards(tmp_path, study):
    """So that growth over a cut that changes is what is tested above."""
    names = []
    for people in ((4,), (6,)):
        made = run(tmp_path / str(people[0]), study, TOGETHER[1], people=people, few_rows=(NEIGHBOURS,))
        names.append([shard.name for shard in open_callset(made.callset).shards])
    assert names[0] != names[1]
    assert min(map(len, names)) > 1


@pytest.mark.slow
def test_sites_apart_share_shards_of_many_contigs(tmp_path, study, alone):
    options = {"window_bp": 4_000, "batch_size": 2, "reference": study.reference}
    split = [study.gvcfs[:3], study.gvcfs[3:]]
    study_run = Hybrid(
        tmp_path / "work", split, ("stays", "stays"), options=options, roots=[str(Path(study.reference).parent)]
    )
    study_run.run()
    assert study_run.sites() == decoded(open_callset(alone.callset).sites()).to_pylist()


def test_a_region_of_a_joint_run_touches_what_it_needs(tmp_path, study, alone):
    out = tmp_path / "part.vcf.gz"
    plan = pipeline.JointOptions(
        listed=str(_map(tmp_path, study.gvcfs)),
        reference_url=study.reference,
        out_url=str(out),
        intervals=pipeline.Intervals(included=("tig7", "tig8")),
    )
    _, receipt = steps.joint(plan, progress=Silent())
    assert receipt.figures["shards"] == 1
    whole = [line for line in records(alone.vcf) if line.startswith(("#", "tig7\t", "tig8\t"))]
    assert records(out) == whole
