"""Site annotations from all batches' shares, and the sites that remain."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import schema
from genocloud.genotypes.calling import RANKED, Shares, emitted
from genocloud.kernels.calling import CARRIED, DEPTH, HARDY, INBREEDING, RAW_MQ, REGENOTYPED, STRANDS
from genocloud.kernels.site_statistics import (
    FIXED,
    excess_het,
    fisher_strand,
    inbreeding_coefficient,
    strand_odds_ratio,
)
from genocloud.regions import Contig

NO_CARRIER = "no sample carries an ALT"
HIGH_QD, QD_WHEN_HIGH = 35.0, 30.0
"""GATK replaces QD of 35 and more by a random draw around 30 (standard deviation 3), so that the value is no tell-tale
of an artefact (QualByDepth.fixTooHighQD). We write the centre of that draw: the same in every run and under any cut."""
MIN_INBRED = 10
"""InbreedingCoeff needs as many samples (InbreedingCoeff.MIN_SAMPLES)."""
MEDIANS = ("BaseQRankSum", "ClippingRankSum", "MQRankSum", "ReadPosRankSum")
"""Columns of SITES that are plain medians of the first columns of RANKED."""
Array = npt.NDArray[Any]
Values = list[float | None]


def annotate(settled: pa.Table, shares: Sequence[Shares], contigs: Sequence[Contig]) -> tuple[pa.Table, Counter[str]]:
    """The shard's SITES and its dropped sites by reason: len(settled) == len(sites) + sum of the counts.

    `settled` is the table that `call` was given; `shares` come from all batches, in any order. Sites whose ALTs no
    sample carries are dropped here: their genotype rows go with `keep`.
    """
    sites = emitted(settled)
    columns = _columns(sites, shares)
    named = _ids(shares)
    rows = [
        {name: values[site] for name, values in columns.items()} | _alleles(row, contigs) | {"id": named.get(site)}
        for site, row in enumerate(sites.select(["contig", "start", "ref", "alts", "kept", "qual"]).to_pylist())
    ]
    carried = [row for row in rows if any(row["AC"])]
    dropped = Counter(reason for reason in settled["reason"].to_pylist() if reason is not None)
    if len(carried) < len(rows):
        dropped[NO_CARRIER] = len(rows) - len(carried)
    return pa.Table.from_pylist(carried, schema=schema.SITES), dropped


def keep(genotypes: pa.Table, sites: pa.Table) -> pa.Table:
    """The GENOTYPES rows of the sites that `annotate` kept; both of one shard."""
    return genotypes.filter(pc.is_in(genotypes["pos"], value_set=sites["pos"].combine_chunks()))


def _alleles(row: dict[str, Any], contigs: Sequence[Contig]) -> dict[str, Any]:
    ref, *alts = trim([row["ref"], *(row["alts"][number - 1] for number in row["kept"])])
    place = {"contig": contigs[row["contig"]].name, "pos": row["start"] + 1}
    return place | {"ref": ref, "alts": alts, "qual": row["qual"]}


def trim(alleles: Sequence[str]) -> list[str]:
    """Cut the suffix that all alleles but `*` share, leaving each at least one base (GATK: reverseTrimAlleles)."""
    real = [allele for allele in alleles if allele != "*"]
    most = min(len(allele) for allele in real) - 1
    cut = 0
    while cut < most and len({allele[-1 - cut] for allele in real}) == 1:
        cut += 1
    return [allele if allele == "*" else allele[: len(allele) - cut] for allele in alleles]


def _ids(shares: Sequence[Shares]) -> dict[int, str]:
    """The records' IDs of each site, sorted, `;` between."""
    pairs = sorted({(site, word) for share in shares for site, text in share.ids for word in text.split(";")})
    return {site: ";".join(word for _, word in group) for site, group in groupby(pairs, key=itemgetter(0))}


def _medians(shares: Sequence[Shares], sites: int) -> Array:
    """Element n // 2 of each site's sorted values: (fields, sites) float64, NaN where there are none.

    GenomicsDB hands floats on as text of six digits (gatk-model.md, section 7).
    """
    out = np.full((len(RANKED), sites), np.nan)
    runs, values = np.concatenate([share.runs for share in shares]), np.concatenate([share.values for share in shares])
    if not len(runs):
        return out
    order = np.lexsort((values, runs[:, 1], runs[:, 0]))
    runs, values = runs[order], values[order]
    ends = np.cumsum(runs[:, 2])
    changes = np.flatnonzero(np.any(np.diff(runs[:, :2], axis=0) != 0, axis=1)) + 1
    first = np.concatenate([[0], changes]).astype(np.int64)
    last = np.append(first[1:], len(runs))
    before = ends[first] - runs[first, 2]
    middle = before + (ends[last - 1] - before) // 2
    picked = np.searchsorted(ends, middle, side="right")
    out[runs[first, 1], runs[first, 0]] = [float(f"{value:g}") for value in values[picked]]
    return out


def _columns(sites: pa.Table, shares: Sequence[Shares]) -> dict[str, list[Any]]:
    """Every column of SITES but the alleles, as Python values by site."""
    totals = np.sum([share.totals for share in shares], axis=0)
    medians = _medians(shares, len(sites))
    fields = {name: _optional(medians[field]) for field, name in enumerate(MEDIANS)}
    fields |= _counts(sites, np.sum([share.ac for share in shares], axis=0), totals[:, REGENOTYPED])
    return fields | {
        "DP": [depth or None for depth in totals[:, DEPTH].tolist()],
        "ExcessHet": _excess_het(totals[:, HARDY : HARDY + 4], medians[RANKED.index("excess_het")]),
        "FS": _strand_bias(totals[:, STRANDS : STRANDS + 4], totals[:, STRANDS + 8], fisher_strand),
        "InbreedingCoeff": _inbreeding(totals[:, INBREEDING : INBREEDING + 3], sum(share.samples for share in shares)),
        "MQ": _mapping_quality(totals[:, RAW_MQ : RAW_MQ + 3], medians[RANKED.index("mq")]),
        "QD": [
            _qual_by_depth(qual, *depths)
            for qual, depths in zip(sites["qual"].to_pylist(), totals[:, CARRIED : CARRIED + 2].tolist(), strict=True)
        ],
        "SOR": _strand_bias(totals[:, STRANDS + 4 : STRANDS + 8], totals[:, STRANDS + 8], strand_odds_ratio),
    }


def _counts(sites: pa.Table, ac: Array, regenotyped: Array) -> dict[str, list[Any]]:
    """AC, AF, AN, MLEAC and MLEAF by site; `ac` holds the copies of each allele put out, REF too."""
    mleacs = sites["mleac"].to_pylist()
    copies = [each.tolist() for each in np.split(ac, np.cumsum([len(mleac) + 1 for mleac in mleacs])[:-1])]
    return {
        "AC": [each[1:] for each in copies],
        "AF": [[count / sum(each) if sum(each) else 0.0 for count in each[1:]] for each in copies],
        "AN": [sum(each) for each in copies],
        "MLEAC": mleacs,
        "MLEAF": [
            [min(1.0, count / called) if called else 1.0 for count in mleac]
            for mleac, called in zip(mleacs, regenotyped.tolist(), strict=True)
        ],
    }


def _optional(values: Array) -> Values:
    return [None if math.isnan(value) else value for value in values.tolist()]


def _excess_het(hardy: Array, medians: Array) -> Values:
    """From the genotypes if a called diploid one has likelihoods, else the records' own median."""
    own = _optional(medians)
    return [
        excess_het(refs, hets, homs) if usable else own[site]
        for site, (refs, hets, homs, usable) in enumerate(hardy.tolist())
    ]


def _strand_bias(tables: Array, given: Array, statistic: Callable[[Array], float]) -> Values:
    """A statistic of each site's strand table, where any sample has one."""
    return [statistic(table.copy()) if samples else None for table, samples in zip(tables, given, strict=True)]


def _inbreeding(sums: Array, samples: int) -> Values:
    if samples < MIN_INBRED:
        return [None] * len(sums)
    return [
        inbreeding_coefficient(refs / FIXED, hets / FIXED, usable) if usable >= MIN_INBRED else None
        for refs, hets, usable in sums.tolist()
    ]


def _mapping_quality(sums: Array, medians: Array) -> Values:
    own = _optional(medians)
    return [
        (math.sqrt(squares / reads) if reads else math.nan) if given else own[site]
        for site, (squares, reads, given) in enumerate(sums.tolist())
    ]


def _qual_by_depth(qual: float, depth: int, carried: int) -> float | None:
    depth = carried or depth
    if not depth:
        return None
    value = qual / depth
    return value if value < HIGH_QD else QD_WHEN_HIGH
