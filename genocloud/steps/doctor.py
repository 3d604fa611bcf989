"""doctor: check a storage location for a cohort or a callset by trying operations and reading its settings."""

from collections.abc import Iterator

from genocloud.errors import StoreError
from genocloud.storage.doctor import Finding, Verdict, examine


class Unwell(StoreError):
    """A store with something broken."""

    def __init__(self, url: str, count: int) -> None:
        self.url, self.count = url, count
        things = "1 thing is" if count == 1 else f"{count} things are"
        super().__init__(f"{url}: {things} broken; mend what is said above, then run this again")


def doctor(url: str) -> Iterator[Finding]:
    """Yield findings as they come; raises Unwell at the end if one is broken, and what `examine` raises."""
    count = 0
    for finding in examine(url):
        count += finding.verdict is Verdict.BROKEN
        yield finding
    if count:
        raise Unwell(url, count)
