"""Pairs, homozygosity and components equal straightforward loops, and plink2 on the same sites."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from genocloud.qc import kinship
from genocloud.qc.components import components
from genocloud.qc.inbreeding import homozygosity
from genocloud.qc.kinship import (
    CUTOFFS,
    NOISE,
    KingCounts,
    block_pairs,
    count_pairs,
    least_listed,
    relationship,
    unrelated_ibs0,
)
from genocloud.qc.packed_genotypes import MISSING, PackedGenotypes, pack, unpack
from genocloud.qc.relatives import unrelated
from genocloud.qc.sex import LEAST_F_OF_XY, MOST_F_OF_XX

needs_plink2 = pytest.mark.skipif(not shutil.which("plink2"), reason="plink2 is not on the PATH")
needs_plink1 = pytest.mark.skipif(not shutil.which("plink1.9"), reason="plink1.9 is not on the PATH")

TEXTS = ("0/0", "0/1", "1/1", "./.")


def packed_of(codes: np.ndarray) -> PackedGenotypes:
    sites = len(codes)
    return PackedGenotypes(
        contigs=np.full(sites, "1"),
        positions=np.arange(1, sites + 1) * 1000,
        refs=np.full(sites, "A"),
        alts=np.full(sites, "G"),
        ranks=np.arange(sites, dtype=np.uint64),
        packed=pack(codes),
        samples=codes.shape[1],
    )


def family_codes(seed: int, sites: int, founders: int = 9, missing: float = 0.02) -> np.ndarray:
    """Founders, then a child of the first two, its sibling, a grandchild, and a copy of the first."""
    random = np.random.default_rng(seed)
    p = random.uniform(0.05, 0.95, sites)
    haplotypes = [tuple((random.random((2, sites)) < p).astype(np.uint8)) for _ in range(founders)]

    def child(father, mother):
        return tuple(np.where(random.random(sites) < 0.5, *parent) for parent in (father, mother))

    children = [child(*haplotypes[:2]), child(*haplotypes[:2])]
    children.append(child(children[0], haplotypes[2]))
    codes = np.stack([sum(pair) for pair in [*haplotypes, *children, haplotypes[0]]], axis=1).astype(np.uint8)
    codes[random.random(codes.shape) < missing] = MISSING
    return codes


def pairs_of(codes: np.ndarray, least: float = -1e9, **options) -> KingCounts:
    tasks = block_pairs(pack(codes), codes.shape[1], least, **options)
    return KingCounts.joined(map(count_pairs, tasks))


def looped(codes: np.ndarray, one: int, other: int) -> dict[str, int]:
    rows = [(int(a), int(b)) for a, b in zip(codes[:, one], codes[:, other], strict=True) if MISSING not in (a, b)]
    return {
        "first": one,
        "second": other,
        "sites": len(rows),
        "hethet": rows.count((1, 1)),
        "ibs0": rows.count((0, 2)) + rows.count((2, 0)),
        "het1hom2": sum(a == 1 and b != 1 for a, b in rows),
        "het2hom1": sum(b == 1 and a != 1 for a, b in rows),
        "homalts": rows.count((2, 2)),
    }


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("sites", [40, 133])
def test_counts_of_pairs_are_those_of_a_loop(seed, sites, monkeypatch):
    monkeypatch.setattr(kinship, "SAMPLES_AT_ONCE", 4)
    monkeypatch.setattr(kinship, "SITES_AT_ONCE", 50)
    codes = family_codes(seed, sites, missing=0.2 * seed)
    pairs = pairs_of(codes)
    names = KingCounts.__dataclass_fields__
    rows = [
        dict(zip(names, row, strict=True))
        for row in zip(*(getattr(pairs, name).tolist() for name in names), strict=True)
    ]
    samples = codes.shape[1]
    expected = [looped(codes, one, other) for one in range(samples) for other in range(one + 1, samples)]
    assert rows == [row for row in expected if row["hethet"] + min(row["het1hom2"], row["het2hom1"]) > 0]


@pytest.mark.parametrize("missing", [0.0, 0.02, 0.3])
@pytest.mark.parametrize("least", [-0.1, 0.0, 0.1, 0.3])
def test_pairs_below_the_least_kinship_are_left_out_unless_wanted(missing, least):
    codes = family_codes(1, 400, missing=missing)
    some, all_pairs = pairs_of(codes, least, wanted=[(3, 2)]), pairs_of(codes)
    chosen = (all_pairs.kinship >= least) | ((all_pairs.first == 2) & (all_pairs.second == 3))
    for name in KingCounts.__dataclass_fields__:
        assert getattr(some, name).tolist() == getattr(all_pairs, name)[chosen].tolist()


def test_strangers_are_not_listed_at_few_sites():
    codes = np.random.default_rng(8).binomial(2, 0.4, (600, 300)).astype(np.uint8)
    kinship_of_all = pairs_of(codes).kinship
    assert 0.6 < kinship_of_all.std() * 600**0.5 / NOISE < 1
    assert kinship_of_all.max() < least_listed(600)
    assert least_listed(25_000) == CUTOFFS["third degree"]


def test_relatives_have_their_names():
    codes = family_codes(5, 8000)
    pairs = pairs_of(codes)
    ratios = pairs.ibs0 / pairs.sites / unrelated_ibs0(packed_of(codes))
    names = {
        (one, other): relationship(phi, ratio)
        for one, other, phi, ratio in zip(pairs.first, pairs.second, pairs.kinship, ratios, strict=True)
    }
    assert names[0, 12] == "duplicate"
    assert names[0, 9] == names[1, 10] == names[9, 11] == "parent and child"
    assert names[9, 10] == "siblings"
    assert names[0, 11] == names[10, 11] == "second degree"
    assert names[2, 9] == names[3, 4] == "unrelated"


@pytest.mark.parametrize("samples", range(10))
def test_packing_is_undone(samples):
    codes = np.random.default_rng(samples).integers(0, 4, (7, samples)).astype(np.uint8)
    assert np.array_equal(unpack(pack(codes), samples), codes)
    assert unpack(pack(codes[:0]), samples).shape == (0, samples)


def test_many_samples_have_the_components_of_the_whole_matrix():
    random = np.random.default_rng(3)
    p = random.uniform(0.1, 0.9, (3, 600))
    codes = np.concatenate([random.binomial(2, p[group], (60, 600)) for group in range(3)]).T.astype(np.uint8)
    whole, projected = components(packed_of(codes), 3), components(packed_of(codes), 3, most_exact=10)
    assert projected.values == pytest.approx(whole.values, rel=1e-6)
    assert projected.vectors[:, :2] == pytest.approx(whole.vectors[:, :2], abs=1e-5)


@pytest.mark.parametrize("most_exact", [10, 2048])
def test_a_family_is_projected_where_its_people_belong(most_exact):
    """Two populations, and a family of twelve children, which makes a component of its own where it is used."""
    random = np.random.default_rng(6)
    p = random.uniform(0.1, 0.9, (2, 1500))
    founders = np.concatenate([random.random((30, 2, 1500)) < p[group] for group in range(2)])
    children = [[pair[random.integers(0, 2, 1500), np.arange(1500)] for pair in founders[:2]] for _ in range(12)]
    codes = np.concatenate([founders, np.array(children)]).sum(axis=1).T.astype(np.uint8)
    pairs = pairs_of(codes, 0.05)
    used = unrelated(72, pairs)
    assert used.tolist() == [True] * 60 + [False] * 12
    ours = components(packed_of(codes), 2, used, most_exact=most_exact)
    of_used = components(packed_of(codes[:, :60]), 2, most_exact=most_exact)
    assert ours.vectors[:60] == pytest.approx(of_used.vectors)
    first = ours.vectors[:, 0] * np.sign(ours.vectors[0, 0])
    assert first[:30].min() > 0 > first[30:60].max()
    assert first[60:] == pytest.approx(np.full(12, first[:2].mean()), abs=0.05)


def test_who_is_projected_where_it_was_used_has_the_same_place():
    codes = family_codes(2, 900, founders=20, missing=0.0)
    twice = np.concatenate([codes, codes[:, :5]], axis=1)
    used = np.arange(twice.shape[1]) < codes.shape[1]
    ours = components(packed_of(twice), 3, used)
    assert ours.vectors[-5:] == pytest.approx(ours.vectors[:5])


def test_no_sites_and_one_sample_have_no_pairs_nor_components():
    nothing = packed_of(np.zeros((0, 5), np.uint8))
    assert len(pairs_of(np.zeros((0, 5), np.uint8)).first) == 0
    assert components(nothing, 4).vectors.shape == (5, 0)
    assert np.isnan(homozygosity(nothing).coefficient).all()
    assert len(pairs_of(np.ones((5, 1), np.uint8)).first) == 0


def written_vcf(path: Path, codes: np.ndarray, contig: str) -> Path:
    samples = [f"s{number:03}" for number in range(codes.shape[1])]
    lines = ["##fileformat=VCFv4.2", f"##contig=<ID={contig}>", '##FORMAT=<ID=GT,Number=1,Type=String,Description="">']
    lines.append("\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *samples]))
    for site, row in enumerate(codes, 1):
        place = [contig, str(10_000_000 + site * 1000), f"v{site}"]  # of X, behind the first pseudo-autosomal region
        lines.append("\t".join([*place, "A", "G", ".", ".", ".", "GT", *(TEXTS[code] for code in row)]))
    path.write_text("\n".join(lines) + "\n")
    return path


def run_plink(program: str, vcf: Path, *words: str) -> Path:
    command = [program, "--vcf", vcf, "--threads", "1", "--out", vcf.parent / "out", *words]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return vcf.parent


@pytest.fixture
def plink2(tmp_path):
    def run(codes: np.ndarray, *words: str) -> Path:
        return run_plink("plink2", written_vcf(tmp_path / "sites.vcf", codes, "1"), "--bad-freqs", *words)

    return run


def rows_of(path: Path) -> list[dict[str, str]]:
    header, *lines = path.read_text().splitlines()
    return [dict(zip(header.lstrip("#").split("\t"), line.split("\t"), strict=True)) for line in lines]


@needs_plink2
@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_plink2_counts_the_same_pairs(plink2, missing):
    codes = family_codes(11, 3000, missing=missing)
    folder = plink2(codes, "--make-king-table", "counts", "cols=id,nsnp,hethet,ibs0,ibs1,kinship")
    theirs = {(row["IID1"], row["IID2"]): row for row in rows_of(folder / "out.kin0")}
    pairs = pairs_of(codes)
    assert len(theirs) == len(pairs.first)
    for row in range(len(pairs.first)):
        names = [f"s{place:03}" for place in (pairs.second[row], pairs.first[row])]
        other = theirs[tuple(names)]
        # IID1 is the later sample there, and yet HET1_HOM2 counts where the earlier one is heterozygous.
        hets = [int(other["HET1_HOM2"]), int(other["HET2_HOM1"])]
        ours = [pairs.sites[row], pairs.hethet[row], pairs.ibs0[row], pairs.het1hom2[row], pairs.het2hom1[row]]
        expected = [int(other[name]) for name in ("NSNP", "HETHET", "IBS0")]
        assert ours == expected + hets, names
        assert pairs.kinship[row] == pytest.approx(float(other["KINSHIP"]), abs=1e-6)


@needs_plink2
def test_plink2_has_the_same_homozygosity(plink2):
    codes = family_codes(12, 2000, founders=60)
    ours = homozygosity(packed_of(codes))
    rows = rows_of(plink2(codes, "--het") / "out.het")
    assert ours.observed.tolist() == [int(row["O(HOM)"]) for row in rows]
    assert ours.called.tolist() == [int(row["OBS_CT"]) for row in rows]
    assert ours.expected == pytest.approx([float(row["E(HOM)"]) for row in rows], rel=1e-5)
    assert ours.coefficient == pytest.approx([float(row["F"]) for row in rows], abs=1e-5)


@needs_plink1
def test_plink_has_the_same_f_of_x(tmp_path):
    """--check-sex, which plink2 has in later versions than Linux distributions: men are hom-ref or hom-ALT."""
    codes = family_codes(13, 2000, founders=60)
    codes[:, ::2] = np.where(codes[:, ::2] == 1, 2 * (np.arange(len(codes)) % 2)[:, None], codes[:, ::2])
    ours = homozygosity(packed_of(codes)).coefficient
    vcf = written_vcf(tmp_path / "sites.vcf", codes, "X")
    header, *lines = (run_plink("plink1.9", vcf, "--check-sex") / "out.sexcheck").read_text().splitlines()
    theirs = [float(line.split()[header.split().index("F")]) for line in lines]
    assert ours == pytest.approx(theirs, rel=6e-4, abs=1e-6)  # four digits are printed
    assert ours[::2].min() > LEAST_F_OF_XY
    assert ours[1::2].max() < MOST_F_OF_XX


@needs_plink2
def test_plink2_has_the_same_components_up_to_their_sign(plink2):
    random = np.random.default_rng(4)
    p = random.uniform(0.1, 0.9, (3, 1500))
    codes = np.concatenate([random.binomial(2, p[group], (25, 1500)) for group in range(3)]).T.astype(np.uint8)
    codes[random.random(codes.shape) < 0.01] = MISSING
    ours = components(packed_of(codes), 4)
    folder = plink2(codes, "--pca", "4", "meanimpute")
    vectors = np.array([[float(row[f"PC{n}"]) for n in range(1, 5)] for row in rows_of(folder / "out.eigenvec")])
    values = [float(line) for line in (folder / "out.eigenval").read_text().split()]
    assert ours.values == pytest.approx(values, rel=1e-4)
    assert np.abs(ours.vectors[:, :2]) == pytest.approx(np.abs(vectors[:, :2]), abs=2e-4)
