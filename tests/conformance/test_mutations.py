"""The comparison with GATK notices: a small cohort, called by genoclouds wrong in one line, against GATK itself.

Kernels run as plain Python here, since compiling each wrong one would take a minute. GATK's records are committed;
`test_golden_is_what_gatk_gives` holds them to GATK itself, and says how to make them anew.
"""

import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import genocloud
from tests.conformance import oracle
from tests.conformance.records import Comparison, compare, read_records
from tests.support.joint_styles import SMALL, styled_contig, wild_contig

GOLDEN = Path(__file__).with_name("small.gatk-4.6.2.0.vcf.gz")
SAMPLES, WILD = 24, 4
RUN = """
import json, sys
from genocloud.cli import main
sys.exit(max(main(words) for words in json.loads(sys.argv[1])))
"""
MUTATIONS = {
    "indels as likely as SNPs": (
        "genotypes/model.py",
        "return self.indel_heterozygosity * self.ref_pseudocount",
        "return self.heterozygosity * self.ref_pseudocount",
    ),
    "REF's prior is 1": (
        "genotypes/model.py",
        "return self.heterozygosity / self.heterozygosity_stdev**2",
        "return 1.0",
    ),
    "at most 5 alternates": (
        "genotypes/model.py",
        "max_alternate_alleles: int = 6",
        "max_alternate_alleles: int = 5",
    ),
    "EM ends early": ("kernels/frequencies.py", "STOP = 0.1", "STOP = 1.0"),
    "* always kept": (
        "kernels/site_selection.py",
        "kept[k] = genuine or not is_star[first + likely[k]]",
        "kept[k] = True",
    ),
    "lower median": ("kernels/site_statistics.py", "left = total // 2", "left = (total - 1) // 2"),
    "mean for median": (
        "kernels/site_statistics.py",
        "out[cell] = values[k]",
        "out[cell] = (runs * values)[run_at[cell] : run_at[cell + 1]].sum() / total",
    ),
    "GQ too high by 10": (
        "kernels/genotyping.py",
        "second = max(second, log10)",
        "second = max(second, log10 - 1.0)",
    ),
    "PL not shifted": (
        "kernels/genotyping.py",
        "pl[at + g] = np.int32(math.floor(-10.0 * log10 + 0.5))",
        "pl[at + g] = pl[at + g]",
    ),
    "hom-ref of GQ 0 called": ("kernels/genotyping.py", "if best > 0 or second <= NOT_FLAT:", "if True:"),
    "DP in spite of MIN_DP": (
        "kernels/genotyping.py",
        "        dp = fact[MIN_DP]",
        "        dp = fact[DP]",
    ),
    "strands of deletions from upstream left out": (
        "kernels/genotyping.py",
        "        add_strands(evidence.sb, row, total)",
        "        fact[START] == site.position and add_strands(evidence.sb, row, total)",
    ),
    "NON_REF unknown to hom-refs": (
        "kernels/merged_likelihoods.py",
        "other = fact[ANY_OTHER] if fact[ANY_OTHER] > 0 else -1",
        "other = 0",
    ),
}


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    """The small cohort's files, and a cohort that holds them."""
    folder = tmp_path_factory.mktemp("small")
    made = {name: styled_contig(name, style, SAMPLES)[:2] for name, style in SMALL.items()}
    made |= {f"wild{seed:02}": wild_contig(f"wild{seed:02}", SAMPLES, seed) for seed in range(WILD)}
    contigs = {name: bases for name, (bases, _) in made.items()}
    samples = list(made["small_many"][1])
    oracle.write_cohort(
        contigs, {name: [row for _, rows in made.values() for row in rows[name]] for name in samples}, folder
    )
    oracle.run(
        oracle.GENOCLOUD, "ingest", folder / "cohort", folder / "map.tsv", "--reference", folder / "ref.fa", "--quiet"
    )
    return folder


def package(folder: Path, file: str = "", old: str = "", new: str = "") -> Path:
    """A copy of genocloud with one line of one file changed; returns the folder to import it from."""
    shutil.copytree(Path(genocloud.__file__).parent, folder / "genocloud", ignore=shutil.ignore_patterns("__pycache__"))
    if file:
        changed = folder / "genocloud" / file
        text = changed.read_text()
        assert text.count(old) == 1, f"{file} has {text.count(old)} times: {old}; mend the mutation"
        changed.write_text(text.replace(old, new))
    return folder


def called_by(importable: Path, small: Path) -> Comparison:
    """The small cohort as a copy of genocloud calls it, uncompiled, against GATK's records."""
    cohort, callset, vcf = (importable / name for name in ("cohort", "callset", "out.vcf.gz"))
    shutil.copytree(small / "cohort", cohort)
    commands = [
        ["discover", cohort, "--scatter", "inline", "--quiet"],
        ["genotype", cohort, callset, "--scatter", "inline", "--quiet", *oracle.BOTH_GROUPS],
        ["export", callset, vcf, "--quiet"],
    ]
    environment = os.environ | {"PYTHONPATH": str(importable), "NUMBA_DISABLE_JIT": "1"}
    words = [sys.executable, "-W", "ignore", "-c", RUN, json.dumps(commands, default=str)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment, cwd=importable)
    assert done.returncode == 0, done.stderr[-3000:]
    return compare(read_records(vcf), read_records(GOLDEN))


def test_unchanged_equals_gatk(small, tmp_path):
    calls = called_by(package(tmp_path), small)
    assert calls.differing() == {}
    assert calls.compared["sites"] > 60


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTATIONS)
def test_each_change_is_seen(name, small, tmp_path):
    assert called_by(package(tmp_path, *MUTATIONS[name]), small).differing() != {}


@pytest.mark.conformance
def test_golden_is_what_gatk_gives(small):
    """If the generator has changed, and so GATK's records: copy the file that is told over GOLDEN."""
    contigs = [line.split("\t")[0] for line in (small / "ref.fa.fai").read_text().splitlines()]
    oracle.gatk_import(small, contigs)
    made = oracle.gatk_genotype(small, "gatk.vcf", contigs, *oracle.BOTH_GROUPS)
    lines = [line for line in made.read_text().splitlines(keepends=True) if not line.startswith("##")]
    anew = small / GOLDEN.name
    anew.write_bytes(gzip.compress("".join(lines).encode(), mtime=0))
    assert read_records(GOLDEN) == read_records(anew), f"differs from {anew}"
