"""Add the alleles that a file names to the sites of a shard."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import schema
from genocloud.sites.merging import unify
from genocloud.sites.uniting import listed_observations, shown_sites, star_observations, stretches_of


def with_forced_alleles(
    alleles: schema.Alleles, forced: schema.ForcedAlleleRows, spans: Sequence[schema.Spans]
) -> schema.Alleles:
    """ALLELES with FORCED_ALLELES of the same shard, behind those that samples have, and `forced_alts` that name them.

    A site where no record starts gets `*` where one of the `spans` (SPANS or STRETCHES) reaches over it, as one whose
    records start there does.
    """
    starts = np.unique(schema.numbers(forced["start"]))
    joins = np.isin(schema.numbers(alleles["start"]), starts)
    known = alleles.filter(pa.array(joins)).combine_chunks()
    stretches = stretches_of(pa.concat_tables([each.select(schema.STRETCHES.names) for each in spans]))
    first = np.searchsorted(schema.numbers(forced["start"]), schema.numbers(forced["start"]))
    listed = {name: forced[name] for name in ("contig", "start", "ref", "alt")}
    shown = [
        shown_sites(known, 0),
        star_observations((known, stretches), 0, starts),
        listed_observations(1, **listed, order=np.arange(len(forced)) - first, observed=np.zeros(len(forced))),
    ]
    sites = unify(shown, [])
    sites = schema.with_column(sites, "forced_alts", _numbers(sites, forced))
    whole = pa.concat_tables([alleles.filter(pa.array(~joins)), sites])
    return whole.take(pc.sort_indices(whole["start"])).combine_chunks()


def _numbers(sites: schema.Alleles, forced: schema.ForcedAlleleRows) -> pa.Array:
    """The numbers of the forced ALTs of each site, ascending."""
    refs = dict(zip(sites["start"].to_pylist(), sites["ref"].to_pylist(), strict=True))
    named: dict[int, set[str]] = {start: set() for start in refs}
    for start, ref, alt in zip(*(forced[name].to_pylist() for name in ("start", "ref", "alt")), strict=True):
        named[start].add(alt + refs[start][len(ref) :])
    rows = zip(named.values(), sites["alts"].to_pylist(), strict=True)
    return pa.array([[n for n, alt in enumerate(alts, 1) if alt in names] for names, alts in rows], schema.INTS)
