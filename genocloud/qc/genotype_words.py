"""Genotypes as words of VCF: their alleles, and their class."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import schema
from genocloud.genotype_text import allele_numbers_of

NO_ALLELE = -2
"""Where a genotype has fewer alleles than another."""


class GenotypeClass(IntEnum):
    """The class of a genotype; one with a `.` beside other alleles is partial."""

    NOT_CALLED = 0
    HOM_REF = 1
    HET = 2
    HOM_VAR = 3
    PARTIAL = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class GenotypeWords:
    """The distinct words of some genotypes.

    alleles  (words, ploidy) int32; 0 REF, -1 `.`, NO_ALLELE behind the last
    ploidy   (words,) int64
    classes  (words,) GenotypeClass
    """

    alleles: npt.NDArray[np.int32]
    ploidy: npt.NDArray[np.int64]
    classes: npt.NDArray[np.int8]

    @classmethod
    def of(cls, words: Sequence[str]) -> "GenotypeWords":
        """Parse words such as 0/1, 1|0, 1 and ./. ."""
        texts = [allele_numbers_of(word) for word in words]
        width = max((len(text) for text in texts), default=1)
        alleles = np.array([[*text, *[NO_ALLELE] * (width - len(text))] for text in texts], np.int32)
        return cls(
            alleles=alleles.reshape(len(texts), width),
            ploidy=np.array([len(text) for text in texts], np.int64),
            classes=np.array([_class(text) for text in texts], np.int8),
        )


def _class(alleles: Sequence[int]) -> GenotypeClass:
    if -1 in alleles:
        return GenotypeClass.NOT_CALLED if set(alleles) == {-1} else GenotypeClass.PARTIAL
    if len(set(alleles)) > 1:
        return GenotypeClass.HET
    return GenotypeClass.HOM_VAR if alleles[0] else GenotypeClass.HOM_REF


def words_of(column: pa.ChunkedArray) -> tuple[npt.NDArray[np.int64], GenotypeWords]:
    """The column GT of distinct genotypes as (rows,) numbers of words, and the words."""
    column = column.unify_dictionaries().combine_chunks()
    codes = schema.numbers(column.indices).astype(np.int64)
    return codes, GenotypeWords.of(column.dictionary.to_pylist())
