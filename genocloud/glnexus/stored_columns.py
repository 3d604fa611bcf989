"""Sites and calls after GLnexus as columns of a callset: SITES, and genotypes by local alleles."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud.glnexus.batch_calls import BatchCalls
from genocloud.glnexus.merge_rules import MergeRules
from genocloud.glnexus.record_text import gt_text, rnc_text, site_id
from genocloud.glnexus.unified_sites import UnifiedSite
from genocloud.kernels.cell_runs import CellRuns, renumbered
from genocloud.schema import (
    DOUBLES,
    INT32,
    INTS,
    MISSING,
    STRING,
    STRINGS,
    WIDE_LOCAL_GENOTYPES,
    WORD,
    LocalGenotypes,
    Sites,
    list_column,
    nullable,
)

Array = npt.NDArray[Any]
_COLUMNS = {"RNC": "RNC", "SB": "SB", "FT": "RECORD_FILTER"}
"""Columns of genotypes whose name is not that of the field, or that only a model's callsets have."""


def format_columns(rules: MergeRules) -> tuple[str, ...]:
    """The columns of genotypes that the fields of FORMAT are, in its order."""
    return tuple(_COLUMNS.get(name, name) for name in ("GT", *(each.name for each in rules.liftover_fields), "RNC"))


INFO_COLUMNS = "AF_OF_ALL", "AQ"
"""The columns of sites in INFO."""
FILTERS = (
    (
        "MONOALLELIC",
        "One ALT that could not be unified with the sites that it overlaps; nothing is said of REF",
    ),
)


def genotype_table(calls: BatchCalls, rules: MergeRules) -> tuple[LocalGenotypes, CellRuns]:
    """The distinct genotypes of calls, with the columns that the rules have; and which of them each cell is."""
    runs, rows = renumbered(calls.runs, np.ones(len(calls.cells.dp), np.bool_))
    cells, taken = calls.cells, pa.array(rows)
    strands = np.where((cells.sb == MISSING).all(axis=1), 0, cells.sb.shape[1])
    columns: dict[str, Any] = {
        "GT": _words(cells.pairs, gt_text),
        "LAA": pa.ListArray.from_arrays(pa.array(cells.laa[0].astype(np.int32)), pa.array(cells.laa[1])),
        "LAD": list_column(*cells.lad),
        "DP": nullable(cells.dp, INT32),
        "GQ": nullable(cells.gq, INT32),
        "LPL": list_column(*cells.lpl),
        "RNC": _words(cells.reasons, rnc_text),
        "SB": list_column(np.append(0, np.cumsum(strands)), cells.sb[strands > 0].ravel()),
    }
    if calls.filters:
        columns["RECORD_FILTER"] = pa.array(calls.filters, STRING).dictionary_encode()
    own = {*format_columns(rules), "RNC"}
    fields = [each for each in WIDE_LOCAL_GENOTYPES if each.name in own or each.name not in _COLUMNS.values()]
    nothing = len(cells.dp)
    values = [columns.get(each.name, pa.nulls(nothing, each.type)) for each in fields]
    return pa.table(values, pa.schema(fields)).take(taken).combine_chunks(), runs


def _words(values: Array, text: Callable[[tuple[int, int]], str]) -> pa.DictionaryArray:
    """Pairs of numbers as words."""
    pairs, which = np.unique(values.astype(np.int32), axis=0, return_inverse=True)
    words = pa.array([text((low, high)) for low, high in pairs.tolist()], STRING)
    return pa.DictionaryArray.from_arrays(pa.array(which.reshape(-1).astype(np.int32)), words)


def site_table(sites: Sequence[UnifiedSite], kept: Sequence[Sequence[int]], places: Sequence[tuple[str, int]]) -> Sites:
    """Columns of SITES, and of a model's, of sites with the ALTs that are kept, by number.

    places  contig of each, and where this begins on the axis
    """
    rows = list(zip(sites, kept, places, strict=True))
    of_alts = [[number - 1 for number in numbers] for numbers in kept]
    pairs = list(zip(sites, of_alts, strict=True))
    return pa.table(
        {
            "contig": pa.array([contig for contig, _ in places], STRING).dictionary_encode().cast(WORD),
            "pos": pa.array([site.start - begin + 1 for site, _, (_, begin) in rows], INT32),
            "id": pa.array([site_id(site, numbers, *place) for site, numbers, place in rows], STRING),
            "ref": pa.array([site.ref for site in sites], STRING),
            "alts": pa.array([[site.alts[each] for each in alts] for site, alts in pairs], STRINGS),
            "qual": pa.array([float(max(site.qualities)) for site in sites], pa.float64()),
            "filter": pa.array([FILTERS[0][0] if site.alone else None for site in sites], STRING),
            "seen": pa.array([len(site.alts) for site in sites], INT32),
            "genotyped": pa.array([len(site.alts) for site in sites], INT32),
            "AQ": pa.array(
                [[site.qualities[each] for each in alts] if any(site.qualities) else None for site, alts in pairs], INTS
            ),
            "AF_OF_ALL": pa.array([[float(site.frequencies[each]) for each in alts] for site, alts in pairs], DOUBLES),
        }
    )
