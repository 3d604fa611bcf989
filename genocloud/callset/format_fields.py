"""Which FORMAT fields an exported file has: all, or some of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from genocloud.errors import SettingError, did_you_mean

if TYPE_CHECKING:  # checking options must not load pyarrow
    from genocloud.schema import Column


class UnknownField(SettingError):
    """A FORMAT field that a callset does not have."""

    def __init__(self, field: str, known: Iterable[str]) -> None:
        self.field = field
        super().__init__(f"no FORMAT field {field}; there are {', '.join(known)}{did_you_mean(field, known)}")


@dataclass(frozen=True, kw_only=True)
class FormatFields:
    """The FORMAT fields of an exported file.

    keys  fields beside GT, which is always there; None for all. Raises UnknownField.
    """

    keys: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.keys is not None:
            known = [key for key, _ in self._all()]
            for key in self.keys:
                if key not in known:
                    raise UnknownField(key, known)

    def columns(self) -> list[tuple[str, Column]]:
        """The fields' keys and columns, in the order of FORMAT."""
        if self.keys is None:
            return self._all()
        return [(key, column) for key, column in self._all() if key in ("GT", *self.keys)]

    def _all(self) -> list[tuple[str, Column]]:
        from genocloud.schema import GENOTYPE_COLUMNS

        return vcf_keys(GENOTYPE_COLUMNS, "FORMAT")


def vcf_keys(columns: Iterable[Column], kind: str) -> list[tuple[str, Column]]:
    """The columns of INFO or FORMAT with their keys: GT first, the others sorted by key."""
    keyed = [(column.vcf.removeprefix(f"{kind}/"), column) for column in columns if column.vcf.startswith(f"{kind}/")]
    return sorted(keyed, key=lambda pair: (pair[0] != "GT", pair[0]))


ALL_FIELDS = FormatFields()
"""What GATK writes."""
