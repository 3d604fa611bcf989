"""Policy for malformed records: where records are needed, and whether a bad one there stops the run or is dropped."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from genocloud.errors import InputError
from genocloud.regions import Region

MAX_BAD_SHARE = 0.01
MAX_BAD_RECORDS = 10
"""Limits on one sample's dropped bad records: this share of all, or this number where that is more."""

OUTSIDE = "on a contig without intervals"
BAD_OUTSIDE = "bad record outside the intervals"
BAD = "bad record: "
"""Reasons for dropped records; BAD is the prefix for records inside the intervals, followed by the problem."""


class TooManyBadRecords(InputError):
    """A gVCF with more bad records than may be dropped; `kinds` counts them by problem."""

    def __init__(self, url: str, sample: str, read: int, kinds: Mapping[str, int]) -> None:
        self.url, self.sample, self.read, self.kinds = url, sample, read, dict(kinds)
        each = ", ".join(f"{count:,} {kind.removeprefix(BAD)}" for kind, count in sorted(kinds.items()))
        super().__init__(
            f"{url}: sample {sample}: {sum(kinds.values()):,} of {read:,} records are bad ({each}); "
            f"--on-bad-record drop takes {MAX_BAD_SHARE:.0%} or {MAX_BAD_RECORDS} records at most: mend the file, or "
            "leave the sample out"
        )


@dataclass(frozen=True)
class RecordPolicy:
    """Which records are needed, and whether bad ones are dropped or refused.

    `inside`: the regions that are needed, sorted and disjoint, None for everywhere; a bad record that overlaps none of
    them is dropped and counted. `drop`: bad records inside are dropped too, up to the limits above; otherwise the
    first one is refused. `only`: contigs without a region are not read at all.
    """

    inside: tuple[Region, ...] | None = None
    drop: bool = False
    only: bool = False

    @cached_property
    def contigs(self) -> frozenset[int]:
        """The contigs that have a region."""
        return frozenset(region.contig for region in self.inside or ())

    def wants(self, contig: int) -> bool:
        """Whether any record of a contig is needed."""
        return self.inside is None or contig in self.contigs

    def reaches(self, region: Region) -> bool:
        """Whether a record of this region is needed."""
        return self.inside is None or overlaps(self.inside, region)

    @property
    def text(self) -> str:
        """A key that differs between policies; empty for the default."""
        return "" if self == RecordPolicy() else repr((self.inside, self.drop, self.only))


REFUSE = RecordPolicy()
"""All records are needed, and a bad one is refused."""


def is_bad(reason: str) -> bool:
    """Whether a reason is that of a bad record inside the intervals."""
    return reason.startswith(BAD)


def overlaps(regions: Sequence[Region], region: Region) -> bool:
    """Whether `region` overlaps one of the sorted, disjoint `regions`."""
    first = bisect_right(regions, (region.contig, region.start), key=lambda each: (each.contig, each.end))
    return first < len(regions) and (regions[first].contig, regions[first].start) < (region.contig, region.end)


@dataclass(slots=True)
class Losses:
    """One sample's dropped records: bad ones inside the intervals by reason, and how many outside."""

    kinds: dict[str, int] = field(default_factory=dict)
    skipped: int = 0

    def add(self, reason: str, count: int) -> None:
        """Count dropped records."""
        if is_bad(reason):
            self.kinds[reason] = self.kinds.get(reason, 0) + count
        else:
            self.skipped += count

    def check(self, url: str, sample: str, read: int) -> None:
        """Raise TooManyBadRecords if the counts exceed the limits."""
        if sum(self.kinds.values()) > max(MAX_BAD_RECORDS, MAX_BAD_SHARE * read):
            raise TooManyBadRecords(url, sample, read, self.kinds)
