"""What was discovered everywhere, or in wider intervals, is genotyped in any: the records are those of the whole."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from genocloud import pipeline, steps
from genocloud.cli import main
from genocloud.cohort import open_cohort
from genocloud.genotypes import Model
from genocloud.pipeline import sharding
from genocloud.scatter.executors import open_scatter
from genocloud.scatter.progress import Silent
from tests.conftest import sample_map
from tests.support.decoded_callsets import records
from tests.support.short_contigs import make_tigs, write_person, write_reference

SHARED, CUT = pipeline.IngestOptions(), pipeline.IngestOptions(window_bp=900, batch_size=2)


@dataclass(frozen=True)
class Study:
    """A reference of short contigs; cohorts over it by name, not discovered; the records of the whole."""

    reference: str
    cohorts: dict[str, str]
    whole: list[str]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Contigs share one window in `shared`, and have many each in `cut`."""
    folder, random = tmp_path_factory.mktemp("study"), Random(11)
    tigs = make_tigs(random, 20)
    reference = str(write_reference(folder, tigs))
    sheet = str(sample_map(folder, [write_person(random, folder, f"p{number}", tigs) for number in range(4)]))
    cohorts = {"shared": str(folder / "shared"), "cut": str(folder / "cut")}
    with open_scatter("inline") as scatter:
        for url, storing in zip(cohorts.values(), (SHARED, CUT), strict=True):
            steps.ingest(url, sheet, reference, options=storing, scatter=scatter, progress=Silent())
    out = folder / "whole.vcf.gz"
    steps.joint(pipeline.JointOptions(listed=sheet, reference_url=reference, out_url=str(out)), progress=Silent())
    return Study(reference, cohorts, records(out))


def inside(study: Study, *places: str) -> list[str]:
    """The header, and the records of the whole whose POS lies in some contigs or regions."""

    def wanted(line: str) -> bool:
        contig, pos = line.split("\t")[:2]
        for place in places:
            name, _, bases = place.partition(":") if place.startswith("tig") else (place, "", "")
            first, _, last = (bases or "1-1000000").partition("-")
            if name == contig and int(first) <= int(pos) <= int(last):
                return True
        return False

    return [line for line in study.whole if line.startswith("#") or wanted(line)]


def genotyped(
    study: Study, folder: Path, kind: str, discovered: list[tuple[str, ...]], requested: tuple[str, ...], *options: str
) -> list[str]:
    """Records of `genotype` in some intervals after `discover` in others, one run after another."""
    cohort, callset, out = str(folder / "cohort"), str(folder / "callset"), folder / "out.vcf.gz"
    shutil.copytree(study.cohorts[kind], cohort)
    for places in discovered:
        assert main(["discover", cohort, *intervals(places), "-R", study.reference, *options]) == 0
    assert main(["genotype", cohort, callset, *intervals(requested), *options]) == 0
    assert main(["export", callset, str(out)]) == 0
    return records(out)


def intervals(places: tuple[str, ...]) -> list[str]:
    return [word for place in places for word in ("-L", place)]


WIDE = ("tig3", "tig9:1-330", "HLA-A*13:01", "tig16:30-300", "tig19")
ORDERS = {
    "everywhere, then a contig": ([()], ("tig9",)),
    "everywhere, then inside a contig": ([()], ("tig9:100-330",)),
    "everywhere, then some": ([()], WIDE),
    "a contig, then itself": ([("tig9",)], ("tig9",)),
    "a contig, then inside it": ([("tig9",)], ("tig9:100-330",)),
    "some, then fewer": ([WIDE], ("tig9:100-330", "tig19")),
    "some, then the last": ([WIDE], ("tig19",)),
    "inside, then everywhere, then inside": ([("tig9:100-330",), ()], ("tig9:50-200",)),
    "half and half, then both": ([("tig9:1-200",), ("tig9:201-330",)], ("tig9:100-330",)),
    "each alone, then both": ([("tig3",), ("tig9",)], ("tig3", "tig9")),
}


@pytest.mark.parametrize(("discovered", "requested"), ORDERS.values(), ids=ORDERS.keys())
def test_of_contigs_that_share_a_window_any_discovered_part_is_genotyped(tmp_path, study, discovered, requested):
    expected = inside(study, *requested)
    assert len(expected) > len(inside(study))
    assert genotyped(study, tmp_path, "shared", discovered, requested) == expected


@pytest.mark.parametrize("order", ["everywhere, then some", "some, then fewer", "half and half, then both"])
def test_of_a_contig_with_many_windows_any_discovered_part_is_genotyped(tmp_path, study, order):
    discovered, requested = ORDERS[order]
    assert genotyped(study, tmp_path, "cut", discovered, requested) == inside(study, *requested)


def test_the_step_takes_what_was_discovered_elsewhere_as_the_command_does(tmp_path, study):
    url, out = str(tmp_path / "cohort"), tmp_path / "out.vcf.gz"
    shutil.copytree(study.cohorts["cut"], url)
    stored_cohort = open_cohort(url)
    some = pipeline.Intervals(included=("tig9:100-330", "tig19")).targets(stored_cohort.contigs)
    whole, part = pipeline.cut_genome(stored_cohort), pipeline.cut_genome(stored_cohort, targets=some)
    with open_scatter("inline") as scatter:
        steps.discover(stored_cohort, whole, scatter=scatter, progress=Silent())
        steps.genotype(
            stored_cohort, str(tmp_path / "part"), model=Model(), cut=part, scatter=scatter, progress=Silent()
        )
        steps.export(str(tmp_path / "part"), str(out), scatter=scatter, progress=Silent())
    assert records(out) == inside(study, "tig9:100-330", "tig19")


@pytest.mark.parametrize("rows", [(0, 1 << 14), (1 << 14, 0)], ids=["windows, then shards of many", "the reverse"])
def test_what_was_discovered_before_windows_shared_shards_is_genotyped(tmp_path, study, monkeypatch, rows):
    cohort, callset, out = str(tmp_path / "cohort"), str(tmp_path / "callset"), tmp_path / "out.vcf.gz"
    shutil.copytree(study.cohorts["cut"], cohort)
    monkeypatch.setattr(sharding, "FEW_ROWS", rows[0])
    assert main(["discover", cohort]) == 0
    monkeypatch.setattr(sharding, "FEW_ROWS", rows[1])
    assert main(["genotype", cohort, callset]) == 0
    assert main(["export", callset, str(out)]) == 0
    assert records(out) == study.whole


def test_sites_without_variants_are_genotyped_in_part_of_where_they_were_discovered(tmp_path, study):
    every, requested = "--include-non-variant-sites", ("tig3", "tig9:100-330")
    part = genotyped(study, tmp_path / "part", "shared", [("tig2", "tig3", "tig9")], requested, every)
    assert part == genotyped(study, tmp_path / "alone", "shared", [requested], requested, every)
    assert len(part) > 10 * len(inside(study, *requested)) - 9 * len(inside(study))


@pytest.mark.parametrize(
    ("discovered", "requested"),
    [
        (["-L", "tig3"], ["-L", "tig9"]),
        (["-L", "tig9:100-330"], ["-L", "tig9"]),
        (["-L", "tig9:100-330"], []),
        ([], ["--include-non-variant-sites"]),
    ],
)
def test_what_was_not_discovered_is_refused_with_the_remedy(tmp_path, study, capsys, discovered, requested):
    cohort = str(tmp_path / "cohort")
    shutil.copytree(study.cohorts["shared"], cohort)
    assert main(["discover", cohort, *discovered]) == 0
    assert main(["genotype", cohort, str(tmp_path / "callset"), *requested]) == 4
    error_text = capsys.readouterr().err
    assert (
        "run `genocloud discover` on this cohort first, with the same intervals and force-output sites, or wider"
        in error_text
    )


def test_sites_without_variants_are_discovered_where_a_deletion_reaches_in_from_upstream(tmp_path, study):
    """The shard upstream begins at the deletion's record, and is written with what it was discovered for."""
    shutil.copytree(study.cohorts["shared"], tmp_path / "cohort")
    rows = [line.split("\t") for line in study.whole if not line.startswith("#")]
    contig, pos = next((row[0], int(row[1])) for row in rows if len(row[3]) > 2)
    place = f"{contig}:{pos + 1}-{pos + 1}"
    words = ["discover", str(tmp_path / "cohort"), "-L", place, "--include-non-variant-sites", "-R", study.reference]
    assert main(words) == 0
