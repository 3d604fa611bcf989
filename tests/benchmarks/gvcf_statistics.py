"""Statistics of real gVCFs, as quantiles: what the people of `scale_cohort` are made of.

usage: python -m tests.benchmarks.gvcf_statistics USUAL.g.vcf.gz HARD.g.vcf.gz... > gvcf_statistics.yaml

Reference blocks are first merged as a caller with GQ bands 20, 30 and 40 would write them. How long they are and what
follows what is taken from the first file; depths and likelihoods are those of all files together.
"""

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import yaml

from genocloud import gvcf
from genocloud.schema import numbers, ragged

Array = npt.NDArray[Any]

PROBABILITIES = (0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999, 1)
"""Where quantiles are taken; the tail is dense, as half of a genome lies in its longest blocks."""

BANDS = (1, 20, 30, 40)
"""The least GQ of the second kind of block and of those that follow; blocks of GQ 0 and up to 19 are one GQ band."""

HEAD = """\
# Statistics of real gVCFs of GATK's HaplotypeCaller, made by
#   python -m tests.benchmarks.gvcf_statistics HG00268.g.vcf.gz 1kg_chr22/*.g.vcf.gz > gvcf_statistics.yaml
# The first: targets on chr20 and chr21 of a person sequenced at 40x. The others: 24 people of the 1000 Genomes Project,
# where chr22 begins, a region to which few reads map. Kinds of block: GQ 0, 1 to 19, 20 to 29, 30 to 39, 40 and more.
# `after` has how often each kind comes next; each other list has the quantiles at `probabilities`.
"""


def read(url: str) -> tuple[pa.Table, pa.Table]:
    """A gVCF's rows of VARIANTS and of BLOCKS."""
    pieces = list(gvcf.read_rows(url, gvcf.read_header(url).contigs))
    return tuple(pa.Table.from_batches([getattr(each, kind) for each in pieces]) for kind in ("variants", "blocks"))


def merged(blocks: pa.Table) -> dict[str, Array]:
    """Neighbouring blocks of one GQ band as one, which has the least of each number."""
    columns = {name: numbers(blocks[name]) for name in ("contig", "start", "stop", "dp", "min_dp", "pl1", "pl2", "gq")}
    band = np.searchsorted(BANDS[1:], columns["gq"], side="right")
    new = np.ones(len(band), bool)
    new[1:] = (np.diff(band) != 0) | (np.diff(columns["contig"]) != 0) | (columns["start"][1:] != columns["stop"][:-1])
    firsts = np.flatnonzero(new)
    least = {name: np.minimum.reduceat(columns[name], firsts) for name in ("min_dp", "pl1", "pl2", "gq")}
    length = np.add.reduceat(columns["stop"] - columns["start"], firsts)
    return least | {
        "length": length,
        "dp": np.add.reduceat(columns["dp"] * (columns["stop"] - columns["start"]), firsts) // length,
        "kind": np.searchsorted(BANDS, least["gq"], side="right"),
        "touches": np.append(columns["start"][firsts[1:]] == columns["stop"][firsts[1:] - 1], False),
    }


def quantiles(values: Array) -> list[float]:
    return [float(f"{value:.3g}") for value in np.quantile(values, PROBABILITIES)]


def block_statistics(blocks: Mapping[str, Array], usual: Mapping[str, Array]) -> list[dict[str, Any]]:
    """Of each kind of block: how often each kind comes after it where no variant does, and quantiles."""
    kinds = []
    for kind in range(len(BANDS) + 1):
        rows = blocks["kind"] == kind
        pl1, pl2, least = (blocks[name][rows] for name in ("pl1", "pl2", "min_dp"))
        ends = np.flatnonzero((usual["kind"] == kind) & usual["touches"])
        after = np.bincount(usual["kind"][ends + 1], minlength=len(BANDS) + 1)
        kinds.append(
            {
                "after": [float(f"{share:.3g}") for share in after / after.sum()],
                "length": quantiles(usual["length"][usual["kind"] == kind]),
                "pl1": quantiles(pl1),
                "pl2": quantiles(pl2 if kind == 0 else pl2 / pl1),
                "min_dp": quantiles(least if kind == 0 else least / pl1),
                "dp": quantiles(blocks["dp"][rows] - least),
            }
        )
    return kinds


def variant_statistics(tables: list[pa.Table]) -> dict[str, Any]:
    """Of variants with one ALT beside the symbolic one: depth, the ALT's share of reads, phred lost by a read."""
    values_of: dict[str, list[float]] = {
        name: [] for name in ("depth", "het_share", "het_loss", "hom_ref_share", "hom_loss")
    }
    phased = total = 0
    for table in tables:
        (ads, ad), (pls, pl) = ragged(table["ad"]), ragged(table["pl"])
        phased += len(table) - table["pid"].null_count
        total += len(table)
        for row in np.flatnonzero((np.diff(ads) == 3) & (np.diff(pls) == 6)):
            (ref, alt, _), (none, one, two) = ad[ads[row] : ads[row + 1]], pl[pls[row] : pls[row] + 3]
            depth = int(ref + alt)
            if not alt or min(none, one, two) == none:
                continue
            values_of["depth"].append(depth)
            if one == 0:  # PL 0/0 = ALT reads * loss - what all reads lose at a het, 3.01 each
                values_of["het_share"].append(alt / depth)
                values_of["het_loss"].append((none + 3.01 * depth) / alt)
            else:
                values_of["hom_ref_share"].append(ref / depth)
                values_of["hom_loss"].append(none / alt)
    return {"phased": float(f"{phased / total:.3g}")} | {
        name: quantiles(np.array(values)) for name, values in values_of.items()
    }


def main() -> None:
    files = [read(url) for url in sys.argv[1:]]
    each = [merged(blocks) for _, blocks in files]
    usual = each[0]
    together = {name: np.concatenate([one[name] for one in each]) for name in usual}
    table = {
        "probabilities": list(PROBABILITIES),
        "blocks": block_statistics(together, usual),
        "variants": variant_statistics([variants for variants, _ in files]),
    }
    print(HEAD + yaml.safe_dump(table, sort_keys=False, default_flow_style=None, width=160), end="")


if __name__ == "__main__":
    main()
