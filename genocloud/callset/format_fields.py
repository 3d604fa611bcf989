"""Which FORMAT fields an exported file has: all, or some of them; AD and PL by the site's alleles, or by local ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

from genocloud.errors import SettingError, did_you_mean

if TYPE_CHECKING:  # checking options must not load pyarrow
    from genocloud.schema import Column

VcfVersion = Literal["4.2", "4.5"]
VCF_VERSIONS: tuple[VcfVersion, ...] = get_args(VcfVersion)

_FIRST = ("GT", "LAA")
"""Keys that stand before the others, which are sorted: VCF wants GT first, and VCF 4.5 LAA next."""

_NUMBERS_OF_4_5 = {"LAD": "LR", "LPL": "LG"}
"""Number in a header of VCF 4.5; earlier versions have no word for a value of each local allele or genotype."""


_WITH_BLOCKS = {"GT", "LAA", "LEN"}
"""Fields that a file of reference blocks cannot be read without."""


_OF_SITES = "LEN", "FT", "PP", "JL", "JP"
"""Fields that follow from the sites, or from other samples, too."""

_SOURCES = {"LAA": "AD", "LAD": "AD", "LPL": "PL"}
_LOCAL_NAMES = {"AD": "LAD", "PL": "LPL"}


def chosen_keys(texts: Sequence[str] | None) -> tuple[str, ...] | None:
    """Keys of FORMAT from texts that have commas between them; None for all fields."""
    return None if texts is None else tuple(",".join(texts).split(","))


class UnknownField(SettingError):
    """A FORMAT field that a callset does not have."""

    def __init__(self, field: str, known: Iterable[str]) -> None:
        self.field = field
        super().__init__(f"no FORMAT field {field}; there are {', '.join(known)}{did_you_mean(field, known)}")


class LocalPosteriors(SettingError):
    """Refined genotypes by local alleles, or as reference blocks."""

    def __init__(self) -> None:
        super().__init__(
            "refined genotypes have PP by the site's alleles: leave out --refined, or local alleles and .svcr.vcf.gz"
        )


class ModelNotRefined(SettingError):
    """Refined genotypes of a callset whose model declares its own fields."""

    def __init__(self) -> None:
        super().__init__(
            "genotypes of the callset's model are not refined: its half calls have no PL, and PL of 0 may be no data, "
            "so that posteriors would be the prior's; leave out --refined, or genotype with --model deepvariant"
        )


@dataclass(frozen=True, kw_only=True)
class ModelFields:
    """The fields of records that a model declares itself.

    format   columns of genotypes (schema.GENOTYPES, schema.MODEL_GENOTYPES), in the order of FORMAT; each is in every
             record, and GQ has no upper limit
    info     columns of sites (annotations.SITES, annotations.MODEL_SITES) in INFO
    filters  FILTERs with what they mean
    header   further lines of the header, without `##`
    """

    format: tuple[str, ...]
    info: tuple[str, ...]
    filters: tuple[tuple[str, str], ...] = ()
    header: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ModelFields:
        """The inverse of `asdict`, by way of JSON; raises TypeError or ValueError for other values."""
        pairs = tuple((str(name), str(text)) for name, text in values["filters"])
        texts = {name: tuple(map(str, values[name])) for name in ("format", "info", "header")}
        return cls(filters=pairs, **texts)

    def format_columns(self, *, local_alleles: bool = False) -> list[tuple[str, Column]]:
        """Keys and columns of FORMAT, in order; by local alleles LAA stands behind GT."""
        from genocloud.schema import GENOTYPE_COLUMNS, LOCAL_COLUMNS, MODEL_COLUMNS

        known = {column.name: column for column in (*GENOTYPE_COLUMNS, *LOCAL_COLUMNS, *MODEL_COLUMNS)}
        names = list(self.format)
        if local_alleles:
            names = ["GT", "LAA", *(_LOCAL_NAMES.get(name, name) for name in names if name != "GT")]
        return [(known[name].vcf.removeprefix("FORMAT/"), known[name]) for name in names]

    def info_columns(self) -> list[Column]:
        """The columns of INFO."""
        from genocloud.annotations import MODEL_SITE_COLUMNS, SITE_COLUMNS

        return [column for column in (*SITE_COLUMNS, *MODEL_SITE_COLUMNS) if column.name in self.info]


@dataclass(frozen=True, kw_only=True)
class FormatFields:
    """The FORMAT fields of an exported file, and the version of VCF that its header names.

    keys              fields beside GT, which is always there; None for all
    local_alleles     LAA, LAD and LPL in the place of AD and PL
    vcf_version       4.5 has a Number for LAD and LPL, but few programs read it
    reference_blocks  cells of REF alone as blocks with their length, LEN (SVCR); with local alleles only
    longest_block     the largest LEN that is written, for the header
    genotype_filters  FT by the callset's filters of ALTs
    posteriors        PP of refined genotypes
    of_trios          and their JL and JP, where a pedigree refined them
    model             what the callset's model declares in the place of all this, if it does

    Raises UnknownField, LocalPosteriors.
    """

    keys: tuple[str, ...] | None = None
    local_alleles: bool = False
    vcf_version: VcfVersion = "4.2"
    reference_blocks: bool = False
    longest_block: int = 0
    genotype_filters: bool = False
    posteriors: bool = False
    of_trios: bool = False
    model: ModelFields | None = None

    def __post_init__(self) -> None:
        if self.posteriors and self.local_alleles:
            raise LocalPosteriors
        if self.keys is not None:
            from genocloud.schema import MODEL_COLUMNS

            declared = () if self.model else (column.vcf.removeprefix("FORMAT/") for column in MODEL_COLUMNS)
            self._check_keys([key for key, _ in self._all()], declared)

    def _check_keys(self, known: Sequence[str], declared: Iterable[str] = ()) -> None:
        """Raise UnknownField for a key that is neither known nor may be declared by a callset's model."""
        for key in self.keys or ():
            if key not in known and key not in declared:
                raise UnknownField(key, known)

    def of(self, model: ModelFields | None) -> FormatFields:
        """The fields in a file of a callset whose model declares these. Raises UnknownField, ModelNotRefined."""
        if model is None:
            self._check_keys([key for key, _ in self._all()])
            return self
        if self.posteriors:
            raise ModelNotRefined
        return replace(self, model=model)

    def columns(self) -> list[tuple[str, Column]]:
        """The fields' keys and columns, in the order of FORMAT."""
        if self.keys is None:
            return self._all()
        chosen = {"GT", *self.keys, *(("LAA",) if {"LAD", "LPL"} & set(self.keys) else ())}
        chosen |= _WITH_BLOCKS if self.reference_blocks else set()
        chosen |= {"FT"} if self.genotype_filters else set()
        return [(key, column) for key, column in self._all() if key in chosen]

    @property
    def fills_keys(self) -> bool:
        """Whether each field is in every record, as a model's are, but for blocks, of which most cells are empty."""
        return self.model is not None and not self.reference_blocks

    def has(self, key: str) -> bool:
        """Whether a field is among them."""
        return any(key == each for each, _ in self.columns())

    def sources(self) -> list[str]:
        """The columns of GENOTYPES that the fields follow from; those of LAA are those of AD."""
        names = [_SOURCES.get(column.name, column.name) for _, column in self.columns() if column.name not in _OF_SITES]
        return list(dict.fromkeys(names))

    def number(self, column: Column) -> str:
        """Number in the header."""
        numbers: Mapping[str, str] = _NUMBERS_OF_4_5 if self.vcf_version == "4.5" else {}
        return numbers.get(column.name, column.number) or "1"

    def _all(self) -> list[tuple[str, Column]]:
        from genocloud.schema import (
            BLOCK_LENGTH,
            GENOTYPE_COLUMNS,
            GENOTYPE_FILTER,
            LOCAL_COLUMNS,
            POSTERIOR_COLUMNS,
        )

        more = (
            *((BLOCK_LENGTH,) if self.reference_blocks else ()),
            *((GENOTYPE_FILTER,) if self.genotype_filters else ()),
            *(POSTERIOR_COLUMNS[: 3 if self.of_trios else 1] if self.posteriors else ()),
        )
        if self.model:
            own = {key for key, _ in vcf_keys(more, "FORMAT")}
            columns = self.model.format_columns(local_alleles=self.local_alleles)
            return [*(each for each in columns if each[0] not in own), *vcf_keys(more, "FORMAT")]
        return vcf_keys((*(LOCAL_COLUMNS if self.local_alleles else GENOTYPE_COLUMNS), *more), "FORMAT")


def vcf_keys(columns: Iterable[Column], kind: str) -> list[tuple[str, Column]]:
    """The columns of INFO or FORMAT with their keys: GT first, then LAA, the others sorted by key."""
    keyed = [(column.vcf.removeprefix(f"{kind}/"), column) for column in columns if column.vcf.startswith(f"{kind}/")]
    return sorted(keyed, key=lambda pair: (pair[0] != "GT", pair[0] != "LAA", pair[0]))


ALL_FIELDS = FormatFields()
"""What GATK writes."""
