"""Whether samples' files are small enough together for a step to be one job (workflow and plans)."""

from collections.abc import Iterable
from itertools import accumulate
from pathlib import Path

from genocloud.samples.sheet import Sample


def are_small(people: Iterable[Sample], most_bytes: int) -> bool:
    """Whether the samples' files have at most `most_bytes` together; False for URLs and missing files."""
    files = [person.gvcf or person.reads or "" for person in people]
    if any("://" in file for file in files):
        return False
    try:
        return all(size <= most_bytes for size in accumulate(Path(file).stat().st_size for file in files))
    except OSError:
        return False
