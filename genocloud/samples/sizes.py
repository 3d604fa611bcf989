"""Whether samples' files are so small together that a step is one job, for the workflow and for plans of it."""

from collections.abc import Iterable
from itertools import accumulate
from pathlib import Path

from genocloud.samples.sheet import Sample


def are_small(people: Iterable[Sample], most_bytes: int) -> bool:
    """Whether the samples' files have no more bytes together; those with a URL, or elsewhere, are too many."""
    files = [person.gvcf or person.reads or "" for person in people]
    if any("://" in file for file in files):
        return False
    try:
        return all(size <= most_bytes for size in accumulate(Path(file).stat().st_size for file in files))
    except OSError:
        return False
