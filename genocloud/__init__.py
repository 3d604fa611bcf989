"""Joint genotyping at any scale: gVCFs become one callset."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genocloud.callset import open_callset
    from genocloud.cohort import open_cohort

__all__ = ["open_callset", "open_cohort"]


def __getattr__(name: str) -> Any:
    """Load the library's doors when they are first used: every command imports this package, few need both."""
    if name == "open_callset":
        from genocloud.callset import open_callset

        return open_callset
    if name == "open_cohort":
        from genocloud.cohort import open_cohort

        return open_cohort
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
