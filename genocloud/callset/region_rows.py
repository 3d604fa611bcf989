"""Rows of CALLS and REFERENCE at a span of sites, from those of whole windows: runs cut to the span, then joined."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import schema
from genocloud.callset.call_rows import SitePlaces, Span, number_values, of_samples

_Ints = npt.NDArray[np.int32]


def calls_at(calls: schema.CallRows, places: SitePlaces, span: Span, samples: tuple[str, ...]) -> schema.CallRows:
    """The rows of some samples at a span of the sites, by site, then sample.

    calls  rows at the sites of `places`. Raises ValueError where one stands at none
    """
    calls, members = of_samples(calls, samples)
    sites = places.find(calls["contig"], calls["pos"], calls["nth"] if "nth" in calls.column_names else None)
    inside = np.flatnonzero((sites >= span[0]) & (sites < span[1]))
    rows = inside[np.argsort(_keys(sites[inside], members[inside]))]
    return _placed(calls, rows, schema.CALLS, _words(members[rows], samples), places.columns(sites[rows], sites[rows]))


def runs_at(
    runs: schema.ReferenceRuns, places: SitePlaces, span: Span, samples: tuple[str, ...]
) -> schema.ReferenceRuns:
    """The runs of some samples cut to a span of the sites, by first site, then last site, then sample.

    runs  rows at the sites of `places`, some of which may have gone; neighbouring runs with the same values become one,
          but for those of two contigs. Raises ValueError where one stands at no site
    """
    runs, members = of_samples(runs, samples)
    firsts, lasts = places.reach(runs)
    kept = np.flatnonzero((firsts <= lasts) & (firsts < span[1]) & (lasts >= span[0]))
    kept = kept[np.argsort(_keys(members[kept], firsts[kept]))]
    runs, members = runs.take(pa.array(kept)), members[kept]
    firsts, stops = np.maximum(firsts[kept], span[0]), np.minimum(lasts[kept] + 1, span[1])
    heads, stops = _joined(np.stack([members, number_values(runs, "PL")[0], places.ranks[firsts]]), firsts, stops)
    order = np.argsort(_keys(firsts[heads], stops), kind="stable")  # they are by sample
    rows, stops = heads[order], stops[order]
    return _placed(
        runs,
        rows,
        schema.REFERENCE,
        _words(members[rows], samples),
        places.columns(firsts[rows], firsts[rows], stops - 1),
    )


def _joined(values: npt.NDArray[np.int64], firsts: _Ints, stops: _Ints) -> tuple[npt.NDArray[np.int64], _Ints]:
    """The first of each series of adjacent runs with the same values, (values, runs), and where the series stops."""
    is_head = np.ones(len(firsts), np.bool_)
    is_head[1:] = (values[:, 1:] != values[:, :-1]).any(axis=0) | (firsts[1:] != stops[:-1])
    heads = np.flatnonzero(is_head)
    return heads, stops[np.append(heads[1:], len(firsts))[: len(heads)] - 1]


def _keys(first: _Ints, second: _Ints) -> npt.NDArray[np.int64]:
    """Pairs of numbers as one each, to sort by."""
    return first.astype(np.int64) << 32 | second


def _words(members: _Ints, samples: tuple[str, ...]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(members), pa.array(samples, pa.string()))


def _placed(
    rows: pa.Table, numbers: npt.NDArray[np.int64], declared: pa.Schema, samples: pa.Array, places: list[pa.Array]
) -> pa.Table:
    """Declared columns of some of the rows; `contig`, `pos` and, of runs, `end` are `places`."""
    fields = [field for field in declared if field.name in rows.column_names]
    own = dict(zip(("contig", "pos", "end"), places, strict=False)) | {"sample": samples}
    others = rows.select([field.name for field in fields if field.name not in own]).take(pa.array(numbers))
    columns = [own[field.name] if field.name in own else others[field.name] for field in fields]
    return pa.table(columns, pa.schema(fields))
