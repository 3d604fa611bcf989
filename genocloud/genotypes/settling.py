"""The ordered pass over a contig that decides whether `*` is kept and which sites are emitted."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import schema
from genocloud.genotypes.aligned_rows import Array, SiteArrays, site_arrays
from genocloud.genotypes.estimation import NO_DEPTH, is_plausible
from genocloud.genotypes.model import Model
from genocloud.genotypes.nonvariant import has_forced_alts
from genocloud.kernels import site_selection

REASONS = {
    site_selection.MONOMORPHIC: "no likely ALT",
    site_selection.LOW_CONFIDENCE: "low confidence",
    site_selection.ONLY_SPANNING: "only a deletion from upstream",
}


def settle(estimates: Iterable[schema.Estimates], model: Model) -> Iterator[schema.Settled]:
    """Decide each site of the shards' ESTIMATES, in genome order: one SETTLED table for each shard.

    A site with forced ALTs is emitted with these and the plausible ones, also where nothing could be estimated. `*` is
    kept only where an emitted deletion from upstream spans the site, also one of an earlier shard.
    Source: gatk-model.md, sections 1 (recordDeletions) and 4 (choice).
    """
    spans = np.zeros((0, 3), np.int64)
    for shard_estimates in estimates:
        table = _without_depth(shard_estimates)
        likely_at, likely = schema.ragged(table["plausible"])
        plausible = is_plausible(schema.ragged(table["each_absent_log10"])[1], model)
        forced, any_forced = _forced(table), has_forced_alts(table)
        force_output, absent = np.array(schema.numbers(table["forced"])), schema.numbers(table["absent_log10"])
        quals = np.maximum(-10.0 * absent, 0.0) + 0.0  # not -0.0
        verdicts, kept, spurious, spans = site_selection.settle_sites(
            np.array(schema.numbers(table["contig"])),
            *_shapes(site_arrays(table)),
            force_output,
            quals,
            likely_at,
            np.array(likely),
            plausible,
            forced,
            float(model.emitted_from),
            spans,
        )
        unread = force_output & np.isnan(absent)
        kept |= np.repeat(unread, np.diff(likely_at))
        site = np.repeat(np.arange(len(table)), np.diff(likely_at))
        nothing = np.bincount(site[kept & (plausible | ~any_forced[site])], minlength=len(table)) == 0
        invariant = force_output if model.rules.by_carriers else force_output | any_forced
        quals = np.where(invariant & nothing, _invariant_qual(absent), quals)
        yield _table(
            table, _Decisions(verdicts=verdicts, kept=kept, spurious=spurious, quals=quals), model.marked_below
        )


def _forced(table: schema.Estimates) -> Array:
    """Mask of the forced ones among the sites' lists of plausible ALTs: (ALTs,) bool."""
    columns = [schema.ragged(table[name]) for name in ("plausible", "forced_alts")]
    numbered = [np.repeat(np.arange(len(table)) << 32, np.diff(offsets)) + values for offsets, values in columns]
    return np.isin(*numbered)


def _invariant_qual(absent: Array) -> Array:
    """Phred-scaled confidence that there is no variant: (sites,) float64; Infinity without evidence for one.

    Source: gatk-model.md, section 8 (AFCalculationResult.log10ProbVariantPresent, MathUtils.log10OneMinusPow10).
    """
    logarithm = absent * np.log(10.0)
    with np.errstate(divide="ignore"):
        present = np.where(logarithm > -np.log(2.0), np.log(-np.expm1(logarithm)), np.log1p(-np.exp(logarithm)))
    return np.asarray(-10.0 * present / np.log(10.0) + 0.0)


def _without_depth(table: schema.Estimates) -> schema.Estimates:
    """ESTIMATES in which force-output sites without a read in any sample keep all their ALTs, as GATK does."""
    unread = schema.numbers(table["forced"]) & pc.fill_null(pc.equal(table["reason"], NO_DEPTH), False).to_numpy()
    if not unread.any():
        return table
    counts = np.where(unread, pc.list_value_length(table["alts"]).to_numpy(), np.diff(schema.ragged(table["mleac"])[0]))
    offsets = np.concatenate([[0], np.cumsum(counts)])
    own = np.repeat(~unread, counts)
    number = np.arange(offsets[-1]) - np.repeat(offsets[:-1], counts) + 1
    for name in ("plausible", "mleac", "each_absent_log10"):
        values = number * (name == "plausible")
        values = values.astype(schema.ESTIMATES.field(name).type.value_type.to_pandas_dtype())
        values[own] = schema.ragged(table[name])[1]
        table = schema.with_column(table, name, pa.ListArray.from_arrays(offsets.astype(np.int32), values))
    return schema.with_column(table, "reason", pc.if_else(unread, None, table["reason"].cast(schema.STRING)))


def _shapes(sites: SiteArrays) -> tuple[Array, ...]:
    """Positions, lengths of REF, lists of ALTs, length of each ALT, and mask of those that are `*`."""
    lists, offsets, text = sites.alts
    return sites.positions, np.diff(sites.refs[0]), lists, np.diff(offsets), text[offsets[:-1]] == ord("*")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decisions:
    """What was decided: by site verdicts, spurious and quals, by plausible ALT kept."""

    verdicts: Array
    kept: Array
    spurious: Array
    quals: Array


def _table(table: schema.Estimates, decisions: _Decisions, marked_below: float) -> schema.Settled:
    likely_at, likely = schema.ragged(table["plausible"])
    kept, quals = decisions.kept, decisions.quals
    offsets = np.concatenate([[0], np.cumsum(kept)])[likely_at].astype(np.int32)
    texts = pa.array([REASONS.get(verdict) for verdict in range(len(REASONS) + 2)], schema.STRING)
    any_forced, estimated = has_forced_alts(table), ~np.isnan(schema.numbers(table["absent_log10"]))
    reasons = pc.coalesce(
        table["reason"].cast(schema.STRING).combine_chunks(), texts.take(pa.array(decisions.verdicts))
    )
    reasons = pc.if_else(pa.array(any_forced), None, reasons)
    all_alts = pc.list_value_length(table["alts"]).to_numpy()
    genotyped = np.where(any_forced & ~estimated, all_alts, schema.numbers(table["genotyped"]))
    return pa.table(
        [
            *(table[name] for name in schema.MERGED_NAMES),
            pa.ListArray.from_arrays(offsets, likely[kept]),
            pa.ListArray.from_arrays(offsets, schema.ragged(table["mleac"])[1][kept]),
            pa.ListArray.from_arrays(offsets, schema.ragged(table["each_absent_log10"])[1][kept]),
            genotyped,
            np.diff(likely_at).astype(np.int32),
            decisions.spurious,
            table["beyond"],
            schema.nullable(quals, schema.DOUBLE),
            quals < marked_below,
            reasons.dictionary_encode(),
        ],
        schema.SETTLED,
    )
