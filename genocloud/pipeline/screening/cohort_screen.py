"""What is known of all samples of a cohort before genotyping: their sums put together, and compared."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import combinations_with_replacement

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import qc
from genocloud.cohort import Cohort
from genocloud.pipeline.screening.contig_kinds import ContigKinds
from genocloud.pipeline.screening.part_screening import ScreenSettings, screened
from genocloud.scatter.executors import Scatter
from genocloud.scatter.progress import Progress
from genocloud.schema import numbers, ragged

Integers = npt.NDArray[np.int64]
Genotypes8 = npt.NDArray[np.uint8]

BLOCK_SAMPLES = 512
"""Samples compared with as many others in one task: 0.6 s and 200 MB at 10,000 sites."""


_CALLS = ("charr_sum", "charr_calls", "share_sum", "share_calls")


@dataclass(frozen=True, kw_only=True, eq=False)
class CohortSums:
    """Sums by sample, in the cohort's order.

    calls        (4, samples): charr_sum, charr_calls, share_sum, share_calls
    by_depth     (3, samples, DEPTHS): bases of autosomes, X, Y
    depths       (contigs, samples, 4): bases, sum of their depths, bases with a depth above 1, above 20
    genotypes    (samples, sites): fingerprints
    """

    samples: tuple[str, ...]
    contigs: tuple[str, ...]
    is_autosome: npt.NDArray[np.bool_]
    calls: Integers
    by_depth: Integers
    depths: Integers
    genotypes: Genotypes8


def add_up(cohort: Cohort, settings: ScreenSettings) -> CohortSums:
    """The sums of all batches and parts. Raises StoreError where a part was not screened."""
    kinds, samples = ContigKinds.of(cohort.contigs), len(cohort.samples)
    kind_of = {number: kind for kind, some in enumerate((kinds.autosomes, kinds.x, kinds.y)) for number in some}
    row_of = {number: row for row, number in enumerate(kinds.all)}
    calls, by_depth = np.zeros((4, samples), np.int64), np.zeros((3, samples, qc.DEPTHS), np.int64)
    depths = np.zeros((len(row_of), samples, 4), np.int64)
    genotypes: dict[int, Genotypes8] = {}
    for number, ranks, rows in _rows_by_contig(cohort, settings):
        bases = ragged(rows["depth_bases"])[1].reshape(-1, qc.DEPTHS)
        of_contig = [bases.sum(axis=1), numbers(rows["depth_sum"]), bases[:, 2:].sum(axis=1), bases[:, 21:].sum(axis=1)]
        depths[row_of[number], ranks] = np.stack(of_contig, axis=1)
        if number in kind_of:
            by_depth[kind_of[number], ranks] += bases
        calls[:, ranks] += [numbers(rows[name]) for name in _CALLS]
        texts = rows["genotypes"].to_pylist()
        whole = genotypes.setdefault(number, np.full((samples, len(texts[0])), qc.UNKNOWN))
        whole[ranks] = np.frombuffer(b"".join(texts), np.uint8).reshape(len(texts), -1)
    return CohortSums(
        samples=cohort.samples,
        contigs=tuple(cohort.contigs[number].name for number in row_of),
        is_autosome=np.isin(list(row_of), kinds.autosomes),
        calls=calls,
        by_depth=by_depth,
        depths=depths,
        genotypes=np.concatenate([np.zeros((samples, 0), np.uint8), *genotypes.values()], axis=1),
    )


def _rows_by_contig(
    cohort: Cohort, settings: ScreenSettings
) -> Iterator[tuple[int, npt.NDArray[np.int32], qc.Screened]]:
    """(number of a contig, ranks of a batch's active samples, their rows), in genome order for each batch."""
    for batch in cohort.batches:
        active = np.flatnonzero(batch.ranks >= 0)
        for table in screened(cohort, batch, settings):
            for at in range(0, len(table), len(batch.samples)):  # a contig has a row for each of the batch's samples
                rows = table.slice(at, len(batch.samples)).take(active)
                yield table["contig"][at].as_py(), batch.ranks[active], rows


@dataclass(frozen=True, kw_only=True, eq=False)
class _PairTask:
    """Two blocks of samples, and the rank of the first sample of each."""

    a: Genotypes8
    b: Genotypes8
    names: tuple[tuple[str, ...], tuple[str, ...]]
    first: tuple[int, int]


def compare(sums: CohortSums, settings: ScreenSettings, scatter: Scatter, progress: Progress) -> qc.Pairs:
    """PAIRS of the cohort, in the order of its samples."""
    starts = range(0, len(sums.samples) if sums.genotypes.size else 0, BLOCK_SAMPLES)
    tasks = [
        _PairTask(
            a=sums.genotypes[first : first + BLOCK_SAMPLES],
            b=sums.genotypes[second : second + BLOCK_SAMPLES],
            names=(sums.samples[first : first + BLOCK_SAMPLES], sums.samples[second : second + BLOCK_SAMPLES]),
            first=(first, second),
        )
        for first, second in combinations_with_replacement(starts, 2)
    ]
    with progress.stage("compare", tasks=len(tasks), unit="block") as stage:
        tables = scatter.run(partial(_related, settings), tasks, lambda _: stage.advance(tasks=1))
    pairs = pa.concat_tables([qc.PAIRS.empty_table(), *tables])
    rank = {name: rank for rank, name in enumerate(sums.samples)}
    a, b = ([rank[name] for name in pairs[column].to_pylist()] for column in ("sample_a", "sample_b"))
    return pairs.take(np.lexsort((b, a)))


def _related(settings: ScreenSettings, task: _PairTask) -> qc.Pairs:
    return qc.related_pairs(task.a, task.b, task.names, task.first, settings.fingerprints)


def screen_table(
    sums: CohortSums, pairs: qc.Pairs, sexes: Mapping[str, str] | None, model: qc.ContaminationModel
) -> qc.Screen:
    """SCREEN; `sexes` are those of a sheet, by sample."""
    autosomes, x, y = sums.by_depth
    bases, depth, over_1, over_20 = sums.depths[sums.is_autosome].sum(axis=0).T
    x_ploidy, y_ploidy = qc.ploidies(x, autosomes), qc.ploidies(y, autosomes)
    if y[:, 1:].any():  # somebody has reads on Y: who has no rows there has no Y
        y_ploidy = np.where(np.isnan(y_ploidy) & ~np.isnan(x_ploidy), 0, y_ploidy)
    else:
        y_ploidy[:] = np.nan
    charr, charr_calls, shares, hom_alt_calls = sums.calls
    nearest = _nearest(pairs)
    alike = [nearest.get(name, (None, None)) for name in sums.samples]
    columns = {
        "sample": sums.samples,
        "contamination": qc.mean_of(charr, charr_calls, model),
        "charr_calls": charr_calls,
        "hom_alt_ref_share": qc.mean_of(shares, hom_alt_calls, model),
        "hom_alt_calls": hom_alt_calls,
        "depth": depth / np.maximum(bases, 1),
        "bases_over_1": over_1,
        "bases_over_20": over_20,
        "covered": over_1 / (np.median(over_1) or np.nan) if len(over_1) else over_1,
        "x_ploidy": x_ploidy,
        "y_ploidy": y_ploidy,
        "sex": list(map(qc.sex_of, x_ploidy.tolist(), y_ploidy.tolist())),
        "sheet": [None if sexes is None else sexes.get(name, "unknown") for name in sums.samples],
        "fingerprint_sites": (sums.genotypes != qc.UNKNOWN).sum(axis=1),
        "concordance": [concordance for concordance, _ in alike],
        "nearest": [name for _, name in alike],
    }
    # NaN of numpy is null in a table
    arrays = [pa.array(columns[field.name], field.type, from_pandas=True) for field in qc.SCREEN]
    return pa.Table.from_arrays(arrays, schema=qc.SCREEN)


def contig_depths(sums: CohortSums) -> qc.ContigDepths:
    """CONTIG_DEPTHS, sample by sample."""
    place, row = np.nonzero(sums.depths[:, :, 0].T)
    bases, depth, over_1, over_20 = sums.depths[row, place].T
    columns = {
        "sample": pa.array(sums.samples).take(place),
        "contig": pa.array(sums.contigs, pa.string()).take(row),
        "bases": bases,
        "depth": depth / bases,
        "bases_over_1": over_1,
        "bases_over_20": over_20,
    }
    arrays = [pa.array(columns[field.name], field.type) for field in qc.CONTIG_DEPTHS]
    return pa.Table.from_arrays(arrays, schema=qc.CONTIG_DEPTHS)


def _nearest(pairs: qc.Pairs) -> dict[str, tuple[float, str]]:
    """The most concordant earlier sample of each later one; of equally concordant ones the first."""
    nearest: dict[str, tuple[float, str]] = {}
    for row in pairs.to_pylist():
        concordance = row["ibs2"] / row["n"]
        if concordance > nearest.get(row["sample_b"], (0.0, ""))[0]:
            nearest[row["sample_b"]] = concordance, row["sample_a"]
    return nearest
