"""Observations of all batches unified: the merged alleles of each site of a shard."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import schema

_NOBODY = np.iinfo(np.int32).max
_Row = dict[str, Any]


def unify(observations: Sequence[pa.Table], spans: Sequence[pa.Table]) -> pa.Table:
    """Merge the batches' observations and spans of one shard into its sites (ALLELES), sorted by start.

    The order of the batches does not matter. REF is the longest REF of the site's records; shorter records' ALTs get
    the missing tail. ALTs stand in the order of the first sample that carries them, then of its record; `*` takes part
    with the first sample whose earlier deletion reaches over the site (gatk-model.md, section 1).
    """
    rows = _concat(observations, schema.OBSERVATIONS).sort_by([("contig", "ascending"), ("start", "ascending")])
    sites = [_site(list(group)) for _, group in groupby(rows.to_pylist(), key=itemgetter("contig", "start"))]
    starts = np.array([site["start"] for site in sites], dtype=np.int32)
    under = _first_ranks(starts, _concat(spans, schema.SPANS))
    for site, rank in zip(sites, under.tolist(), strict=True):
        site["alts"] = _in_order(site.pop("firsts"), rank)
    return pa.Table.from_pylist(sites, schema=schema.ALLELES)


def _concat(tables: Sequence[pa.Table], columns: pa.Schema) -> pa.Table:
    return pa.concat_tables([columns.empty_table(), *tables])


def _site(rows: Sequence[_Row]) -> _Row:
    ref = max((row["ref"] for row in rows), key=lambda text: (len(text), text != "N", text))
    return {
        "contig": rows[0]["contig"],
        "start": rows[0]["start"],
        "ref": ref,
        "firsts": _firsts(rows, ref),
        "observed": sum(row["observed"] for row in rows),
    }


def _firsts(rows: Iterable[_Row], ref: str) -> dict[str, tuple[int, int]]:
    """Each extended allele with the (rank, place in the record) where it is first seen."""
    firsts: dict[str, tuple[int, int]] = {}
    for row in rows:
        allele = row["alt"] if row["alt"] == "*" else row["alt"] + ref[len(row["ref"]) :]
        seen = (row["rank"], row["order"])
        firsts[allele] = min(seen, firsts.get(allele, seen))
    return firsts


def _in_order(firsts: dict[str, tuple[int, int]], under: int) -> list[str]:
    """The alleles by first appearance; `under` is the first rank under a deletion, `_NOBODY` if there is none."""
    if under != _NOBODY:
        firsts = firsts | {"*": min((under, 0), firsts.get("*", (under, 0)))}
    return sorted(firsts, key=lambda allele: (firsts[allele], allele))


def _first_ranks(starts: npt.NDArray[np.int32], spans: pa.Table) -> npt.NDArray[np.int32]:
    """The first rank whose earlier deletion reaches over each site, `_NOBODY` where none does: (sites,) int32."""
    ranks = np.full(len(starts), _NOBODY, dtype=np.int32)
    first = np.searchsorted(starts, schema.numbers(spans["start"]))
    last = np.searchsorted(starts, schema.numbers(spans["stop"]))
    for low, high, rank in zip(first.tolist(), last.tolist(), schema.numbers(spans["rank"]).tolist(), strict=True):
        np.minimum(ranks[low:high], rank, out=ranks[low:high])
    return ranks
