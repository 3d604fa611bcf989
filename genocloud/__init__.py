"""Joint genotyping at any scale: gVCFs become one callset."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genocloud.callset import open_callset
    from genocloud.cohort import open_cohort, read_region

__all__ = ["open_callset", "open_cohort", "read_region"]

_ROOMS = {"open_callset": "genocloud.callset", "open_cohort": "genocloud.cohort", "read_region": "genocloud.cohort"}


def __getattr__(name: str) -> Any:
    """Load the library's doors when they are first used: every command imports this package, few need them."""
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_ROOMS[name]), name)
