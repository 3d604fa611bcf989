"""Counts of sites as bcftools stats has them: records by type, substitutions, lengths of indels."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genocloud.qc.allele_classes import BcftoolsType, Exchange, SiteAlleles
from genocloud.qc.sample_counts import HIGHEST_DEPTH

Counts = npt.NDArray[np.int64]

LONGEST_INDEL = 60
"""Longer indels count as this long."""

_TYPES = ("records", "no-ALTs", "SNPs", "MNPs", "indels", "others")
RECORDS = (*_TYPES, "multiallelic sites", "multiallelic SNP sites")
"""What is counted of records; one of several types counts for each."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CallsetStats:
    """Counts that add up over shards.

    records        (RECORDS,)
    exchanges      (4,) transitions and transversions of all ALTs, then of first ALTs
    substitutions  (16,) 4 * place in ACGT of REF + that of the ALT
    indels         (2 * LONGEST_INDEL + 1,) ALTs by what they add to REF, the middle 0
    depths         (HIGHEST_DEPTH + 2,) genotypes by DP
    """

    records: Counts
    exchanges: Counts
    substitutions: Counts
    indels: Counts
    depths: Counts

    @classmethod
    def of(cls, alleles: SiteAlleles, depths: Counts) -> "CallsetStats":
        """Those of some sites."""
        site = np.repeat(np.arange(len(alleles.picard)), alleles.alts)
        types = np.zeros(len(alleles.picard), np.int64)
        np.bitwise_or.at(types, site, alleles.bcftools.astype(np.int64))
        several, snp = alleles.alts > 1, (alleles.bcftools & BcftoolsType.SNP > 0) & (alleles.bases >= 0)
        snp &= alleles.bases // 4 != alleles.bases % 4
        first = np.zeros(len(site), np.bool_)
        first[alleles.offsets[:-1][alleles.alts > 0]] = True
        exchanges = [alleles.exchange == each for each in (Exchange.TRANSITION, Exchange.TRANSVERSION)]
        masks = [np.ones(len(types), np.bool_), types == BcftoolsType.REF]
        masks += [types & each > 0 for each in (BcftoolsType.SNP, BcftoolsType.MNP)]
        masks += [types & each > 0 for each in (BcftoolsType.INDEL, BcftoolsType.OTHER)]
        masks += [several, several & (types == BcftoolsType.SNP)]
        growth = alleles.growth[alleles.bcftools & BcftoolsType.INDEL > 0]
        places = np.clip(growth, -LONGEST_INDEL, LONGEST_INDEL) + LONGEST_INDEL
        return cls(
            records=np.array([np.count_nonzero(mask) for mask in masks], np.int64),
            exchanges=np.array(
                [np.count_nonzero(snp & each & which) for which in (snp, first) for each in exchanges], np.int64
            ),
            substitutions=np.bincount(alleles.bases[snp], minlength=16).astype(np.int64),
            indels=np.bincount(places, minlength=2 * LONGEST_INDEL + 1).astype(np.int64),
            depths=depths,
        )

    @classmethod
    def total(cls, parts: Iterable["CallsetStats"]) -> "CallsetStats":
        """All together."""
        empty = (len(RECORDS), 4, 16, 2 * LONGEST_INDEL + 1, HIGHEST_DEPTH + 2)
        sums = {name: np.zeros(length, np.int64) for name, length in zip(cls.__dataclass_fields__, empty, strict=True)}
        for part in parts:
            sums = {name: values + getattr(part, name) for name, values in sums.items()}
        return cls(**sums)


def site_lines(counts: CallsetStats, samples: int) -> list[str]:
    """The sections SN, TSTV, IDD and ST of bcftools stats."""
    lines = ["# SN\t[2]id\t[3]key\t[4]value", f"SN\t0\tnumber of samples:\t{samples}"]
    lines += [f"SN\t0\tnumber of {name}:\t{count}" for name, count in zip(RECORDS, counts.records, strict=True)]
    ti, tv, first_ti, first_tv = counts.exchanges.tolist()
    ratios = [f"{one / other:.2f}" if other else "0.00" for one, other in ((ti, tv), (first_ti, first_tv))]
    lines += ["# TSTV\t[2]id\t[3]ts\t[4]tv\t[5]ts/tv\t[6]ts (1st ALT)\t[7]tv (1st ALT)\t[8]ts/tv (1st ALT)"]
    lines += [f"TSTV\t0\t{ti}\t{tv}\t{ratios[0]}\t{first_ti}\t{first_tv}\t{ratios[1]}"]
    lines += ["# IDD\t[2]id\t[3]length (deletions negative)\t[4]number of sites"]
    grown = np.flatnonzero(counts.indels)
    lines += [f"IDD\t0\t{place - LONGEST_INDEL}\t{counts.indels[place]}" for place in grown]
    lines += ["# ST\t[2]id\t[3]type\t[4]count"]
    pairs = [(one, other) for one in range(4) for other in range(4) if one != other]
    return lines + [
        f"ST\t0\t{'ACGT'[one]}>{'ACGT'[other]}\t{counts.substitutions[4 * one + other]}" for one, other in pairs
    ]


def depth_lines(counts: CallsetStats) -> list[str]:
    """The section DP of bcftools stats."""
    total = int(counts.depths.sum())
    lines = ["# DP\t[2]id\t[3]bin\t[4]number of genotypes\t[5]fraction of genotypes (%)"]
    for place in np.flatnonzero(counts.depths).tolist():
        number = int(counts.depths[place])
        name = f">{HIGHEST_DEPTH}" if place > HIGHEST_DEPTH else str(place)
        lines.append(f"DP\t0\t{name}\t{number}\t{number * 100 / total:f}")
    return lines
