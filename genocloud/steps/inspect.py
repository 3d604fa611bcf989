"""inspect: describe what is at a URL in a few lines."""

from genocloud import storage
from genocloud.callset import NoCallset, open_callset
from genocloud.cohort import NoCohort, open_cohort
from genocloud.cohort.batch import read_receipt
from genocloud.pipeline.descriptions import describe_batch, describe_callset, describe_cohort, describe_file


def inspect(url: str, *, version: int | None = None) -> str:
    """Describe a cohort (by default as it is now), a callset, one of their batches, a gVCF or VCF, or a receipt.

    Little is read: manifests, headers, footers. Raises StoreError or InputError where none of these is there.
    """
    if version is not None:
        return _aligned(describe_cohort(open_cohort(url, version)))
    for describe in (_callset_at, _cohort_at, _batch_at):
        facts = describe(url)
        if facts:
            return _aligned(facts)
    return _aligned(describe_file(url))


def _callset_at(url: str) -> dict[str, str] | None:
    try:
        return describe_callset(open_callset(url))
    except NoCallset:
        return None


def _cohort_at(url: str) -> dict[str, str] | None:
    try:
        return describe_cohort(open_cohort(url))
    except NoCohort:
        return None


def _batch_at(url: str) -> dict[str, str] | None:
    """The batch COHORT/batches/ID, or ID/receipt.json."""
    try:
        folder, batch = storage.split(url.removesuffix("/receipt.json"))
        parent, name = storage.split(folder)
        return describe_batch(read_receipt(storage.open_store(parent), batch)) if name == "batches" else None
    except storage.StoreFailed:
        return None


def _aligned(facts: dict[str, str]) -> str:
    width = max(map(len, facts))
    return "".join(f"{name:<{width}}  {value}\n" for name, value in facts.items())
