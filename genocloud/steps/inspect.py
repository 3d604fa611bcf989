"""inspect: what lies at a URL, in a few lines."""

from genocloud import callset, cohort
from genocloud.errors import StoreError


def inspect(url: str) -> str:
    """Describe a callset or a cohort from its manifest alone. Raises StoreError where neither lies there."""
    try:
        return _told(_callset(callset.open_callset(url)))
    except callset.NoCallset:
        pass
    try:
        return _told(_cohort(cohort.open_cohort(url)))
    except cohort.NoCohort:
        raise StoreError(f"{url}: neither a finished callset nor a cohort is here; check the path or URL") from None


def _callset(opened: callset.Callset) -> dict[str, str]:
    settings = ", ".join(f"{name} {value}" for name, value in opened.description.model.items())
    counts = {name: f"{count:,}" for name, count in opened.counts.items()}
    return {"callset": opened.url, **counts, "made by": opened.description.software, "model": settings}


def _cohort(opened: cohort.Cohort) -> dict[str, str]:
    names = [part.name for part in opened.layout.parts()]
    return {
        "cohort": opened.url,
        "version": str(opened.version),
        "samples": f"{len(opened.samples):,}",
        "batches": f"{len(opened.batches):,}",
        "contigs": f"{len(opened.contigs):,}",
        "parts": ", ".join(names),
        "window": f"{opened.layout.window_bp:,} bp",
    }


def _told(facts: dict[str, str]) -> str:
    width = max(map(len, facts))
    return "".join(f"{name:<{width}}  {value}\n" for name, value in facts.items())
