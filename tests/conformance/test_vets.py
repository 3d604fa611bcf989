"""VETS by the real GATK and by ours, on real people and on wilder sites than any cohort's: every value equal."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pysam
import pytest

import genocloud
from genocloud import annotations, schema
from genocloud.filters import vets as filtering
from tests.conformance import oracle, vets
from tests.conformance.dialect_files import Source, write_dialects
from tests.support import callset_tables, vcf_text

pytestmark = [
    pytest.mark.conformance,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        not vets.PYTHON.exists() and os.environ.get("CI") != "true", reason="needs GATK's Python; make conformance"
    ),
]
SHARED = Path(os.environ.get("GENOCLOUD_SHARED", Path(__file__).resolve().parents[3] / "shared"))
REAL = SHARED / "data" / "1kg_chr22"
COHORTS = os.environ.get("GENOCLOUD_COHORTS", "").split()
"""More folders to compare, as shared/bench/simcohort.py writes them."""
MODES = {"alleles": filtering.ALLELE_ANNOTATIONS, "sites": filtering.SITE_ANNOTATIONS}


@pytest.fixture(scope="module")
def people(tmp_path_factory) -> tuple[Path, schema.Sites]:
    """24 real people, called jointly by us: VCF and SITES."""
    if not REAL.exists():
        pytest.skip(f"no {REAL}: the real gVCFs are not here")
    folder = tmp_path_factory.mktemp("people")
    lines = [line.split() for line in (REAL / "map.tsv").read_text().splitlines()]
    write_dialects(
        [Source(name, str(REAL / Path(place).name)) for name, place in lines], REAL.parent / "dialects", folder
    )
    vcf = oracle.joint(folder, "people.vcf.gz", *oracle.BOTH_GROUPS, "--callset", folder / "callset")
    return vcf, genocloud.open_callset(folder / "callset").sites()


@pytest.fixture(scope="module")
def wild(tmp_path_factory) -> tuple[Path, schema.Sites]:
    """Sites with many ALTs of all types, values of any size and missing ones, filtered sites, on two contigs."""
    random = Random(5)
    rows = [
        row | dict.fromkeys(("MQMedian", "ExcessHetMedian"))  # SITES have one of the two
        for contig in ("chr1", "chr2")
        for row in callset_tables.site_rows(random, contig, range(100, 20_000, 13), 0.2)
    ]
    table = callset_tables.as_table(rows, annotations.SITES)
    columns = {each.vcf: each for each in annotations.SITE_COLUMNS if each.vcf.startswith("INFO/")}
    header = ["##fileformat=VCFv4.2", '##FILTER=<ID=LowQual,Description="d">']
    header += [f"##contig=<ID={each.name},length={each.length}>" for each in callset_tables.CONTIGS]
    header += [
        f'##INFO=<ID={key.removeprefix("INFO/")},Number={each.number},Type={each.kind},Description="d">'
        for key, each in columns.items()
    ]
    place = tmp_path_factory.mktemp("wild") / "wild.vcf"
    lines = "".join(vcf_text.line(row, []) for row in table.to_pylist())
    place.write_text("\n".join([*header, "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"]) + "\n" + lines)
    pysam.tabix_index(str(place), preset="vcf")
    return Path(f"{place}.gz"), table


def held_to_gatk(data: tuple[Path, schema.Sites], names: Sequence[str], folder: Path) -> Counter[str]:
    """What was compared: each site's printed values; to the last bit, each allele's score and what was trained on."""
    vcf, sites = data
    resources = vets.write_resources(sites, folder)
    scored = vets.theirs(vcf, names, resources, folder)
    result = vets.ours(sites, names, resources)
    ours = vets.judged(result)
    assert ours == vets.read_judged(scored)
    matrix = vets.read_numbers(folder / "extract.annot.hdf5", "annotations")
    np.testing.assert_array_equal(matrix, np.array(result.rows["values"].to_pylist(), float))
    for label in ("snp", "training", "calibration"):
        flags = vets.read_numbers(folder / "extract.annot.hdf5", f"labels/{label}")
        assert flags.tolist() == result.rows[label].to_pylist()
    scores = vets.read_numbers(folder / "score.scores.hdf5", "data/scores")
    assert scores.tolist() == each_score(result.scores, filtering.is_by_allele(names))
    kinds = Counter("SNP" if each[2] else "indel" for each in ours if each)
    return Counter(sites=len(ours), labelled=len(matrix), scores=len(scores)) + kinds


def each_score(scores: schema.AlleleScores, by_allele: bool) -> list[float]:
    """Of each allele, or once for each site."""
    rows = [[each for each in row if each is not None] for row in scores["SCORE"].to_pylist()]
    return [each for row in rows for each in (row if by_allele else row[:1])]


def has_values(column: pa.ChunkedArray) -> bool:
    values = pc.list_flatten(column) if pa.types.is_list(column.type) else column
    return values.null_count < len(values)


@pytest.mark.parametrize("mode", MODES)
def test_people(people, mode, tmp_path, say):
    names = [name for name in MODES[mode] if not name.endswith("RankSum")]  # few of the indels have one
    counts = held_to_gatk(people, names, tmp_path)
    say(f"VETS of 24 real people, by {mode}", counts)
    assert counts["sites"] == 257
    assert min(counts["SNP"], counts["indel"]) > 10


@pytest.mark.parametrize("mode", MODES)
def test_wild_sites(wild, mode, tmp_path, say):
    counts = held_to_gatk(wild, MODES[mode], tmp_path)
    say(f"VETS of wild sites, by {mode}", counts)
    assert counts["sites"] > 3_000
    assert min(counts["SNP"], counts["indel"]) > 200


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("cohort", COHORTS)
def test_cohorts(cohort, mode, tmp_path, say):
    vcf, inputs = tmp_path / "cohort.vcf.gz", ("-R", f"{cohort}/ref.fa", f"{cohort}/samples.tsv")
    oracle.run(oracle.GENOCLOUD, "joint", "-o", vcf, "--callset", tmp_path / "callset", *oracle.BOTH_GROUPS, *inputs)
    sites = genocloud.open_callset(tmp_path / "callset").sites()
    names = [name for name in MODES[mode] if has_values(sites[name])]  # GATK refuses those that are missing everywhere
    counts = held_to_gatk((vcf, sites), names, tmp_path)
    say(f"VETS of {cohort}, by {mode}", counts)
    assert min(counts["SNP"], counts["indel"]) > 0
