"""The ordered pass over a contig that decides whether `*` stays, and which sites are put out."""

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa

from genocloud import schema
from genocloud.genotypes.alignment import Array, Places, places
from genocloud.genotypes.model import Model
from genocloud.kernels import settling

REASONS = {
    settling.MONOMORPHIC: "no likely ALT",
    settling.LOW_CONFIDENCE: "low confidence",
    settling.ONLY_SPANNING: "only a deletion from upstream",
}


def settle(estimates: Iterable[pa.Table], model: Model) -> Iterator[pa.Table]:
    """Decide each site of the shards' ESTIMATES, which come in genome order: one SETTLED table each.

    `*` stays only where a deletion that was put out upstream reaches over the site, also from an earlier shard.
    Source: gatk-model.md, sections 1 (recordDeletions) and 4 (choice).
    """
    spans = np.zeros((0, 3), np.int64)
    for table in estimates:
        likely_at, likely = schema.ragged(table["plausible"])
        quals = np.maximum(-10.0 * schema.numbers(table["absent_log10"]), 0.0) + 0.0  # not -0.0
        verdicts, kept, spans = settling.settle_sites(
            np.array(schema.numbers(table["contig"])),
            *_shapes(places(table)),
            quals,
            likely_at,
            np.array(likely),
            float(model.stand_call_conf),
            spans,
        )
        yield _table(table, quals, verdicts, kept, likely_at, likely)


def _shapes(sites: Places) -> tuple[Array, ...]:
    """Positions, lengths of REF, lists of ALTs with the length of each and whether it is `*`."""
    lists, offsets, text = sites.alts
    return sites.positions, np.diff(sites.refs[0]), lists, np.diff(offsets), text[offsets[:-1]] == ord("*")


def _table(table: pa.Table, quals: Array, verdicts: Array, kept: Array, likely_at: Array, likely: Array) -> pa.Table:
    offsets = np.concatenate([[0], np.cumsum(kept)])[likely_at].astype(np.int32)
    told = [REASONS.get(verdict) for verdict in verdicts.tolist()]
    known = table["reason"].cast(pa.string()).to_pylist()
    reasons = [own if own is not None else reason for own, reason in zip(known, told, strict=True)]
    return pa.table(
        [
            *(table[name] for name in ("contig", "start", "ref", "alts")),
            pa.ListArray.from_arrays(offsets, likely[kept]),
            pa.ListArray.from_arrays(offsets, schema.ragged(table["mleac"])[1][kept]),
            pa.ListArray.from_arrays(offsets, schema.ragged(table["each_absent_log10"])[1][kept]),
            schema.nullable(quals, schema.DOUBLE),
            pa.array(reasons, pa.string()).dictionary_encode(),
        ],
        schema.SETTLED,
    )
