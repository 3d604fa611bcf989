"""What becomes of records that cannot be used: where records matter, and whether a bad one there ends the run."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from genocloud.errors import InputError
from genocloud.regions import Region

MOST_BAD_SHARE = 0.01
MOST_BAD_RECORDS = 10
"""Of one sample's records so many bad ones are dropped: this share of all, or this number where that is more."""

OUTSIDE = "on a contig without intervals"
BAD_OUTSIDE = "bad record outside the intervals"
BAD = "bad record: "
"""Reasons for which records are dropped; BAD begins those of records inside, and what is wrong follows."""


class TooManyBadRecords(InputError):
    """A gVCF of which more records are bad than may be dropped; `kinds` has how many, by what is wrong."""

    def __init__(self, url: str, sample: str, read: int, kinds: Mapping[str, int]) -> None:
        self.url, self.sample, self.read, self.kinds = url, sample, read, dict(kinds)
        each = ", ".join(f"{count:,} {kind.removeprefix(BAD)}" for kind, count in sorted(kinds.items()))
        super().__init__(
            f"{url}: sample {sample}: {sum(kinds.values()):,} of {read:,} records are bad ({each}); "
            f"--on-bad-record drop takes {MOST_BAD_SHARE:.0%} or {MOST_BAD_RECORDS} records at most: mend the file, or "
            "leave the sample out"
        )


@dataclass(frozen=True)
class RecordPolicy:
    """Where records matter, and what becomes of bad ones.

    `inside`: the regions where they matter, sorted and apart from one another, None for everywhere; a bad record that
    reaches into none of them is dropped and counted. `drop`: so are those inside, up to a stated share; else the first
    is refused. `only`: contigs without a region are not read at all.
    """

    inside: tuple[Region, ...] | None = None
    drop: bool = False
    only: bool = False

    @cached_property
    def contigs(self) -> frozenset[int]:
        """The contigs that have a region."""
        return frozenset(region.contig for region in self.inside or ())

    def wants(self, contig: int) -> bool:
        """Whether any record of a contig matters."""
        return self.inside is None or contig in self.contigs

    def reaches(self, region: Region) -> bool:
        """Whether a record of this region matters."""
        return self.inside is None or overlaps(self.inside, region)

    @property
    def text(self) -> str:
        """What tells this policy from others; nothing for the default."""
        return "" if self == RecordPolicy() else repr((self.inside, self.drop, self.only))


REFUSE = RecordPolicy()
"""Records matter everywhere, and a bad one is refused."""


def is_bad(reason: str) -> bool:
    """Whether this is why a bad record inside the intervals was dropped."""
    return reason.startswith(BAD)


def overlaps(regions: Sequence[Region], region: Region) -> bool:
    """Whether one of some regions, sorted and apart from one another, has a base in common with another one."""
    first = bisect_right(regions, (region.contig, region.start), key=lambda each: (each.contig, each.end))
    return first < len(regions) and (regions[first].contig, regions[first].start) < (region.contig, region.end)


@dataclass(slots=True)
class Losses:
    """What of a sample was dropped by a policy: bad records inside by reason, and where records outside are lacking."""

    kinds: dict[str, int] = field(default_factory=dict)
    skipped: int = 0

    def add(self, reason: str, count: int) -> None:
        """Count records."""
        if is_bad(reason):
            self.kinds[reason] = self.kinds.get(reason, 0) + count
        else:
            self.skipped += count

    def check(self, url: str, sample: str, read: int) -> None:
        """Raise TooManyBadRecords if more were bad than may be dropped."""
        if sum(self.kinds.values()) > max(MOST_BAD_RECORDS, MOST_BAD_SHARE * read):
            raise TooManyBadRecords(url, sample, read, self.kinds)
