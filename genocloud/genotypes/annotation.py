"""The callset's sites from all batches' raw annotations; sites without carriers are dropped here."""

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import annotations, schema
from genocloud.genotypes.allele_specific import allele_data
from genocloud.genotypes.calling import emitted
from genocloud.genotypes.model import Model
from genocloud.genotypes.nonvariant import (
    NonvariantRawAnnotations,
    has_forced_alts,
    in_order,
    is_nonvariant,
    was_not_estimated,
)
from genocloud.genotypes.raw_annotations import RawAnnotations, by_name, sum_widths
from genocloud.genotypes.runs import Runs
from genocloud.kernels import nonvariant_genotypes
from genocloud.kernels.site_statistics import medians
from genocloud.regions import Contig

LOW_QUAL = "LowQual"
NO_CARRIER = "no sample carries an ALT"
Array = npt.NDArray[Any]


def annotate(
    settled: schema.Settled, raw: RawAnnotations, contigs: Sequence[Contig], model: Model
) -> tuple[schema.Sites, Counter[str]]:
    """The shard's SITES and its dropped sites by reason: len(settled) == len(sites) + sum of the counts.

    `settled` is the table passed to `call`; `raw` the sum of all batches' raw annotations. Sites whose ALTs no
    sample carries are dropped, unless they are force-output or have forced ALTs; `carried` returns the other rows.
    """
    emitted_sites = emitted(settled)
    nonvariant = is_nonvariant(emitted_sites)
    sites = emitted_sites.filter(pa.array(~nonvariant)).combine_chunks() if nonvariant.any() else emitted_sites
    table, has_carrier = _variant_sites(sites, raw, contigs, model)
    dropped = Counter(reason for reason in settled["reason"].drop_null().to_pylist())
    keeps = has_carrier | schema.numbers(sites["forced"])
    if not keeps.all():
        dropped[NO_CARRIER] = int(np.count_nonzero(~keeps))
        table = table.filter(pa.array(keeps))
    if raw.nonvariant:
        nonvariant_sites = emitted_sites.filter(pa.array(nonvariant)).combine_chunks()
        remaining = nonvariant.copy()
        remaining[~nonvariant] = keeps
        table = in_order(
            table,
            _nonvariant_sites(nonvariant_sites, raw.nonvariant, contigs, model),
            nonvariant[remaining | nonvariant],
        )
    return table, dropped


def _variant_sites(
    sites: schema.Settled, raw: RawAnnotations, contigs: Sequence[Contig], model: Model
) -> tuple[schema.Sites, Array]:
    """SITES of the sites emitted with ALTs, and the mask of those with a carrier, (sites,) bool."""
    data = _site_data(sites, raw, model)
    columns = _alleles(sites, contigs, model)
    for annotation in annotations.SITE_ANNOTATIONS:
        columns |= annotation.finalise(data)
    if raw.alleles:
        called = schema.numbers(columns["AN"])
        alleles = allele_data(raw.alleles, *_absences(sites), called=called, carried=data.carried)
        for allele_annotation in annotations.ALLELE_ANNOTATIONS:
            columns |= allele_annotation.finalise(alleles)
    return _sites(columns, len(sites)), data.carried


def _absences(sites: schema.Settled) -> tuple[Array, Array]:
    """The log10 probabilities for AS_QD, by ALT: (offsets, log10); QUAL where force-output with one estimated ALT."""
    lists, absent = schema.ragged(sites["absent_log10"])
    alone = schema.numbers(sites["forced"]) & (schema.numbers(sites["genotyped"]) == 1)
    quals = np.repeat(schema.numbers(sites["qual"]), np.diff(lists))
    return lists, np.where(np.repeat(alone, np.diff(lists)), quals / -10.0, absent)


def _nonvariant_sites(
    sites: schema.Settled, raw: NonvariantRawAnnotations, contigs: Sequence[Contig], model: Model
) -> schema.Sites:
    """SITES of the sites emitted without a likely variant (gatk-model.md, section 8, cases 1 and 2).

    The records' IDs are kept only where nothing was estimated: GATK loses them where it genotypes.
    """
    estimated = ~was_not_estimated(sites)
    unknown = pa.ListArray.from_arrays(np.arange(len(sites) + 1, dtype=np.int32), pa.nulls(len(sites), schema.INT32))
    columns = _fixed(sites, contigs, model)
    columns |= {"id": _either(pa.array(_ids(raw.ids, len(sites)), schema.STRING), None, ~estimated)}
    columns |= {"ref": sites["ref"], "alts": _kept_whole(sites)}
    data = _nonvariant_data(sites, raw, model)
    for annotation in annotations.SITE_ANNOTATIONS:
        columns |= annotation.finalise(data) if annotation.at_nonvariant else {}
    columns |= {
        "MLEAC": _either(unknown, None, estimated),
        "MLEAF": _either(unknown.cast(schema.DOUBLES), None, estimated),
        "NDA": _either(columns["NDA"], None, estimated),
    }
    return _sites(columns, len(sites))


def _sites(columns: dict[str, Any], count: int) -> schema.Sites:
    """SITES from some of its columns; the others are null."""
    none = [pa.nulls(count, column.type) for column in annotations.SITES]
    return pa.table(
        [columns.get(name, empty) for name, empty in zip(annotations.SITES.names, none, strict=True)], annotations.SITES
    )


def _either(values: Any, others: Any, first: Array) -> pa.Array:
    return pc.if_else(pa.array(first), values, others)


def carried(settled: schema.Settled, sites: schema.Sites) -> schema.Settled:
    """The rows of `settled` that `annotate` kept."""
    return settled.filter(pc.is_in(pc.add(settled["start"], 1), value_set=sites["pos"].combine_chunks()))


def uncarried(sites: schema.Sites) -> Array:
    """Mask of the force-output sites whose ALTs no sample carries: (sites,) bool."""
    has_alts = pc.greater(pc.list_value_length(sites["alts"]), 0)
    return np.asarray(pc.and_(has_alts, pc.and_(sites["AC"].is_null(), sites["qual"].is_valid())).to_numpy())


def _alleles(sites: schema.Settled, contigs: Sequence[Contig], model: Model) -> dict[str, Any]:
    rows = sites.select(["ref", "alts", "kept"]).to_pylist()
    trimmed = [trim([row["ref"], *(row["alts"][number - 1] for number in row["kept"])]) for row in rows]
    return _fixed(sites, contigs, model) | {
        "ref": [alleles[0] for alleles in trimmed],
        "alts": [alleles[1:] for alleles in trimmed],
    }


def _kept_whole(sites: schema.Settled) -> pa.Array:
    """All ALTs, untrimmed, of the sites that keep any; empty lists for the others."""
    keeps = np.diff(schema.ragged(sites["kept"])[0]) > 0
    counts = pc.list_value_length(sites["alts"]).to_numpy()
    offsets = np.concatenate([[0], np.cumsum(counts * keeps)]).astype(np.int32)
    alts = pc.list_flatten(sites["alts"]).filter(pa.array(np.repeat(keeps, counts)))
    return pa.ListArray.from_arrays(pa.array(offsets), alts.combine_chunks())


def _fixed(sites: schema.Settled, contigs: Sequence[Contig], model: Model) -> dict[str, Any]:
    seen = pc.list_value_length(sites["alts"])
    return {
        "FORCED": _either(has_forced_alts(sites), None, has_forced_alts(sites)),
        "NDA": seen if model.annotate_with_num_discovered_alleles else pa.nulls(len(sites), schema.INT32),
        "seen": seen,
        "genotyped": sites["genotyped"],
        "contig": pa.DictionaryArray.from_arrays(sites["contig"].combine_chunks(), [contig.name for contig in contigs]),
        "pos": pc.add(sites["start"], 1),
        "qual": sites["qual"],
        "filter": pc.if_else(sites["low"], LOW_QUAL, None),
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


def _ids(ids: Sequence[tuple[int, str]], sites: int) -> list[str | None]:
    """The records' IDs of each site, sorted, `;` between."""
    pairs = sorted({(site, word) for site, text in ids for word in text.split(";")})
    named = {site: ";".join(word for _, word in group) for site, group in groupby(pairs, key=itemgetter(0))}
    return [named.get(site) for site in range(sites)]


def _site_data(sites: schema.Settled, raw: RawAnnotations, model: Model) -> annotations.SiteData:
    """What the annotations of sites emitted with ALTs are computed from."""
    offsets, mleac = schema.ragged(sites["mleac"])
    first = offsets + np.arange(len(offsets))
    is_alt = np.ones(len(raw.ac), bool)
    is_alt[first[:-1]] = False
    copies = np.concatenate([[0], np.cumsum(raw.ac * is_alt)])[first]
    return annotations.SiteData(
        qual=schema.numbers(sites["qual"]),
        sums=by_name(raw.totals, sum_widths()),
        medians=_medians(raw.runs),
        alt_offsets=offsets,
        allele_counts=raw.ac,
        mleac=mleac,
        carried=(np.diff(copies) > 0) | has_forced_alts(sites),
        samples=raw.samples,
        settings=model,
    )


def _nonvariant_data(sites: schema.Settled, raw: NonvariantRawAnnotations, model: Model) -> annotations.SiteData:
    """What the annotations of sites emitted without a likely variant are computed from; nothing there is by allele."""
    none = {name: np.zeros((len(sites), width), np.int64) for name, width in sum_widths().items()}
    return annotations.SiteData(
        qual=schema.numbers(sites["qual"]),
        sums=none | by_name(raw.totals, nonvariant_genotypes.SUMS),
        medians=_medians(raw.runs),
        alt_offsets=np.zeros(len(sites) + 1, np.int64),
        allele_counts=np.zeros(len(sites), np.int64),
        mleac=np.zeros(0, np.int32),
        carried=np.zeros(len(sites), bool),
        samples=0,
        settings=model,
    )


def _medians(runs: Runs) -> dict[str, Array]:
    """Element n // 2 of each site's sorted values, by field: (sites,) float64, NaN where there are none."""
    elements = medians(*runs).astype(np.float64).reshape(-1, len(annotations.MEDIANS)).T
    return {
        name: values if pa.types.is_integer(schema.VARIANTS.field(name).type) else annotations.six_digits(values)
        for name, values in zip(annotations.MEDIANS, elements, strict=True)
    }
