"""What the people of a callset, or of one location of it, add to gnomAD's table at the sites of a shard."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import schema
from genocloud.annotations import HISTOGRAMS, MEDIANS, RAW
from genocloud.callset import Callset, ShardEntry, read_stored_shares
from genocloud.filters import AGE_BINS, BINS, HISTOGRAM_COLUMNS, HistogramCounts, count_histograms
from genocloud.genotypes import Runs, add_runs
from genocloud.kernels.allele_specific_sums import FORWARD, REVERSE, SUMS
from genocloud.kernels.raw_sums import STRANDS
from genocloud.pipeline.gnomad.people import Group, TablePeople

_Ints = npt.NDArray[np.int64]

SPAN_SITES = 4096
"""Sites that are counted at a time: some 10 MB of counts."""
RANK_SUMS = "mq_rank_sum", "read_pos_rank_sum"
"""Columns of VARIANTS; raw data by allele are `as_raw_...` of the same."""
_BY_SITE = [MEDIANS.index(name) for name in RANK_SUMS]
_BY_ALLELE = [HISTOGRAMS.index(f"as_raw_{name}") for name in RANK_SUMS]
ALLELE_RAW = "as_sb_table", *(f"as_raw_{name}" for name in RANK_SUMS)
"""Columns of VARIANTS whose records are counted in `allele_records`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableCounts:
    """Counts at some sites, which add up over batches and locations.

    counts     HistogramCounts; also SB (4), AS_SB_REF (2), allele_records (ALLELE_RAW), and unannotated, the batches
               whose annotations are not stored; of ALTs AS_SB (2)
    rank_sums  the records' values: of each site RANK_SUMS, then for each of these the ALTs' (bins of 0.1)
    """

    counts: HistogramCounts
    rank_sums: Runs

    def __add__(self, more: "TableCounts") -> "TableCounts":
        return TableCounts(counts=self.counts + more.counts, rank_sums=add_runs([self.rank_sums, more.rank_sums]))

    def in_groups(self, own: Iterable[Group], whole: Sequence[Group]) -> "TableCounts":
        """The same with columns for each of more groups than its own."""
        places = [0, 1, *(2 + whole.index(group) for group in own)]

        def spread(counts: Mapping[str, _Ints]) -> dict[str, _Ints]:
            wide = {
                name: np.zeros((len(each), 2 + len(whole)), np.int64)
                for name, each in counts.items()
                if name in _GROUPED
            }
            for name, each in wide.items():
                each[:, places] = counts[name]
            return {**counts, **wide}

        counts = replace(self.counts, of_sites=spread(self.counts.of_sites), of_alts=spread(self.counts.of_alts))
        return replace(self, counts=counts)


_GROUPED = "AN", "AC", "homozygote_count"


def columns_of_sites(groups: int) -> dict[str, int]:
    """Names and numbers of columns of `TableCounts.counts.of_sites`, with so many groups beside everybody."""
    histograms = {"gq_all": 2 * BINS, "dp_all": 2 * BINS}
    return {"AN": 2 + groups, **histograms, "VarDP": 1, "QUALapprox": 1} | {
        "SB": 4, "AS_SB_REF": 2, "allele_records": len(ALLELE_RAW), "unannotated": 1
    }  # fmt: skip


def columns_of_alts(groups: int) -> dict[str, int]:
    """As `columns_of_sites`, of `of_alts`."""
    histograms = dict.fromkeys(("gq_alt", "dp_alt", "ab_alt"), 2 * BINS)
    ages = {"age_het": AGE_BINS, "age_hom": AGE_BINS}
    return {"AC": 2 + groups, "homozygote_count": 2 + groups, **histograms, **ages} | {
        "AS_VarDP": 1, "AS_QUALapprox": 1, "AS_SB": 2
    }  # fmt: skip


def spans_of(shard: ShardEntry) -> list[tuple[int, int]]:
    """The sites of a shard in the stretches that are counted at a time: the same at every location."""
    sites = shard.sites.rows
    return [(first, min(first + SPAN_SITES, sites)) for first in range(0, sites, SPAN_SITES)]


def shard_counts(callset: Callset, shard: ShardEntry, people: TablePeople) -> Iterator[TableCounts]:
    """The counts of each of the shard's spans."""
    cells = callset.cells(shard)
    shares: dict[str, schema.Shares | None] = {}
    for batch in callset.description.batches:
        with callset.store_of(batch) as store:
            shares[batch] = read_stored_shares(store, shard, batch, cells.keys)
    for span in spans_of(shard):
        alts = cells.alts(span)
        total = nothing(alts, len(people.groups))
        for batch, stored in shares.items():
            genotypes = cells.read(batch, span, HISTOGRAM_COLUMNS)
            members = [people.mask(group, genotypes.samples) for group in people.groups]
            counts = count_histograms(
                genotypes.distinct, genotypes.runs, alts, members, people.age_bins(genotypes.samples)
            )
            own = None if stored is None else stored.slice(span[0], span[1] - span[0])
            total += _with_annotations(counts, own, alts)
        yield total


def nothing(alts: npt.NDArray[np.int32], groups: int) -> TableCounts:
    """The counts of nobody, at sites of so many ALTs."""
    of_alts = int(alts.sum())
    return TableCounts(
        counts=HistogramCounts(
            of_sites={name: np.zeros((len(alts), width), np.int64) for name, width in columns_of_sites(groups).items()},
            of_alts={name: np.zeros((of_alts, width), np.int64) for name, width in columns_of_alts(groups).items()},
            balance=np.full(of_alts, np.nan),
        ),
        rank_sums=_no_runs(2 * (len(alts) + of_alts)),
    )


def _no_runs(multisets: int) -> Runs:
    return Runs(np.zeros(multisets + 1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32))


def _with_annotations(
    counts: HistogramCounts, shares: schema.Shares | None, alts: npt.NDArray[np.int32]
) -> TableCounts:
    """The counts of a batch with those that its stored SHARES of these sites have."""
    sites = len(alts)
    of_sites = {name: np.zeros((sites, columns_of_sites(0)[name]), np.int64) for name in _ANNOTATED}
    of_alts = {"AS_SB": np.zeros((int(alts.sum()), 2), np.int64)}
    if shares is None:
        of_sites["unannotated"] += 1
        runs = _no_runs(2 * (sites + int(alts.sum())))
    else:
        at, totals = schema.ragged(shares["totals"])
        rows = np.flatnonzero(~schema.numbers(shares["quiet"]))
        of_sites["SB"][rows] = totals[at[:-1][rows, None] + STRANDS + 4 + np.arange(4)]
        if "sums" in shares.column_names:
            _add_by_allele(shares, alts, of_sites, of_alts["AS_SB"])
        runs = _rank_sums(shares, alts)
    whole = replace(counts, of_sites={**counts.of_sites, **of_sites}, of_alts={**counts.of_alts, **of_alts})
    return TableCounts(counts=whole, rank_sums=runs)


_ANNOTATED = "SB", "AS_SB_REF", "allele_records", "unannotated"


def _add_by_allele(
    shares: schema.Shares, alts: npt.NDArray[np.int32], of_sites: Mapping[str, _Ints], of_alts: _Ints
) -> None:
    """Reads by strand of each allele, and how many records have raw data by allele."""
    at, sums = schema.ragged(shares["sums"])
    rows = np.flatnonzero(np.diff(at) == (alts + 1) * SUMS)
    strands = np.array([FORWARD, REVERSE])
    of_sites["AS_SB_REF"][rows] = sums[at[:-1][rows, None] + strands]
    starts, lengths = np.cumsum(alts) - alts, alts[rows]
    number = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    of_alts[np.repeat(starts[rows], lengths) + number] = sums[
        (np.repeat(at[:-1][rows], lengths) + (number + 1) * SUMS)[:, None] + strands
    ]
    at, records = schema.ragged(shares["records"])
    of_sites["allele_records"][rows] = records[at[:-1][rows, None] + [RAW.index(name) for name in ALLELE_RAW]]


def _rank_sums(shares: schema.Shares, alts: npt.NDArray[np.int32]) -> Runs:
    """`TableCounts.rank_sums` of a batch."""
    pools = [_pool(shares, "run", "")]
    has_alleles = "sums" in shares.column_names
    pools += [_pool(shares, "bin", f"_{number}") for number in _BY_ALLELE] if has_alleles else []
    bases = np.cumsum([0, *(len(lengths) for _, lengths, _, _ in pools)])
    at = np.append(0, np.cumsum(np.concatenate([lengths for _, lengths, _, _ in pools]), dtype=np.int64))
    counts, values = (np.concatenate([pool[part] for pool in pools]) for part in (2, 3))
    wanted = np.full(2 * (len(alts) + int(alts.sum())), -1, np.int64)
    first = 2 * (np.arange(len(alts)) + np.cumsum(alts) - alts)
    starts, widths = pools[0][0][:-1], np.diff(pools[0][0])
    for number, field in enumerate(_BY_SITE):
        wanted[first + number] = np.where(widths > field, starts + field, -1)
    site = np.repeat(np.arange(len(alts)), alts)
    of_site = np.arange(len(site)) - (np.cumsum(alts) - alts)[site]
    for number, (pool, base) in enumerate(zip(pools[1:], bases[1:-1], strict=True)):
        own = (np.diff(pool[0]) == alts + 1)[site]
        wanted[first[site] + 2 + number * alts[site] + of_site] = np.where(
            own, base + pool[0][:-1][site] + 1 + of_site, -1
        )
    return _taken(at, counts, values, wanted)


def _pool(
    shares: schema.Shares, name: str, end: str
) -> tuple[_Ints, _Ints, npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """Multisets of SHARES: (the rows' slices of the lengths, lengths, counts, values)."""
    at, lengths = schema.ragged(shares[f"{name}_lengths{end}"])
    counts, values = (schema.ragged(shares[f"{name}_{part}{end}"])[1] for part in ("counts", "values"))
    return at, lengths, counts, values


def _taken(at: _Ints, counts: npt.NDArray[np.int32], values: npt.NDArray[np.float32], wanted: _Ints) -> Runs:
    """Some multisets; -1 is an empty one."""
    lengths = np.where(wanted < 0, 0, np.diff(at)[np.maximum(wanted, 0)]) if len(at) > 1 else np.zeros(len(wanted), int)
    ends = np.append(0, np.cumsum(lengths))
    places = np.repeat(at[:-1][np.maximum(wanted, 0)] if len(at) > 1 else wanted, lengths)
    places = places + np.arange(ends[-1]) - np.repeat(ends[:-1], lengths)
    return Runs(ends, counts[places], values[places])


def counts_table(total: TableCounts, alts: npt.NDArray[np.int32]) -> schema.GnomadCounts:
    """GNOMAD_COUNTS: what is not 0."""
    sites, of_alts = (
        np.concatenate([*each.values()], axis=1) for each in (total.counts.of_sites, total.counts.of_alts)
    )
    of_site = np.repeat(np.arange(len(alts)), alts)
    number = np.arange(len(of_site)) - (np.cumsum(alts) - alts)[of_site]
    (site, column), (alt, alt_column) = np.nonzero(sites), np.nonzero(of_alts)
    rows = np.concatenate([site, of_site[alt]])
    places = np.concatenate([column, sites.shape[1] + number[alt] * of_alts.shape[1] + alt_column])
    order = np.lexsort((places, rows))
    ends = np.append(0, np.cumsum(np.bincount(rows, minlength=len(alts))))
    values = np.concatenate([sites[site, column], of_alts[alt, alt_column]])
    multisets = np.append(0, np.cumsum(2 * (alts.astype(np.int64) + 1)))
    at = total.rank_sums.at
    columns = [
        _lists(ends, places[order].astype(np.int32)),
        _lists(ends, values[order]),
        _lists(np.append(0, np.cumsum(alts)), total.counts.balance),
        _lists(multisets, np.diff(at).astype(np.int32)),
        _lists(at[multisets], total.rank_sums.counts),
        _lists(at[multisets], total.rank_sums.values),
    ]
    return pa.table(columns, schema.GNOMAD_COUNTS)


def counts_of(table: schema.GnomadCounts, alts: npt.NDArray[np.int32], groups: int) -> TableCounts:
    """The reverse of `counts_table`. Raises ValueError for a table of other sites or groups."""
    total = nothing(alts, groups)
    widths = [columns_of_sites(groups), columns_of_alts(groups)]
    sites, of_alts = (
        np.zeros((rows, sum(width.values())), np.int64)
        for rows, width in zip((len(alts), int(alts.sum())), widths, strict=True)
    )
    (ends, places), (_, values) = (schema.ragged(table[name]) for name in ("places", "values"))
    row = np.repeat(np.arange(len(alts)), np.diff(ends))
    is_site = places < sites.shape[1]
    sites[row[is_site], places[is_site]] = values[is_site]
    number, column = np.divmod(places[~is_site] - sites.shape[1], of_alts.shape[1])
    alt = (np.cumsum(alts) - alts)[row[~is_site]] + number
    _, balance = schema.ragged(table["balance"])
    _, lengths = schema.ragged(table["ranks_lengths"])
    if (
        len(balance) != len(of_alts)
        or len(lengths) != 2 * (len(alts) + len(of_alts))
        or (number >= alts[row[~is_site]]).any()
    ):
        raise ValueError("it is of other sites or groups")
    of_alts[alt, column] = values[~is_site]
    named = [
        dict(zip(width, np.split(each, np.cumsum([*width.values()])[:-1], axis=1), strict=True))
        for width, each in zip(widths, (sites, of_alts), strict=True)
    ]
    runs = Runs(
        np.append(0, np.cumsum(lengths, dtype=np.int64)),
        *(np.array(schema.ragged(table[f"ranks_{name}"])[1]) for name in ("counts", "values")),
    )
    counts = replace(total.counts, of_sites=named[0], of_alts=named[1], balance=balance)
    return TableCounts(counts=counts, rank_sums=runs)


def _lists(offsets: _Ints, values: npt.NDArray[np.generic]) -> pa.ListArray:
    return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), pa.array(values))
