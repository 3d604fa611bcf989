"""The bench of ingest."""

from pathlib import Path

import pytest

from tests.support.ingest_bench import Bench
from tests.support.small_gvcfs import (
    bgzf,
    whole,
    write_reference,
)


@pytest.fixture(params=["new", "grown"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Bench:
    """A bench without a cohort, and one whose cohort holds ann."""
    made = Bench(tmp_path)
    write_reference(made.reference)
    for name in ("ann", "bob"):
        (tmp_path / f"{name}.g.vcf.gz").write_bytes(bgzf(whole(name)))
    if request.param == "grown":
        assert made.ingest("ann") == 0
    return made
