"""The annotations of sites, one class each: columns, raw data, values (GATK's StandardAnnotation group)."""

import logging
from functools import cache

import numpy as np
import pyarrow as pa

from genocloud.annotations.site_data import (
    Annotation,
    Array,
    SiteData,
    median_column,
    present,
    ratio,
    six_digits,
)
from genocloud.schema import DOUBLE, DOUBLES, INT32, INTS, Column

# Kernels are imported where they are called: the columns are needed by programs that compute nothing.

_log = logging.getLogger(__name__)
_FLOAT = ("1", "Float")
MIN_INBRED = 10
"""InbreedingCoeff needs as many samples (InbreedingCoeff.MIN_SAMPLES)."""
HIGH_QD, QD_WHEN_HIGH = 35.0, 30.0
"""GATK replaces QD of 35 and more by a random draw around 30 (standard deviation 3), so that the value is no tell-tale
of an artefact (QualByDepth.fixTooHighQD). We write the centre of that draw: the same in every run and under any cut.
AS_QD is so replaced where there is no depth, too."""


class ChromosomeCounts(Annotation):
    """AC, AF and AN, of the called alleles."""

    columns = (
        Column("AC", INTS, "called alternate alleles, by ALT", "INFO/AC", "A", "Integer"),
        Column("AF", DOUBLES, "AC / AN, by ALT", "INFO/AF", "A", "Float"),
        Column("AN", INT32, "called alleles", "INFO/AN", "1", "Integer"),
    )

    def finalise(self, data: SiteData) -> dict[str, pa.Array]:
        """Null at sites without carriers."""
        first = data.alt_offsets + np.arange(len(data.alt_offsets))
        is_ref = np.zeros(len(data.allele_counts), bool)
        is_ref[first[:-1]] = True
        called = np.add.reduceat(data.allele_counts, first[:-1]) if len(data.qual) else data.allele_counts
        counts, offsets = data.allele_counts[~is_ref], pa.array(data.alt_offsets.astype(np.int32))
        frequencies = ratio(counts, np.repeat(called, np.diff(data.alt_offsets)), 0.0)
        absent = pa.array(~data.carried)
        return {
            "AC": pa.ListArray.from_arrays(offsets, counts.astype(np.int32), mask=absent),
            "AF": pa.ListArray.from_arrays(offsets, frequencies, mask=absent),
            "AN": present(called.astype(np.int32), data.carried),
        }


class LikeliestCounts(Annotation):
    """MLEAC and MLEAF, from the estimate; the alleles called before depthless genotypes were emptied are the whole."""

    columns = (
        Column("MLEAC", INTS, "likeliest allele counts, by ALT", "INFO/MLEAC", "A", "Integer"),
        Column("MLEAF", DOUBLES, "likeliest allele frequencies, by ALT", "INFO/MLEAF", "A", "Float"),
    )

    def finalise(self, data: SiteData) -> dict[str, pa.Array]:
        """Frequencies are 1 at most."""
        whole = np.repeat(data.sums["regenotyped"][:, 0], np.diff(data.alt_offsets))
        offsets = pa.array(data.alt_offsets.astype(np.int32))
        return {
            "MLEAC": pa.ListArray.from_arrays(offsets, data.mleac),
            "MLEAF": pa.ListArray.from_arrays(
                offsets, np.minimum(1.0, ratio(data.mleac, whole, 1.0)) * (data.mleac > 0)
            ),
        }


class Coverage(Annotation):
    """DP."""

    columns = (Column("DP", INT32, "depth summed over samples, reads", "INFO/DP", "1", "Integer"),)
    at_nonvariant = True

    def finalise(self, data: SiteData) -> dict[str, pa.Array]:
        """Null where it is 0."""
        depth = _site_depth(data)
        return {"DP": present(depth.astype(np.int32), depth != 0)}


def _site_depth(data: SiteData) -> Array:
    """INFO/DP of each site; where all records' INFO/DP is 0, GenomicsDB sums the samples' own depths."""
    depth = data.sums["depth"][:, 0]
    return np.where(depth > 0, depth, data.sums["sample_depth"][:, 0])


class RankSum(Annotation):
    """The median of the records' own z scores."""

    at_nonvariant = True

    def __init__(self, name: str, median_of: str, compared: str) -> None:
        self.median_of = median_of
        self.columns = (
            Column(name, DOUBLE, f"median over samples of the z score of {compared}", f"INFO/{name}", *_FLOAT),
        )

    def finalise(self, data: SiteData) -> dict[str, pa.Array]:
        """Null where no record has one."""
        return {self.columns[0].name: median_column(data.medians[self.median_of])}


class MappingQuality(Annotation):
    """MQ, and the median of the records' own where there are no raw data."""

    columns = (
        Column("MQ", DOUBLE, "root mean square mapping quality", "INFO/MQ", *_FLOAT, "%.2f"),
        Column(
            "MQMedian",
            DOUBLE,
            "median over samples of the records' own MQ, where it cannot be computed",
            "INFO/MQ",
            *_FLOAT,
        ),
    )
    median_of = "mq"
    at_nonvariant = True

    def finalise(self, data: SiteData) -> dict[str, pa.Array]:
        """Each null where the other is not.

        With GATK 3's sums, where the model allows them, the reads are those of INFO/DP less those of hom-refs, and the
        sum has six digits: GenomicsDB writes it as text. Source: RMSMappingQuality.finalizeRawData, getNumOfReads.
        """
        raw, old = data.sums["raw_mq"], data.sums["old_mq"]
        quality, known = _root_mean_square(raw[:, 0], raw[:, 1]), raw[:, 2] > 0
        is_old = ~known & (old[:, 1] > 0)
        if data.settings.allow_old_rms_mapping_quality_annotation_data:
            squares = np.floor(six_digits(old[:, 0].astype(np.float32).astype(np.float64)) + 0.5)
            reads = np.maximum(_site_depth(data) - old[:, 2], 0)
            quality[is_old] = _root_mean_square(squares, reads)[is_old]
            known |= is_old
        elif is_old.any():
            _warn_of_old_sums()
        return {"MQ": present(quality, known), "MQMedian": median_column(data.medians["mq"], ~known)}


def _root_mean_square(squares: Array, reads: Array) -> Array:
    """NaN where no read was counted."""
    return np.asarray(np.sqrt(ratio(squares, reads, np.nan)))


@cache
def _warn_of_old_sums() -> None:
    """Warn once for each process: GATK 4 refuses such files."""
    _log.warning(
        "records with GATK 3's RAW_MQ, which lacks the number of reads: their sites get no MQ; "
        "--allow-old-rms-mapping-quality-annotation-data computes it with the depth in its place"
    )


class MappingQualityZero(Annotation):
    """MQ0."""

    columns = (
        Column("MQ0", INT32, "median over samples of the reads of mapping quality 0", "INFO/MQ0", "1", "Integer"),
    )
    median_of = "mq0"
    at_nonvariant = True

    def finalise(self, data: SiteData) -> dict[str, pa.Array]:
        """Null where no record has one."""
        return {"MQ0": median_column(data.medians["mq0"]).cast(INT32)}


class ExcessHet(Annotation):
    """ExcessHet, and the median of the records' own where there are no likelihoods."""

    columns = (
        Column("ExcessHet", DOUBLE, "phred p-value of an excess of heterozygotes", "INFO/ExcessHet", *_FLOAT, "%.4f"),
        Column(
            "ExcessHetMedian",
            DOUBLE,
            "median over samples of the records' own ExcessHet, where it cannot be computed",
            "INFO/ExcessHet",
            *_FLOAT,
        ),
    )
    median_of = "excess_het"
    at_nonvariant = True

    def finalise(self, data: SiteData) -> dict[str, pa.Array]:
        """Without carriers, the records' own is passed on."""
        from genocloud.kernels.site_statistics import excess_hets

        hardy = data.sums["hardy"]
        known = (hardy[:, 3] > 0) & data.carried
        values = excess_hets(np.ascontiguousarray(hardy[:, :3]))
        return {
            "ExcessHet": present(values, known),
            "ExcessHetMedian": median_column(data.medians["excess_het"], ~known),
        }


class StrandBias(Annotation):
    """FS and SOR."""

    columns = (
        Column("FS", DOUBLE, "phred p-value of strand bias (Fisher)", "INFO/FS", *_FLOAT, "%.3f"),
        Column("SOR", DOUBLE, "strand odds ratio", "INFO/SOR", *_FLOAT, "%.3f"),
    )

    def finalise(self, data: SiteData) -> dict[str, pa.Array]:
        """Null where no sample has SB, and without carriers."""
        from genocloud.kernels.site_statistics import strand_biases

        strands = data.sums["strands"]
        known = (strands[:, 8] > 0) & data.carried
        values = strand_biases(np.ascontiguousarray(strands[:, :8]))
        return {"FS": present(values[:, 0], known), "SOR": present(values[:, 1], known)}


class InbreedingCoeff(Annotation):
    """InbreedingCoeff."""

    columns = (
        Column(
            "InbreedingCoeff", DOUBLE, "1 - observed / expected heterozygotes", "INFO/InbreedingCoeff", *_FLOAT, "%.4f"
        ),
    )

    def finalise(self, data: SiteData) -> dict[str, pa.Array]:
        """Null with fewer than MIN_INBRED samples, and without carriers."""
        from genocloud.kernels.fixed_point import share_sums
        from genocloud.kernels.site_statistics import inbreeding_coefficients

        diploid = data.sums["diploid"][:, 0]
        shares = share_sums(np.ascontiguousarray(data.sums["inbreeding"]))
        values = inbreeding_coefficients(shares, np.ascontiguousarray(diploid))
        known = (diploid >= MIN_INBRED) & (data.samples >= MIN_INBRED) & data.carried
        return {"InbreedingCoeff": present(values, known)}


class QualByDepth(Annotation):
    """QD."""

    columns = (Column("QD", DOUBLE, "QUAL / depth of the samples that carry an ALT", "INFO/QD", *_FLOAT, "%.2f"),)

    def finalise(self, data: SiteData) -> dict[str, pa.Array]:
        """The depth is that of carriers with more than one ALT read, if any; null without depth or carriers."""
        of_all, of_carriers = data.sums["carried"].T
        depth = np.where(of_carriers > 0, of_carriers, of_all)
        value = ratio(data.qual, depth, 0.0)
        return {"QD": present(np.where(value < HIGH_QD, value, QD_WHEN_HIGH), (depth != 0) & data.carried)}


SITE_ANNOTATIONS: tuple[Annotation, ...] = (
    ChromosomeCounts(),
    LikeliestCounts(),
    Coverage(),
    RankSum("BaseQRankSum", "base_q_rank_sum", "base qualities"),
    RankSum("ClippingRankSum", "clipping_rank_sum", "clipped bases"),
    RankSum("MQRankSum", "mq_rank_sum", "mapping qualities"),
    RankSum("ReadPosRankSum", "read_pos_rank_sum", "read positions"),
    MappingQuality(),
    MappingQualityZero(),
    ExcessHet(),
    StrandBias(),
    InbreedingCoeff(),
    QualByDepth(),
)
"""All of them. Stored raw data have sums and medians in this order: new ones go to the end."""

MEDIANS = tuple(annotation.median_of for annotation in SITE_ANNOTATIONS if annotation.median_of)
"""Columns of VARIANTS of which a site keeps the median over records."""
