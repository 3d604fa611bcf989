"""The allele-specific annotations, one class each: columns, raw data, values (GATK's AS_StandardAnnotation group)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from genocloud.annotations.site_annotations import HIGH_QD, QD_WHEN_HIGH
from genocloud.annotations.site_data import Array
from genocloud.schema import DOUBLES, Column

# Kernels are imported where they are called: the columns are needed by programs that compute nothing.

MIN_INBRED = 10
"""AS_InbreedingCoeff needs as many called diploid samples with PL (AS_InbreedingCoeff.MIN_SAMPLES)."""
STRAND_TABLE, SQUARES, HISTOGRAM = 0, 1, 2
"""What a raw text holds by allele: `which` of kernels.allele_specific_sums.read_raw."""
GROUP = ("AS_StandardAnnotation",)


@dataclass(frozen=True, kw_only=True)
class AlleleData:
    """The raw data of some sites' emitted alleles, merged over all samples.

    offsets        (sites + 1,) int64: the sites' slices of the ALTs
    alt, ref       (ALTs,) int64: rows of `sums`, `squares` and `medians` for the ALT, and for its site's REF
    site           (ALTs,) int64: its site
    sums           (emitted alleles, kernels.allele_specific_sums.SUMS) int64
    squares        (emitted alleles,) float64: sum of squared mapping qualities
    medians        by column of VARIANTS: (emitted alleles,) float64, NaN where no record has a value
    has_records    by column of VARIANTS: (sites,) bool; some record has it
    samples        (sites, 2) int64: called diploid samples with PL or GQ; samples with AD
    absent_log10   (ALTs,) float64: log10 probability that no sample carries it
    called         (sites,) int64: called alleles (AN)
    carried        (sites,) bool: some sample carries an ALT
    """

    offsets: Array
    alt: Array
    ref: Array
    site: Array
    sums: Array
    squares: Array
    medians: Mapping[str, Array]
    has_records: Mapping[str, Array]
    samples: Array
    absent_log10: Array
    called: Array
    carried: Array

    def column(self, values: Array, present: Array | None, sites: Array) -> pa.Array:
        """Values by ALT, null where not `present`; null lists where not `sites`."""
        return pa.ListArray.from_arrays(
            pa.array(self.offsets.astype(np.int32)),
            pa.array(values, pa.float64(), mask=None if present is None else ~present),
            mask=pa.array(~sites),
        )


class AlleleAnnotation:
    """An annotation by ALT.

    columns    the columns of SITES that it computes
    raw        the column of VARIANTS that it is computed from, raw data by allele as text, if any; `holds` says what
               these are, and so how they merge: a STRAND_TABLE is added to AlleleData.sums, SQUARES are added in the
               samples' order, a HISTOGRAM by bin
    """

    columns: tuple[Column, ...]
    raw: str = ""
    holds: int = STRAND_TABLE

    def finalise(self, data: AlleleData) -> dict[str, pa.Array]:
        """The values of its columns."""
        raise NotImplementedError


def _column(name: str, description: str, form: str) -> Column:
    return Column(name, DOUBLES, f"{description}, by ALT", f"INFO/{name}", "A", "Float", form, enabled_by=GROUP)


class AlleleStrandBias(AlleleAnnotation):
    """AS_FS and AS_SOR."""

    columns = (
        _column("AS_FS", "phred p-value of strand bias (Fisher)", "%.3f"),
        _column("AS_SOR", "strand odds ratio", "%.3f"),
    )
    raw = "as_sb_table"

    def finalise(self, data: AlleleData) -> dict[str, pa.Array]:
        """Of the table of REF and the ALT."""
        from genocloud.kernels.allele_specific_sums import STRANDED
        from genocloud.kernels.site_statistics import (
            STRAND_LIMIT,
            fisher_strand,
            log_factorials,
            strand_odds_ratio,
        )

        tables = np.concatenate([data.sums[data.ref, :2], data.sums[data.alt, :2]], axis=1)
        known, factorials = data.sums[data.alt, STRANDED] > 0, log_factorials(STRAND_LIMIT + 1)
        fisher = np.array([fisher_strand(table, factorials) for table in tables])
        odds = np.array([strand_odds_ratio(table) for table in tables])
        has_records = data.has_records[self.raw]
        return {"AS_FS": data.column(fisher, known, has_records), "AS_SOR": data.column(odds, known, has_records)}


class AlleleMappingQuality(AlleleAnnotation):
    """AS_MQ."""

    columns = (_column("AS_MQ", "root mean square mapping quality", "%.2f"),)
    raw = "as_raw_mq"
    holds = SQUARES

    def finalise(self, data: AlleleData) -> dict[str, pa.Array]:
        """The reads are those of AD."""
        from genocloud.kernels.allele_specific_sums import DEPTH

        with np.errstate(divide="ignore", invalid="ignore"):
            squares = data.squares[data.alt] / data.sums[data.alt, DEPTH]
        return {"AS_MQ": data.column(np.sqrt(squares), None, data.has_records[self.raw])}


class AlleleRankSum(AlleleAnnotation):
    """The median of the z scores of the records, from histograms."""

    holds = HISTOGRAM

    def __init__(self, name: str, raw: str, compared: str) -> None:
        self.raw = raw
        self.columns = (_column(name, f"median of the z scores of {compared}", "%.3f"),)

    def finalise(self, data: AlleleData) -> dict[str, pa.Array]:
        """Null for ALTs without one."""
        medians = data.medians[self.raw][data.alt]
        return {self.columns[0].name: data.column(medians, ~np.isnan(medians), data.has_records[self.raw])}


class AlleleQualByDepth(AlleleAnnotation):
    """AS_QD."""

    columns = (_column("AS_QD", "quality / depth of the samples that carry an ALT", "%.2f"),)

    def finalise(self, data: AlleleData) -> dict[str, pa.Array]:
        """The depth is that of REF and the ALT."""
        from genocloud.kernels.allele_specific_sums import CARRIED

        depth = data.sums[data.ref, CARRIED] + data.sums[data.alt, CARRIED]
        with np.errstate(divide="ignore", invalid="ignore"):
            by_depth = np.floor(-10.0 * data.absent_log10 + 0.5) / depth
            by_depth = np.where(by_depth < HIGH_QD, by_depth, QD_WHEN_HIGH)
        return {"AS_QD": data.column(by_depth, None, data.samples[:, 1] > 0)}


class AlleleInbreedingCoeff(AlleleAnnotation):
    """AS_InbreedingCoeff."""

    columns = (_column("AS_InbreedingCoeff", "1 - observed / expected heterozygotes", "%.4f"),)

    def finalise(self, data: AlleleData) -> dict[str, pa.Array]:
        """Null with fewer than MIN_INBRED samples, and without carriers. Source: AS_InbreedingCoeff.calculateIC."""
        from genocloud.kernels.allele_specific_sums import HETS
        from genocloud.kernels.fixed_point import share_sums

        hets, homs = share_sums(data.sums[:, HETS:].copy()).T
        copies = hets + 2.0 * homs
        alone = np.bincount(data.site, minlength=len(data.samples))[data.site] == 1
        with np.errstate(divide="ignore", invalid="ignore"):
            # of one ALT; never 1 - q, which would lose a tiny share
            refs = copies[data.ref] / (copies[data.alt] + copies[data.ref])
            alts = copies[data.alt] / data.called[data.site]
            share = np.where(alone, refs, alts)
            expected = 2.0 * share * (1.0 - share) * data.samples[data.site, 0]
            values = 1.0 - hets[data.alt] / expected
        enough = data.samples[:, 0] >= MIN_INBRED
        return {"AS_InbreedingCoeff": data.column(values, enough[data.site], enough & data.carried)}


ALLELE_ANNOTATIONS: tuple[AlleleAnnotation, ...] = (
    AlleleStrandBias(),
    AlleleMappingQuality(),
    AlleleRankSum("AS_BaseQRankSum", "as_raw_base_q_rank_sum", "base qualities"),
    AlleleRankSum("AS_MQRankSum", "as_raw_mq_rank_sum", "mapping qualities"),
    AlleleRankSum("AS_ReadPosRankSum", "as_raw_read_pos_rank_sum", "read positions"),
    AlleleQualByDepth(),
    AlleleInbreedingCoeff(),
)
"""All of them. Stored raw data have raw columns and histograms in this order: new ones go to the end."""

RAW = tuple(annotation.raw for annotation in ALLELE_ANNOTATIONS if annotation.raw)
"""Columns of VARIANTS with raw data by allele, as text."""
HISTOGRAMS = tuple(each.raw for each in ALLELE_ANNOTATIONS if each.holds == HISTOGRAM)
"""Those of them that hold histograms."""
SQUARED = next(each.raw for each in ALLELE_ANNOTATIONS if each.holds == SQUARES)
"""The one that holds sums of squares."""
