"""history: list a cohort's versions and what each changed."""

from collections.abc import Sequence
from datetime import UTC, datetime

from genocloud import storage
from genocloud.cohort.version_log import Change
from genocloud.cohort.version_log import history as read_history
from genocloud.errors import first_of


def history(cohort_url: str) -> str:
    """One line for each version that is kept, oldest first. Raises NoCohort or another StoreError."""
    return "".join(_line(change) + "\n" for change in read_history(storage.open_store(cohort_url)))


def _line(change: Change) -> str:
    made = datetime.fromtimestamp(change.made, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    batches = f"{change.batches:,} batch{'' if change.batches == 1 else 'es'}"
    facts = f"version {change.version}  {made}  {change.samples:,} samples in {batches}"
    return "  ".join([facts, "; ".join(_changes(change)) or "the same samples"])


def _changes(change: Change) -> list[str]:
    kinds: dict[str, Sequence[str]] = {
        "added": change.added,
        "removed": change.removed,
        "renamed": [f"{old} to {new}" for old, new in change.renamed],
        "replaced": change.replaced,
    }
    return [f"{len(names):,} {kind}: {first_of(names)}" for kind, names in kinds.items() if names]
