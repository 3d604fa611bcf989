"""Sums over genotypes that filters ask for, from runs of sites, are those of a walk over every genotype."""

from random import Random

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from genocloud import callset, filters, schema
from genocloud.callset.local_genotypes import localise
from tests.support import callset_tables as make
from tests.support.gnomad_adj import is_adj


def mean(values: list[int | None]) -> float | None:
    known = [each for each in values if each is not None]
    return sum(known) / len(known) if known else None


def twin(rows: list[dict], samples: int, alts: list[int]) -> list[dict]:
    out = []
    for site, count in enumerate(alts):
        cells = rows[site * samples : (site + 1) * samples]
        good = [row["GT"].replace("|", "/").split("/") for row in cells if "." not in row["GT"] and is_adj(row)]
        missing = sum("." in row["GT"] for row in cells)
        reads = [[0, 0] for _ in range(count)]
        for row in cells:
            called = row["GT"].replace("|", "/").split("/")
            if "." in called or len(called) != 2 or len(set(called)) < 2 or not row["AD"]:
                continue
            both = [row["AD"][int(allele)] for allele in called]
            if None not in both:
                for allele in map(int, called):
                    if allele:
                        reads[allele - 1][0] += row["AD"][allele]
                        reads[allele - 1][1] += sum(both)
        words = [set(row["GT"].replace("|", "/").split("/")) for row in cells]
        carriers = [
            [row for row, word in zip(cells, words, strict=True) if str(alt + 1) in word] for alt in range(count)
        ]
        pairs = [row["GT"].replace("|", "/").split("/") for row in cells]
        pairs = [each for each in pairs if len(each) == 2 and "." not in each]
        plain = mean([row["DP"] for row, word in zip(cells, words, strict=True) if word == {"0"}])
        depths = [mean([row["DP"] for row in some]) for some in carriers]
        out.append(
            {
                "N_MISSING": missing,
                "F_MISSING": missing / samples,
                "N_HQ": len(good),
                "AC_adj": [sum(alleles.count(str(alt + 1)) for alleles in good) for alt in range(count)],
                "AN_adj": sum(map(len, good)),
                "AB": [part / whole if whole else None for part, whole in reads],
                "N_HET": [sum(len(set(each)) == 2 and str(alt + 1) in each for each in pairs) for alt in range(count)],
                "N_HOM": [sum(set(each) == {str(alt + 1)} for each in pairs) for alt in range(count)],
                "MEAN_GQ": [mean([row["GQ"] for row in some]) for some in carriers],
                "DP_RATIO": [depth / plain if plain and depth is not None else None for depth in depths],
            }
        )
    return out


def tuned(random: Random, genotypes: pa.Table) -> pa.Table:
    """Depths and qualities around the thresholds, in place of any."""
    rows = genotypes.to_pylist()
    for row in rows:
        row["DP"] = random.choice([None, 0, 4, 5, 9, 10, 11, 20, 50])
        row["GQ"] = random.choice([None, 0, 19, 20, 99])
        if row["AD"]:
            row["AD"] = [random.choice([None, 0, 1, 2, 3, 4, 9, 10]) for _ in row["AD"]]
    return pa.Table.from_pylist(rows, genotypes.schema)


@given(st.integers(0, 1 << 30), st.sampled_from([(1,), (2, 1), (3, 0)]), st.integers(0, 5))
def test_sums_are_those_of_a_walk_over_the_genotypes(seed, sizes, sites):
    random = Random(seed)
    samples = [tuple(f"s{batch}{number}" for number in range(size)) for batch, size in enumerate(sizes)]
    table, genotypes = make.tables(random, "chr1", sorted(random.sample(range(1, 1000), sites)), samples)
    alts = np.array([len(each) for each in table["alts"].to_pylist()], np.int32)
    sums, rows = [], []
    for members, each in zip(samples, genotypes, strict=True):
        dense = tuned(random, each).unify_dictionaries().combine_chunks()
        numbers = np.arange(dense.num_rows, dtype=np.int32).reshape(sites, len(members))
        matrix = callset.GenotypeMatrix(members, dense.select(schema.GENOTYPES.names[3:]), numbers)
        sparse = localise(matrix, alts)
        sums.append(filters.sum_genotypes(sparse.distinct, sparse.runs, alts))
        rows.append(dense.to_pylist())
    together = [
        row
        for site in range(sites)
        for members, some in zip(samples, rows, strict=True)
        for row in some[site * len(members) : (site + 1) * len(members)]
    ]
    count = sum(sizes)
    assert filters.total(sums, alts).table(alts, count).to_pylist() == twin(together, count, alts.tolist())
