"""Merge raw annotations and compute the final annotations; sites without carriers are dropped here."""

import logging
from collections import Counter
from collections.abc import Sequence
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import schema
from genocloud.genotypes import allele_specific
from genocloud.genotypes.allele_specific import HIGH_QD, QD_WHEN_HIGH, Runs, add_runs
from genocloud.genotypes.calling import RANKED, RawAnnotations, emitted
from genocloud.genotypes.model import Model
from genocloud.genotypes.nonvariant import (
    NonvariantRawAnnotations,
    add_nonvariant,
    in_order,
    is_nonvariant,
    was_not_estimated,
)
from genocloud.kernels import nonvariant_genotypes
from genocloud.kernels.fixed_point import add_share_sums, share_sums
from genocloud.kernels.genotyping import (
    CARRIED,
    DEPTH,
    DIPLOID,
    HARDY,
    INBREEDING,
    OLD_MQ,
    RAW_MQ,
    REGENOTYPED,
    SAMPLE_DEPTH,
    STRANDS,
)
from genocloud.kernels.site_statistics import annotate_sites, medians
from genocloud.regions import Contig

_log = logging.getLogger(__name__)

LOW_QUAL = "LowQual"
NO_CARRIER = "no sample carries an ALT"
MIN_INBRED = 10
"""InbreedingCoeff needs as many samples (InbreedingCoeff.MIN_SAMPLES)."""
MEDIANS = ("BaseQRankSum", "ClippingRankSum", "MQRankSum", "ReadPosRankSum")
"""Columns of SITES that are plain medians."""
Array = npt.NDArray[Any]


def add(shares: Sequence[RawAnnotations]) -> RawAnnotations:
    """Merge several parts; exact, in any order and grouping."""
    if len(shares) == 1:
        return shares[0]
    alleles = [share.alleles for share in shares if share.alleles]
    nonvariant = [share.nonvariant for share in shares if share.nonvariant]
    totals = np.sum([share.totals for share in shares], axis=0)
    totals[:, INBREEDING:] = add_share_sums(np.stack([share.totals[:, INBREEDING:] for share in shares]))
    return RawAnnotations(
        totals,
        np.sum([share.ac for share in shares], axis=0),
        add_runs([share.runs for share in shares]),
        sum(share.samples for share in shares),
        allele_specific.add(alleles) if alleles else None,
        add_nonvariant(nonvariant) if nonvariant else None,
    )


def annotate(
    settled: schema.Settled, raw: RawAnnotations, contigs: Sequence[Contig], model: Model
) -> tuple[schema.Sites, Counter[str]]:
    """The shard's SITES and its dropped sites by reason: len(settled) == len(sites) + sum of the counts.

    `settled` is the table passed to `call`; `raw` the sum of all batches' raw annotations. Sites whose ALTs no
    sample carries are dropped, unless they are force-output; `carried` returns the other rows.
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
    counts = _counts(sites, raw)
    columns = _alleles(sites, contigs, model) | counts
    columns |= _info(sites, raw, model)
    if raw.alleles:
        columns |= allele_specific.annotations(raw.alleles, *_absences(sites), counts["AN"])
    has_carrier = np.array([any(copies) for copies in counts["AC"].to_pylist()], bool)
    if not has_carrier[schema.numbers(sites["forced"])].all():
        own = _or_null(_medians(raw.runs)["ExcessHet"])
        columns |= {"ExcessHetMedian": _either(columns["ExcessHetMedian"], own, has_carrier)}
        columns |= {name: _either(columns[name], None, has_carrier) for name in _OF_CARRIERS if name in columns}
    return _sites(columns, len(sites)), has_carrier


def _absences(sites: schema.Settled) -> tuple[Array, Array]:
    """The log10 probabilities for AS_QD, by ALT: (offsets, log10); QUAL where force-output with one estimated ALT."""
    lists, absent = schema.ragged(sites["absent_log10"])
    alone = schema.numbers(sites["forced"]) & (schema.numbers(sites["genotyped"]) == 1)
    quals = np.repeat(schema.numbers(sites["qual"]), np.diff(lists))
    return lists, np.where(np.repeat(alone, np.diff(lists)), quals / -10.0, absent)


_OF_CARRIERS = ("AC", "AF", "AN", "AS_InbreedingCoeff", "ExcessHet", "FS", "InbreedingCoeff", "QD", "SOR")
"""Annotations that GATK leaves out at emitted sites without carriers; the records' ExcessHet is passed on there."""


def _nonvariant_sites(
    sites: schema.Settled, raw: NonvariantRawAnnotations, contigs: Sequence[Contig], model: Model
) -> schema.Sites:
    """SITES of the sites emitted without a likely variant (gatk-model.md, section 8, cases 1 and 2).

    The records' IDs are kept only where nothing was estimated: GATK loses them where it genotypes.
    """
    own, estimated = _medians(raw.runs), ~was_not_estimated(sites)
    depth = _site_depth(raw.totals[:, nonvariant_genotypes.DEPTH], raw.totals[:, nonvariant_genotypes.SAMPLE_DEPTH])
    mapping = raw.totals[:, nonvariant_genotypes.MAPPING : nonvariant_genotypes.SAMPLE_DEPTH]
    unknown = pa.ListArray.from_arrays(np.arange(len(sites) + 1, dtype=np.int32), pa.nulls(len(sites), schema.INT32))
    columns = _fixed(sites, contigs, model)
    columns |= {"id": _either(pa.array(_ids(raw.ids, len(sites)), schema.STRING), None, ~estimated)}
    columns |= {"ref": sites["ref"], "alts": _kept_whole(sites)}
    columns |= _plain_medians(own) | {"ExcessHetMedian": _or_null(own["ExcessHet"])}
    columns |= {
        "DP": pa.array(depth.astype(np.int32), mask=depth == 0),
        "MLEAC": _either(unknown, None, estimated),
        "MLEAF": _either(unknown.cast(schema.DOUBLES), None, estimated),
        "MQ": _present(_mapping_quality(mapping), mapping[:, 2] > 0),
        "MQMedian": _without(own["MQ"], mapping[:, 2] > 0),
        "NDA": _either(columns["NDA"], None, estimated),
    }
    return _sites(columns, len(sites))


def _sites(columns: dict[str, Any], count: int) -> schema.Sites:
    """SITES from some of its columns; the others are null."""
    none = [pa.nulls(count, column.type) for column in schema.SITES]
    return pa.table(
        [columns.get(name, empty) for name, empty in zip(schema.SITES.names, none, strict=True)], schema.SITES
    )


def _either(values: Any, others: Any, first: Array) -> pa.Array:
    return pc.if_else(pa.array(first), values, others)


def _or_null(values: Array) -> pa.Array:
    return _present(values, ~np.isnan(values))


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


def _counts(sites: schema.Settled, raw: RawAnnotations) -> dict[str, Any]:
    """AC, AF, AN, MLEAC and MLEAF; `ac` holds the copies of each emitted allele, REF too."""
    lists, mleac = schema.ragged(sites["mleac"])
    first, number = lists + np.arange(len(lists)), np.diff(lists)
    is_ref = np.zeros(len(raw.ac), bool)
    is_ref[first[:-1]] = True
    called = np.add.reduceat(raw.ac, first[:-1]) if len(sites) else raw.ac
    ac, an, regenotyped = raw.ac[~is_ref], np.repeat(called, number), np.repeat(raw.totals[:, REGENOTYPED], number)
    offsets = lists.astype(np.int32)
    return {
        "AC": pa.ListArray.from_arrays(offsets, ac.astype(np.int32)),
        "AF": pa.ListArray.from_arrays(offsets, _ratio(ac, an, 0.0)),
        "AN": called.astype(np.int32),
        "MLEAC": sites["mleac"],
        "MLEAF": pa.ListArray.from_arrays(offsets, np.minimum(1.0, _ratio(mleac, regenotyped, 1.0))),
    }


def _ratio(part: Array, whole: Array, of_none: float) -> Array:
    """part / whole, and `of_none` where whole is 0."""
    return np.asarray(np.divide(part, whole, out=np.full(len(part), of_none), where=whole != 0))


def _info(sites: schema.Settled, raw: RawAnnotations, model: Model) -> dict[str, pa.Array]:
    """The other INFO columns of SITES."""
    totals, own = raw.totals, _medians(raw.runs)
    strands, hardy, diploid = totals[:, STRANDS : STRANDS + 9], totals[:, HARDY : HARDY + 4], totals[:, DIPLOID]
    inbreeding = share_sums(totals[:, INBREEDING:].copy())
    statistics = annotate_sites(strands[:, :8].copy(), hardy[:, :3].copy(), inbreeding, diploid.copy())
    has_hardy, enough = hardy[:, 3] > 0, (diploid >= MIN_INBRED) & (raw.samples >= MIN_INBRED)
    depth = _site_depth(totals[:, DEPTH], totals[:, SAMPLE_DEPTH])
    quality, has_quality = _mapping_qualities(totals, depth, model)
    return _plain_medians(own) | {
        "DP": pa.array(depth.astype(np.int32), mask=depth == 0),
        "ExcessHet": _present(statistics[:, 2], has_hardy),
        "ExcessHetMedian": _without(own["ExcessHet"], has_hardy),
        "FS": _present(statistics[:, 0], strands[:, 8] > 0),
        "InbreedingCoeff": _present(statistics[:, 3], enough),
        "MQ": _present(quality, has_quality),
        "MQMedian": _without(own["MQ"], has_quality),
        "QD": _qual_by_depth(schema.numbers(sites["qual"]), totals[:, CARRIED], totals[:, CARRIED + 1]),
        "SOR": _present(statistics[:, 1], strands[:, 8] > 0),
    }


def _site_depth(of_records: Array, of_samples: Array) -> Array:
    """INFO/DP of each site; where all records' INFO/DP is 0, GenomicsDB sums the samples' own depths."""
    return np.where(of_records > 0, of_records, of_samples)


def _medians(runs: Runs) -> dict[str, Array]:
    """Element n // 2 of each site's sorted values, by field: (sites,) float64, NaN where there are none.

    GenomicsDB writes floats as text of six digits (gatk-model.md, section 7).
    """
    elements = medians(*runs).astype(np.float64)
    by_field = dict(zip(RANKED.values(), elements.reshape(-1, len(RANKED)).T, strict=True))
    return {name: values if name == "MQ0" else _six_digits(values) for name, values in by_field.items()}


def _six_digits(values: Array) -> Array:
    out, known = values.copy(), ~np.isnan(values)
    out[known] = [float(f"{value:g}") for value in values[known].tolist()]
    return out


def _present(values: Array, present: Array) -> pa.Array:
    return pa.array(values, mask=~present)


def _without(own: Array, present: Array) -> pa.Array:
    """The records' own median, null where the annotation itself is computed."""
    return _present(own, ~present & ~np.isnan(own))


def _plain_medians(own: dict[str, Array]) -> dict[str, pa.Array]:
    """The columns that are plain medians."""
    reads = _or_null(own["MQ0"]).cast(schema.INT32)
    return {name: _or_null(own[name]) for name in MEDIANS} | {"MQ0": reads}


def _mapping_qualities(totals: Array, depth: Array, model: Model) -> tuple[Array, Array]:
    """MQ of each site, and the mask of the sites that have one.

    With GATK 3's sums, where the model allows them, the reads are those of INFO/DP less those of hom-refs, and the sum
    has six digits: GenomicsDB writes it as text. Source: RMSMappingQuality.finalizeRawData, getNumOfReads.
    """
    quality, has_count = _mapping_quality(totals[:, RAW_MQ : RAW_MQ + 2]), totals[:, RAW_MQ + 2] > 0
    old, reads = ~has_count & (totals[:, OLD_MQ + 1] > 0), depth - totals[:, OLD_MQ + 2]
    if not model.allow_old_rms_mapping_quality_annotation_data:
        if old.any():
            _warn_of_old_sums()
        return quality, has_count
    squares = np.floor(_six_digits(totals[:, OLD_MQ].astype(np.float32).astype(np.float64)) + 0.5)
    quality[old] = _mapping_quality(np.stack([squares, np.maximum(reads, 0)], axis=1))[old]
    return quality, has_count | old


@cache
def _warn_of_old_sums() -> None:
    """Warn once for each process: GATK 4 refuses such files."""
    _log.warning(
        "records with GATK 3's RAW_MQ, which lacks the number of reads: their sites get no MQ; "
        "--allow-old-rms-mapping-quality-annotation-data computes it with the depth in its place"
    )


def _mapping_quality(sums: Array) -> Array:
    """Root of the mean square; NaN where no read was counted."""
    return np.sqrt(_ratio(sums[:, 0], sums[:, 1], np.nan))


def _qual_by_depth(qual: Array, depth: Array, carried: Array) -> pa.Array:
    depth = np.where(carried > 0, carried, depth)
    value = _ratio(qual, depth, 0.0)
    return _present(np.where(value < HIGH_QD, value, QD_WHEN_HIGH), depth != 0)
