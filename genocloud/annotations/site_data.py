"""How annotations declare columns and raw data, and the merged data of sites that they are computed from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud.schema import Column

if TYPE_CHECKING:
    from genocloud.kernels.called_genotypes import Calls

Array = npt.NDArray[Any]


class Settings(Protocol):
    """The settings of a model that annotations depend on."""

    @property
    def allow_old_rms_mapping_quality_annotation_data(self) -> bool:
        """Whether MQ is computed from GATK 3's sums of squares."""


@dataclass(frozen=True, kw_only=True)
class SiteData:
    """The raw data of some sites, merged over all samples.

    qual           (sites,) float64, phred
    sums           by name (kernels.raw_sums.SUMS, and annotations' own): (sites, columns) int64; 0 where not summed
    medians        by column of VARIANTS: (sites,) float64, NaN where no record has a value
    alt_offsets    (sites + 1,) int64: the sites' slices of the emitted ALTs
    allele_counts  (sites + ALTs,) int64: called copies of the emitted alleles, REF first
    mleac          (ALTs,) int32: likeliest copies
    carried        (sites,) bool: some sample carries an ALT, or one is forced
    samples        number of samples
    """

    qual: Array
    sums: Mapping[str, Array]
    medians: Mapping[str, Array]
    alt_offsets: Array
    allele_counts: Array
    mleac: Array
    carried: Array
    samples: int
    settings: Settings


class Annotation:
    """INFO fields of a site that are computed from the same raw data, as GATK's ReducibleAnnotation is.

    columns        the columns of SITES that it computes; the VCF header is made from them
    sums           raw data of its own: name and number of columns of sums over genotypes, to which each adds `count`.
                   They are stored, merged and sent as those of kernels.raw_sums.SUMS, which calling sums as it goes
    median_of      the column of VARIANTS of which it needs the median over records, if any
    at_nonvariant  whether sites emitted without a likely variant have it
    """

    columns: tuple[Column, ...]
    sums: tuple[str, int] | None = None
    median_of: str = ""
    at_nonvariant: bool = False

    def count(self, calls: "Calls") -> Array:
        """What a sample with each distinct genotype, by local alleles, adds to `sums`: (genotypes, columns) int64."""
        raise NotImplementedError

    def finalise(self, data: SiteData) -> dict[str, pa.Array]:
        """The values of its columns."""
        raise NotImplementedError


def present(values: Array, where: Array) -> pa.Array:
    """Values, null but where a mask says."""
    return pa.array(values, mask=~where)


def median_column(medians: Array, where: Array | None = None) -> pa.Array:
    """Medians of the records' own values, null where there is none; only at some sites, (sites,) bool."""
    known = ~np.isnan(medians)
    return present(medians, known if where is None else known & where)


def ratio(part: Array, whole: Array, of_none: float) -> Array:
    """part / whole, and `of_none` where whole is 0."""
    return np.asarray(np.divide(part, whole, out=np.full(len(part), of_none), where=whole != 0))


def six_digits(values: Array) -> Array:
    """Floats as GenomicsDB writes them: as text of six digits (gatk-model.md, section 7)."""
    out, known = values.copy(), ~np.isnan(values)
    out[known] = [float(f"{value:g}") for value in values[known].tolist()]
    return out
