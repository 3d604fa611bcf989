"""Identify samples by content, independent of names: fingerprints of files, digests of records."""

import hashlib
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud.cohort.manifest import Cohort, open_cohort
from genocloud.cohort.reading import variant_groups
from genocloud.regions import Region
from genocloud.schema import Records, numbers

ROWS = 32
"""Number of variant records that identify a sample: with depths and likelihoods, no other sample has the same."""

_COLUMNS = ("start", "ref", "alts", "gt", "ad", "dp", "gq", "pl")


def identities(cohort: Cohort) -> list[tuple[str, ...]]:
    """Identifiers of each active sample, in no particular order; samples that share an identifier are the same.

    They are the file's fingerprint, and a digest of the first variant records by contig name and position, which stays
    the same for a recompressed, reheadered or renamed file, and in another cohort.
    """
    return list(named_identities(cohort).values())


def named_identities(cohort: Cohort) -> dict[str, tuple[str, ...]]:
    """`identities` by the samples' names."""
    return {
        name: words
        for batch in cohort.batches
        for name, words, rank in zip(
            batch.samples, _of_batch(cohort.url, cohort.version, batch.id), batch.ranks.tolist(), strict=True
        )
        if rank >= 0
    }


@lru_cache(maxsize=4096)
def _of_batch(url: str, version: int, batch_id: str) -> tuple[tuple[str, ...], ...]:
    cohort = open_cohort(url, version)
    batch = next(each for each in cohort.batches if each.id == batch_id)
    receipt = cohort.receipt(batch)
    left = np.array([min(ROWS, tally.stored["variants"]) for tally in receipt.tallies])
    digests = [hashlib.sha256() if count else None for count in left]
    for contig in sorted(range(len(cohort.contigs)), key=lambda number: cohort.contigs[number].name):
        if not left.any():
            break
        whole = Region(contig, 0, cohort.contigs[contig].length)
        for table in variant_groups(cohort, batch, whole, ["sample", *_COLUMNS[1:]]):  # start is of the place
            for place, row in _first_rows(table, left):
                digest = digests[place]
                assert digest is not None
                digest.update(f"{cohort.contigs[contig].name}\t{row}\n".encode())
            if not left.any():
                break
    records = [digest and digest.hexdigest() for digest in digests]
    return tuple(
        (f"file:{fingerprint}", *([f"records:{word}"] if word else []))
        for fingerprint, word in zip(receipt.fingerprints, records, strict=True)
    )


def _first_rows(table: Records, left: npt.NDArray[np.int64]) -> list[tuple[int, str]]:
    """(sample, row) of each sample's first rows in a table, at most `left` of them, which is decremented."""
    samples = numbers(table["sample"])
    starts = np.searchsorted(samples, np.arange(len(left)))
    ends = np.minimum(np.searchsorted(samples, np.arange(len(left)), side="right"), starts + left)
    left -= ends - starts
    rows = np.concatenate([np.arange(start, end) for start, end in zip(starts, ends, strict=True)])
    taken = table.select(_COLUMNS).take(pa.array(rows.astype(np.int64))).to_pylist()
    return [(int(samples[row]), repr(tuple(values.values()))) for row, values in zip(rows, taken, strict=True)]
