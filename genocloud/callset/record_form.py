"""Which sites of a callset become records of an exported file, and in what form."""

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import schema
from genocloud.callset.allele_counts import CalledAlleles
from genocloud.callset.export_parts import Counts
from genocloud.callset.format_fields import FormatFields
from genocloud.callset.left_alignment import ReferenceBases, left_aligned
from genocloud.callset.record_splitting import split_rows, split_sites
from genocloud.errors import SettingError

_Ints = npt.NDArray[np.int64]
_Bools = npt.NDArray[np.bool_]


class SiteCondition(Protocol):
    """What records must meet; it is sent to workers."""

    @property
    def settings(self) -> Any:
        """All that it follows from, as JSON."""

    def holds(self, sites: schema.Sites) -> _Bools:
        """Whether each row of SITES, with FILTERS where the callset has some, meets it."""


class LocalSplit(SettingError):
    """Records of one ALT by local alleles, or as reference blocks."""

    def __init__(self) -> None:
        super().__init__(
            "records of one ALT have no local alleles: leave out --split, or local alleles and .svcr.vcf.gz"
        )


class BlocksWithoutGenotypes(SettingError):
    """Reference blocks of sites alone, of sites that moved, or with genotypes of another ploidy."""

    def __init__(self, option: str) -> None:
        super().__init__(f".svcr.vcf.gz holds genotypes as they are called: write .vcf.gz, or leave out {option}")


@dataclass(frozen=True, kw_only=True)
class RecordForm:
    """Which records a file has, and their form; all sites as they are by default. Records are judged as written.

    sites_only  no genotypes
    passing     only records whose FILTER is PASS
    condition   only records that meet it
    min_ac      only records with at least so many called ALT alleles in the samples of the file
    split       a record for each ALT, as `bcftools norm -m-` has them
    aligned_to  records are left-aligned to these bases, as by `bcftools norm -f`, and sorted by the new POS
    drop_star   records of `*` alone are left out
    place_ids   ID is CHROM:POS:REF:ALT
    diploid     haploid genotypes are written as two equal alleles
    """

    sites_only: bool = False
    passing: bool = False
    condition: SiteCondition | None = None
    min_ac: int = 0
    split: bool = False
    aligned_to: ReferenceBases | None = None
    drop_star: bool = False
    place_ids: bool = False
    diploid: bool = False

    def check(self, fields: FormatFields) -> None:
        """Raise LocalSplit or BlocksWithoutGenotypes for a form that a file with these fields cannot have."""
        if self.split and fields.local_alleles:
            raise LocalSplit
        if fields.reference_blocks and self.sites_only:
            raise BlocksWithoutGenotypes("--sites-only")
        if fields.reference_blocks and self.aligned_to:
            raise BlocksWithoutGenotypes("--left-align")
        if fields.local_alleles and self.diploid:
            raise BlocksWithoutGenotypes("--diploid-sex-chromosomes")

    @property
    def settings(self) -> Any:
        """All that records follow from, as JSON."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return values | {
            "condition": self.condition and self.condition.settings,
            "aligned_to": self.aligned_to and self.aligned_to.settings,
        }


EVERY_RECORD = RecordForm()


class ChosenRecords(NamedTuple):
    """Records of some sites.

    rows   SITES, a row for each
    site   (records,) the row of its site among the sites that they come from
    alt    (records,) the number of its ALT there; 0 for a site that was not split
    alts   (sites,) int32; the number of ALTs of each site
    counts  of sites, and of records that were left out
    """

    rows: schema.Sites
    site: _Ints
    alt: _Ints
    alts: npt.NDArray[np.int32]
    counts: Counts

    @property
    def used(self) -> _Bools:
        """Which sites have a record: (sites,)."""
        used = np.zeros(len(self.alts), np.bool_)
        used[self.site] = True
        return used

    @property
    def among_used(self) -> tuple[_Ints, _Ints]:
        """`site` and `alt`, with the sites that have no record not numbered."""
        return (np.cumsum(self.used) - 1)[self.site], self.alt


def choose_records(sites: schema.Sites, form: RecordForm, called: CalledAlleles | None) -> ChosenRecords:
    """The records of some SITES, by site.

    called  alleles of the file's samples; None where AC of SITES is theirs. Raises what the condition raises.
    """
    alts, (site, alt), rows = _records_of(sites, form)
    carried = _carried(rows, called, site, alt)
    kept, counts = np.ones(len(rows), np.bool_), {}
    for name, wanted in (
        ("overlapping", ~_is_star(rows) if form.drop_star else None),
        ("not_passing", _passes(rows) if form.passing else None),
        ("excluded", form.condition.holds(rows) if form.condition else None),
        ("below_min_ac", carried >= form.min_ac if form.min_ac else None),
    ):
        if wanted is not None:
            counts[name] = int(np.count_nonzero(kept & ~wanted))
            kept &= wanted
    if not kept.all():
        rows, site, alt = rows.filter(pa.array(kept)), site[kept], alt[kept]
    if form.place_ids:
        rows = schema.with_column(rows, "id", _place_ids(rows))
    total = Counts(sites=len(sites), taken=len(kept), **counts)
    return ChosenRecords(rows, site, alt, alts, total)


def _records_of(
    sites: schema.Sites, form: RecordForm
) -> tuple[npt.NDArray[np.int32], tuple[_Ints, _Ints], schema.Sites]:
    """(ALTs of each site, `site` and `alt` of ChosenRecords, the rows) of all records of some SITES."""
    alts = np.asarray(pc.fill_null(pc.list_value_length(sites["alts"]), 0)).astype(np.int32)
    site, alt = split_rows(alts) if form.split else (np.arange(len(alts)), np.zeros(len(alts), np.int64))
    rows = split_sites(sites, site, alt) if form.split else sites
    return alts, (site, alt), left_aligned(rows, form.aligned_to) if form.aligned_to else rows


PLACED_BY = ["contig", "pos", "ref", "alts"]
"""Columns of SITES that the place of records follows from."""


def places_of_records(sites: schema.Sites, form: RecordForm) -> tuple[_Ints, _Ints]:
    """The least and the greatest POS of the records of each of some SITES, of which PLACED_BY are read.

    Raises ReferenceDiffers.
    """
    _, (site, _), rows = _records_of(sites, form)
    pos = schema.numbers(rows["pos"]).astype(np.int64)
    first = np.searchsorted(site, np.arange(len(sites)))
    return (np.minimum.reduceat(pos, first), np.maximum.reduceat(pos, first)) if len(pos) else (pos, pos)


def _carried(rows: schema.Sites, called: CalledAlleles | None, site: _Ints, alt: _Ints) -> _Ints:
    """How many ALT alleles of each record are called."""
    if called is not None:
        ends = np.append(0, np.cumsum(called.counts))
        last = np.cumsum(called.alts, dtype=np.int64)
        first = last - called.alts
        start = np.where(alt > 0, first[site] + alt - 1, first[site])
        return np.asarray(ends[np.where(alt > 0, start + 1, last[site])] - ends[start])
    offsets, counts = schema.ragged(rows["AC"])
    ends = np.append(0, np.cumsum(np.maximum(counts, 0), dtype=np.int64))
    return np.asarray(np.diff(ends[offsets]))


def _is_star(rows: schema.Sites) -> _Bools:
    texts = pc.binary_join(rows["alts"].combine_chunks(), ",")
    return np.asarray(pc.equal(texts, "*"))


def _passes(rows: schema.Sites) -> _Bools:
    return np.asarray(pc.fill_null(pc.equal(rows["filter"], "PASS"), False))


def _place_ids(rows: schema.Sites) -> pa.Array:
    alts = pc.binary_join(rows["alts"].combine_chunks(), ",")
    pieces = [rows["contig"].cast(pa.string()), rows["pos"].cast(pa.string()), rows["ref"]]
    texts = [piece.combine_chunks() for piece in pieces]
    return pc.binary_join_element_wise(*texts, pc.if_else(pc.equal(alts, ""), ".", alts), ":")
