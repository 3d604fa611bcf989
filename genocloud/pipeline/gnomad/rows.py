"""Rows of gnomAD's table from counts and SITES: one for each ALT, by the names and types of gnomAD's field list."""

import json

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import schema
from genocloud.filters import BINS
from genocloud.pipeline.gnomad.people import REMAINING, Group, GroupSizes, in_order
from genocloud.pipeline.gnomad.rank_sketches import SKETCH, sketches
from genocloud.pipeline.gnomad.shard_counts import ALLELE_RAW, TableCounts

_Ints = npt.NDArray[np.int64]

GLOBALS_KEY = b"gnomad_globals"
"""In the metadata of the Parquet file: the table's global fields, as JSON."""
SITE_FIELDS = (
    "contig", "pos", "ref", "alts", "filter", "FS", "MQ", "MQMedian", "MQRankSum", "ReadPosRankSum", "SOR",
    "AS_FS", "AS_MQ", "AS_MQRankSum", "AS_ReadPosRankSum", "AS_SOR",
)  # fmt: skip
"""Columns of SITES that rows have."""
_BIN_SIZE = 0.1
"""Of raw rank sums by allele (kernels.allele_specific_sums.BIN)."""
_AGE_EDGES = np.arange(30.0, 85.0, 5.0)
_QUALITY_EDGES = np.arange(0.0, 105.0, 5.0)
_BALANCE_EDGES = np.arange(21) / 20.0

_CALLS = pa.struct(
    [("AC", schema.INT32), ("AF", schema.DOUBLE), ("AN", schema.INT32), ("homozygote_count", schema.INT32)]
)
_HISTOGRAM = pa.struct(
    [
        ("bin_edges", schema.DOUBLES),
        ("bin_freq", schema.COUNTS),
        ("n_smaller", schema.INT64),
        ("n_larger", schema.INT64),
    ]
)
_QUALITY_HISTOGRAMS = pa.struct(
    [
        (f"{name}_hist_{kind}", _HISTOGRAM)
        for name, kind in (("gq", "all"), ("dp", "all"), ("gq", "alt"), ("dp", "alt"), ("ab", "alt"))
    ]
)
_FLOATS = dict.fromkeys(("FS", "MQ", "MQRankSum", "ReadPosRankSum", "SOR"), schema.DOUBLE)
_SITE_INFO = _FLOATS | {
    "MQRankSum_cdf": SKETCH, "ReadPosRankSum_cdf": SKETCH, "QUALapprox": schema.INT64, "QD": schema.FLOAT,
    "SB": schema.INTS, "VarDP": schema.INT32,
}  # fmt: skip
_INFO = _SITE_INFO | {f"AS_{name}": type_ for name, type_ in _SITE_INFO.items() if name != "SB"} | {
    "AS_pab_max": schema.DOUBLE, "AS_SB_TABLE": schema.INTS
}  # fmt: skip
ROWS = pa.schema(
    [
        ("locus", pa.struct([("contig", schema.STRING), ("position", schema.INT32)])),
        ("alleles", schema.STRINGS),
        ("a_index", schema.INT32),
        ("was_split", schema.BOOL),
        ("filters", schema.STRINGS),
        ("freq", pa.list_(_CALLS)),
        ("info", pa.struct([*sorted(_INFO.items())])),
        (
            "histograms",
            pa.struct(
                [
                    ("qual_hists", _QUALITY_HISTOGRAMS),
                    ("raw_qual_hists", _QUALITY_HISTOGRAMS),
                    ("age_hists", pa.struct([("age_hist_het", _HISTOGRAM), ("age_hist_hom", _HISTOGRAM)])),
                ]
            ),
        ),
    ]
)
"""gnomAD's row fields: those that it requires, `filters` and `raw_qual_hists`; a set is a list, a locus a struct.

Source: gnomad_qc, federated/data_ingestion/field_requirements.md. Its lists of edges lack 15 and 0.15, which the 20
bins of gnomad_methods' qual_hist_expr have, by which gnomAD's own were made; so have these.
"""


def frequency_groups(sizes: GroupSizes) -> dict[Group, int]:
    """The groups of `freq` after adj and raw, with their people: those of `sizes`, and who remains, if anybody."""
    groups = dict(sizes.groups)
    if any(gen_anc for gen_anc, _ in groups):
        for sex in ("", *sorted({sex for _, sex in groups if sex})):
            whole = sizes.groups[("", sex)] if sex else sizes.everybody
            rest = whole - sum(people for (gen_anc, each), people in sizes.groups.items() if gen_anc and each == sex)
            if rest:
                groups[(REMAINING, sex)] = rest
    return in_order(groups)


def table_globals(sizes: GroupSizes) -> dict[bytes, bytes]:
    """The table's global fields as metadata of its file, but for `date`: equal inputs give equal bytes."""
    groups = frequency_groups(sizes)
    named = [
        {"gen_anc": gen_anc} | {"sex": sex} if gen_anc and sex else {"gen_anc": gen_anc} if gen_anc else {"sex": sex}
        for gen_anc, sex in groups
    ]
    meta = [{"group": "adj"}, {"group": "raw"}, *({**each, "group": "adj"} for each in named)]
    keys = ["_".join(each[key] for key in ("gen_anc", "sex", "group") if key in each) for each in meta]
    values = {
        "freq_meta": meta,
        "freq_index_dict": {key: place for place, key in enumerate(keys)},
        "freq_meta_sample_count": [sizes.everybody, sizes.everybody, *groups.values()],
        "age_distribution": {
            "bin_edges": _AGE_EDGES.tolist(),
            "bin_freq": list(sizes.ages[1:-1]),
            "n_smaller": sizes.ages[0],
            "n_larger": sizes.ages[-1],
        },
    }
    return {GLOBALS_KEY: json.dumps(values).encode()}


def rows_of(sites: schema.Sites, total: TableCounts, sizes: GroupSizes) -> schema.GnomadRows:
    """ROWS of the sites' ALTs but `*`, in their order; `total` has the groups of `sizes`."""
    alts = np.diff(schema.string_lists(sites["alts"])[0]).astype(np.int64)
    site = np.repeat(np.arange(len(sites)), alts)
    number = np.arange(len(site)) - (np.cumsum(alts) - alts)[site]
    alt = sites["alts"].combine_chunks().flatten()
    kept = np.flatnonzero(~np.asarray(pc.equal(alt, "*")))
    place = _Places(site=site[kept], number=number[kept], row=kept, alts=alts)
    positions, alleles = _shortest(
        sites["pos"].combine_chunks().take(place.site_rows).to_pylist(),
        sites["ref"].combine_chunks().take(place.site_rows).to_pylist(),
        alt.take(pa.array(kept)).to_pylist(),
    )
    contig = sites["contig"].combine_chunks().take(place.site_rows).cast(schema.STRING)
    freq, has_alt = _frequencies(total, place, sizes)
    columns = [
        pa.StructArray.from_arrays([contig, pa.array(positions, schema.INT32)], fields=[*ROWS.field("locus").type]),
        pa.array(alleles, schema.STRINGS),
        pa.array((place.number + 1).astype(np.int32)),
        pa.array(alts[place.site] > 1),
        _filters(sites, place, has_alt),
        freq,
        _info(sites, total, place),
        _histograms(total, place),
    ]
    return pa.table(columns, ROWS)


class _Places:
    """Of each row its site, the number of its ALT there from 0, and the ALT's place among all ALTs."""

    def __init__(self, *, site: _Ints, number: _Ints, row: _Ints, alts: _Ints) -> None:
        self.site, self.number, self.row, self.alts = site, number, row, alts
        self.site_rows = pa.array(site)
        self.alone = alts[site] == 1


def _shortest(positions: list[int], refs: list[str], alts: list[str]) -> tuple[list[int], list[list[str]]]:
    """Each variant without last, then first bases that both alleles have, as hl.min_rep makes it."""
    alleles = []
    for row, (ref, alt) in enumerate(zip(refs, alts, strict=True)):
        short, other = ref, alt
        while len(short) > 1 and len(other) > 1 and short[-1] == other[-1]:
            short, other = short[:-1], other[:-1]
        while len(short) > 1 and len(other) > 1 and short[0] == other[0]:
            short, other = short[1:], other[1:]
            positions[row] += 1
        alleles.append([short, other])
    return positions, alleles


def _filters(sites: schema.Sites, place: _Places, has_alt: npt.NDArray[np.bool_]) -> pa.Array:
    texts = sites["filter"].combine_chunks().take(place.site_rows).cast(schema.STRING).to_pylist()
    names = [
        sorted({*(set((text or "PASS").split(";")) - {"PASS"}), *(() if has else ("AC0",))})
        for text, has in zip(texts, has_alt.tolist(), strict=True)
    ]
    return pa.array(names, schema.STRINGS)


def _frequencies(total: TableCounts, place: _Places, sizes: GroupSizes) -> tuple[pa.Array, npt.NDArray[np.bool_]]:
    """`freq`, and whether adj genotypes have the ALT."""
    called, counts, homozygotes = (
        _with_remaining(each, sizes)
        for each in (
            total.counts.of_sites["AN"][place.site],
            total.counts.of_alts["AC"][place.row],
            total.counts.of_alts["homozygote_count"][place.row],
        )
    )
    shares = np.divide(counts, called, out=np.full(counts.shape, np.nan), where=called > 0)
    calls = pa.StructArray.from_arrays(
        [
            pa.array(counts.ravel().astype(np.int32)),
            schema.nullable(shares.ravel(), schema.DOUBLE),
            pa.array(called.ravel().astype(np.int32)),
            pa.array(homozygotes.ravel().astype(np.int32)),
        ],
        fields=[*_CALLS],
    )
    return _equal_lists(calls, counts.shape[1], len(counts)), counts[:, 0] > 0


def _with_remaining(counts: _Ints, sizes: GroupSizes) -> _Ints:
    """Columns of adj, raw and `frequency_groups`: who remains are all less those of the groups."""
    place = {group: 2 + number for number, group in enumerate(sizes.groups)} | {("", ""): 0}
    columns = [counts[:, :2]]
    for gen_anc, sex in frequency_groups(sizes):
        if (gen_anc, sex) in place:
            columns.append(counts[:, [place[(gen_anc, sex)]]])
        else:
            of_groups = [number for (each, own), number in place.items() if each and own == sex]
            columns.append(counts[:, [place[("", sex)]]] - counts[:, of_groups].sum(axis=1, keepdims=True))
    return np.concatenate(columns, axis=1)


def _equal_lists(values: pa.Array, width: int, rows: int) -> pa.ListArray:
    return pa.ListArray.from_arrays(pa.array(np.arange(rows + 1, dtype=np.int32) * width), values)


def _info(sites: schema.Sites, total: TableCounts, place: _Places) -> pa.StructArray:
    of_sites = {name: each[place.site] for name, each in total.counts.of_sites.items()}
    of_alts = {name: each[place.row] for name, each in total.counts.of_alts.items()}
    known = of_sites["unannotated"][:, 0] == 0
    by_allele = dict(zip(ALLELE_RAW, (of_sites["allele_records"] > 0).T, strict=True))
    values: dict[str, pa.Array] = {}
    sites = schema.with_column(sites, "MQ", pc.coalesce(sites["MQ"], sites["MQMedian"]))
    for name in _FLOATS:
        values[name] = sites[name].combine_chunks().take(place.site_rows)
        values[f"AS_{name}"] = _of_allele(sites[f"AS_{name}"], place, values[name])
    first = np.cumsum(2 * (place.alts + 1)) - 2 * (place.alts + 1)
    for field, (name, raw) in enumerate((("MQRankSum", ALLELE_RAW[1]), ("ReadPosRankSum", ALLELE_RAW[2]))):
        whole = first[place.site] + field
        own = first[place.site] + 2 + field * place.alts[place.site] + place.number
        values[f"{name}_cdf"] = sketches(total.rank_sums, np.where(known, whole, -1))
        binned = sketches(total.rank_sums, np.where(known & by_allele[raw], own, -1), _BIN_SIZE)
        alone = sketches(total.rank_sums, np.where(known & ~by_allele[raw] & place.alone, whole, -1))
        values[f"AS_{name}_cdf"] = pc.coalesce(binned, alone)
    for prefix, counts in (("", of_sites), ("AS_", of_alts)):
        quality, depth = counts[f"{prefix}QUALapprox"][:, 0], counts[f"{prefix}VarDP"][:, 0]
        values |= {
            f"{prefix}QUALapprox": pa.array(quality),
            f"{prefix}VarDP": pa.array(depth.astype(np.int32)),
            f"{prefix}QD": pa.array((quality / np.where(depth > 0, depth, np.inf)).astype(np.float32)),
        }
    has_strands = known & by_allele[ALLELE_RAW[0]]
    own_strands = np.concatenate([of_sites["AS_SB_REF"], of_alts["AS_SB"]], axis=1)
    strands = np.where(has_strands[:, None], own_strands, of_sites["SB"])
    values["SB"] = _int_lists(of_sites["SB"], known)
    values["AS_SB_TABLE"] = _int_lists(strands, known & (has_strands | place.alone))
    values["AS_pab_max"] = schema.nullable(total.counts.balance[place.row], schema.DOUBLE)
    fields = [*ROWS.field("info").type]
    return pa.StructArray.from_arrays([values[field.name].cast(field.type) for field in fields], fields=fields)


def _of_allele(column: pa.ChunkedArray, place: _Places, alone: pa.Array) -> pa.Array:
    """A column of lists by ALT as a value of each row's ALT; where there is none, the site's if it is the only one."""
    lists = column.combine_chunks()
    at, _ = schema.ragged(lists)
    has = np.diff(at)[place.site] > place.number
    values = lists.flatten().take(pa.array(np.where(has, at[:-1][place.site] + place.number, 0), mask=~has))
    return pc.coalesce(values, pc.if_else(pa.array(place.alone), alone, pa.scalar(None, schema.DOUBLE)))


def _int_lists(values: _Ints, known: npt.NDArray[np.bool_]) -> pa.ListArray:
    lists = _equal_lists(pa.array(values.ravel().astype(np.int32)), values.shape[1], len(values))
    return pc.if_else(pa.array(known), lists, pa.scalar(None, lists.type))


def _histograms(total: TableCounts, place: _Places) -> pa.StructArray:
    of_sites, of_alts = total.counts.of_sites, total.counts.of_alts
    edges = {"ab": _BALANCE_EDGES}
    quality = []
    for half in (slice(0, BINS), slice(BINS, 2 * BINS)):
        fields = [*_QUALITY_HISTOGRAMS]
        arrays = []
        for field in fields:
            name, _, kind = field.name.split("_")
            counts = of_sites[f"{name}_all"][place.site] if kind == "all" else of_alts[f"{name}_alt"][place.row]
            arrays.append(_histogram(counts[:, half], edges.get(name, _QUALITY_EDGES)))
        quality.append(pa.StructArray.from_arrays(arrays, fields=fields))
    fields = [*ROWS.field("histograms").type.field("age_hists").type]
    ages = [_histogram(of_alts[name][place.row], _AGE_EDGES) for name in ("age_het", "age_hom")]
    parts = [*quality, pa.StructArray.from_arrays(ages, fields=fields)]
    return pa.StructArray.from_arrays(parts, fields=[*ROWS.field("histograms").type])


def _histogram(counts: _Ints, edges: npt.NDArray[np.float64]) -> pa.StructArray:
    rows, inner = len(counts), np.ascontiguousarray(counts[:, 1:-1])
    return pa.StructArray.from_arrays(
        [
            _equal_lists(pa.array(np.tile(edges, rows)), len(edges), rows),
            _equal_lists(pa.array(inner.ravel()), inner.shape[1], rows),
            pa.array(counts[:, 0]),
            pa.array(counts[:, -1]),
        ],
        fields=[*_HISTOGRAM],
    )
