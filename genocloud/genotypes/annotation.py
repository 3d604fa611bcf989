"""Site annotations from all batches' shares, and the sites that remain."""

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import schema
from genocloud.genotypes import allele_specific
from genocloud.genotypes.allele_specific import HIGH_QD, QD_WHEN_HIGH, add_runs
from genocloud.genotypes.calling import RANKED, Shares, emitted
from genocloud.kernels.calling import CARRIED, DEPTH, HARDY, INBREEDING, RAW_MQ, REGENOTYPED, STRANDS
from genocloud.kernels.site_statistics import annotate_sites, medians
from genocloud.regions import Contig

NO_CARRIER = "no sample carries an ALT"
MIN_INBRED = 10
"""InbreedingCoeff needs as many samples (InbreedingCoeff.MIN_SAMPLES)."""
MEDIANS = ("BaseQRankSum", "ClippingRankSum", "MQRankSum", "ReadPosRankSum")
"""Columns of SITES that are plain medians."""
Array = npt.NDArray[Any]


def add(shares: Sequence[Shares]) -> Shares:
    """Several parts' shares as one; exact, in any order and grouping."""
    if len(shares) == 1:
        return shares[0]
    alleles = [share.alleles for share in shares if share.alleles]
    return Shares(
        np.sum([share.totals for share in shares], axis=0),
        np.sum([share.ac for share in shares], axis=0),
        add_runs([share.runs for share in shares]),
        tuple(sorted({named for share in shares for named in share.ids})),
        sum(share.samples for share in shares),
        allele_specific.add(alleles) if alleles else None,
    )


def annotate(settled: pa.Table, share: Shares, contigs: Sequence[Contig]) -> tuple[pa.Table, Counter[str]]:
    """The shard's SITES and its dropped sites by reason: len(settled) == len(sites) + sum of the counts.

    `settled` is the table that `call` was given; `share` is what all batches' shares add up to. Sites whose ALTs no
    sample carries are dropped here: `carried` are the others.
    """
    sites = emitted(settled)
    counts = _counts(sites, share)
    columns = _alleles(sites, contigs) | {"id": _ids(share, len(sites))} | counts | _info(sites, share)
    if share.alleles:
        lists, absent = schema.ragged(sites["absent_log10"])
        columns |= allele_specific.annotations(share.alleles, lists, absent, counts["AN"])
    none = [pa.nulls(len(sites), column.type) for column in schema.SITES]
    table = pa.table(
        [columns.get(name, empty) for name, empty in zip(schema.SITES.names, none, strict=True)], schema.SITES
    )
    somebody = [any(copies) for copies in counts["AC"].to_pylist()]
    dropped = Counter(reason for reason in settled["reason"].to_pylist() if reason is not None)
    if not all(somebody):
        dropped[NO_CARRIER] = somebody.count(False)
        table = table.filter(pa.array(somebody))
    return table, dropped


def carried(settled: pa.Table, sites: pa.Table) -> pa.Table:
    """The rows of `settled` that `annotate` kept."""
    return settled.filter(pc.is_in(pc.add(settled["start"], 1), value_set=sites["pos"].combine_chunks()))


def _alleles(sites: pa.Table, contigs: Sequence[Contig]) -> dict[str, Any]:
    rows = sites.select(["ref", "alts", "kept"]).to_pylist()
    trimmed = [trim([row["ref"], *(row["alts"][number - 1] for number in row["kept"])]) for row in rows]
    return {
        "contig": pa.DictionaryArray.from_arrays(sites["contig"].combine_chunks(), [contig.name for contig in contigs]),
        "pos": pc.add(sites["start"], 1),
        "ref": [alleles[0] for alleles in trimmed],
        "alts": [alleles[1:] for alleles in trimmed],
        "qual": sites["qual"],
    }


def trim(alleles: Sequence[str]) -> list[str]:
    """Cut the suffix that all alleles but `*` share, leaving each at least one base (GATK: reverseTrimAlleles)."""
    if len(alleles[0]) == 1:
        return list(alleles)
    real = [allele for allele in alleles if allele != "*"]
    most = min(len(allele) for allele in real) - 1
    cut = 0
    while cut < most and len({allele[-1 - cut] for allele in real}) == 1:
        cut += 1
    return [allele if allele == "*" else allele[: len(allele) - cut] for allele in alleles]


def _ids(share: Shares, sites: int) -> list[str | None]:
    """The records' IDs of each site, sorted, `;` between."""
    pairs = sorted({(site, word) for site, text in share.ids for word in text.split(";")})
    named = {site: ";".join(word for _, word in group) for site, group in groupby(pairs, key=itemgetter(0))}
    return [named.get(site) for site in range(sites)]


def _counts(sites: pa.Table, share: Shares) -> dict[str, Any]:
    """AC, AF, AN, MLEAC and MLEAF; `ac` holds the copies of each allele put out, REF too."""
    lists, mleac = schema.ragged(sites["mleac"])
    first, number = lists + np.arange(len(lists)), np.diff(lists)
    is_ref = np.zeros(len(share.ac), bool)
    is_ref[first[:-1]] = True
    called = np.add.reduceat(share.ac, first[:-1]) if len(sites) else share.ac
    ac, an, regenotyped = share.ac[~is_ref], np.repeat(called, number), np.repeat(share.totals[:, REGENOTYPED], number)
    offsets = lists.astype(np.int32)
    return {
        "AC": pa.ListArray.from_arrays(offsets, ac.astype(np.int32)),
        "AF": pa.ListArray.from_arrays(offsets, _ratio(ac, an, 0.0)),
        "AN": called.astype(np.int32),
        "MLEAC": sites["mleac"],
        "MLEAF": pa.ListArray.from_arrays(offsets, np.minimum(1.0, _ratio(mleac, regenotyped, 1.0))),
    }


def _ratio(part: Array, whole: Array, of_none: float) -> Array:
    """part / whole, and `of_none` where there is no whole."""
    return np.asarray(np.divide(part, whole, out=np.full(len(part), of_none), where=whole != 0))


def _info(sites: pa.Table, share: Shares) -> dict[str, pa.Array]:
    """The other INFO columns of SITES."""
    totals, own = share.totals, _medians(share)
    strands, hardy, inbred = (totals[:, at : at + n] for at, n in ((STRANDS, 9), (HARDY, 4), (INBREEDING, 3)))
    statistics = annotate_sites(strands[:, :8].copy(), hardy[:, :3].copy(), inbred.copy())
    has_hardy, enough = hardy[:, 3] > 0, (inbred[:, 2] >= MIN_INBRED) & (share.samples >= MIN_INBRED)
    columns = {name: _present(own[name], ~np.isnan(own[name])) for name in MEDIANS}
    return columns | {
        "DP": pa.array(totals[:, DEPTH].astype(np.int32), mask=totals[:, DEPTH] == 0),
        "ExcessHet": _or_own(statistics[:, 2], has_hardy, own["ExcessHet"]),
        "FS": _present(statistics[:, 0], strands[:, 8] > 0),
        "InbreedingCoeff": _present(statistics[:, 3], enough),
        "MQ": _or_own(_mapping_quality(totals[:, RAW_MQ : RAW_MQ + 2]), totals[:, RAW_MQ + 2] > 0, own["MQ"]),
        "QD": _qual_by_depth(schema.numbers(sites["qual"]), totals[:, CARRIED], totals[:, CARRIED + 1]),
        "SOR": _present(statistics[:, 1], strands[:, 8] > 0),
    }


def _medians(share: Shares) -> dict[str, Array]:
    """Element n // 2 of each site's sorted values, by field: (sites,) float64, NaN where there are none.

    GenomicsDB hands floats on as text of six digits (gatk-model.md, section 7).
    """
    told = [float(f"{value:g}") for value in medians(*share.runs).tolist()]
    return dict(zip(RANKED.values(), np.array(told).reshape(-1, len(RANKED)).T, strict=True))


def _present(values: Array, present: Array) -> pa.Array:
    return pa.array(values, mask=~present)


def _or_own(values: Array, present: Array, own: Array) -> pa.Array:
    """A value computed from the genotypes, else the records' own median."""
    return _present(np.where(present, values, own), present | ~np.isnan(own))


def _mapping_quality(sums: Array) -> Array:
    """Root of the mean square; NaN where no read was counted."""
    return np.sqrt(_ratio(sums[:, 0], sums[:, 1], np.nan))


def _qual_by_depth(qual: Array, depth: Array, carried: Array) -> pa.Array:
    depth = np.where(carried > 0, carried, depth)
    value = _ratio(qual, depth, 0.0)
    return _present(np.where(value < HIGH_QD, value, QD_WHEN_HIGH), depth != 0)
