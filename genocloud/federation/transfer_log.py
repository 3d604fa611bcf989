"""The ledger of a run over several sites: what crossed between them, how often, how many rows and bytes."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from genocloud.federation.messages import Message


@dataclass
class Transfer:
    """All parcels of one kind that went from one site to another."""

    messages: int = 0
    rows: int = 0
    bytes: int = 0


@dataclass
class TransferLog:
    """Counts parcels by (what, from, to); any thread may write."""

    crossings: dict[tuple[str, str, str], Transfer] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def note(self, parcels: Iterable[Message], source: str, target: str) -> None:
        """Enter parcels that went from one site to another; nothing crosses within a site."""
        if source == target:
            return
        with self._lock:
            for parcel in parcels:
                crossing = self.crossings.setdefault((parcel.kind, source, target), Transfer())
                crossing.messages += 1
                crossing.rows += parcel.rows
                crossing.bytes += len(parcel.data)

    def told(self) -> list[dict[str, Any]]:
        """The crossings as plain values, for receipts: sorted by what, from, to."""
        keys = ("what", "from", "to")
        return [dict(zip(keys, key, strict=True)) | vars(self.crossings[key]) for key in sorted(self.crossings)]

    @property
    def bytes(self) -> int:
        """Bytes of all parcels that crossed."""
        return sum(crossing.bytes for crossing in self.crossings.values())
