"""Mendelian errors of a shard's autosomal sites, from the genotypes of the pedigree's people alone."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from genocloud.callset import Callset
from genocloud.qc.genotype_words import GenotypeWords
from genocloud.qc.trios import COUNTED, MendelianCounts, Trio, mendelian_counts

MOST_CELLS = 1 << 22
"""Genotypes that are looked at together."""


def count_trios(
    callset: Callset, is_autosome: npt.NDArray[np.bool_], passes: npt.NDArray[np.bool_], trios: Sequence[Trio]
) -> MendelianCounts:
    """The trios at the autosomal sites, (sites,), of a callset that was cut to one shard; `passes`: no filter."""
    members = [sample for sample in callset.samples if any(sample in trio for trio in trios)]
    total = np.zeros((len(trios), len(COUNTED)), np.int64)
    by_site = [np.zeros((2, 0), np.int64)]
    (shard,) = callset.shards
    cells, step = callset.cells(shard), max(MOST_CELLS // max(len(members), 1), 1)
    for start in range(0, len(is_autosome) if members else 0, step):
        span = start, min(start + step, len(is_autosome))
        texts: dict[str, int] = {}
        columns = []
        for batch, held in callset.description.batches.items():
            own = [sample for sample in held if sample in members]
            if own:
                matrix = cells.read(batch, span, ["GT"], own).dense().matrix()
                words = [texts.setdefault(text, len(texts)) for text in matrix.distinct["GT"].to_pylist()]
                columns.append((own, np.array(words, np.int64)[matrix.numbers]))
        order = [sample for own, _ in columns for sample in own]
        chosen = is_autosome[slice(*span)]
        numbers = np.concatenate([numbers for _, numbers in columns], axis=1)[chosen]
        counts = mendelian_counts(GenotypeWords.of(list(texts)), numbers, passes[slice(*span)][chosen], order, trios)
        total += counts.by_trio
        by_site.append(np.stack([counts.errors, counts.judged]))
    return MendelianCounts(total, *np.concatenate(by_site, axis=1))
