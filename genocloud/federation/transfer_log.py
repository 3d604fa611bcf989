"""The transfer log of a hybrid run: messages, rows and bytes that crossed between locations."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from genocloud.federation.messages import Message


@dataclass
class Transfer:
    """All messages of one kind that went from one location to another."""

    messages: int = 0
    rows: int = 0
    bytes: int = 0


@dataclass
class TransferLog:
    """Counts messages by (kind, from, to); thread-safe."""

    crossings: dict[tuple[str, str, str], Transfer] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def note(self, messages: Iterable[Message], source: str, target: str) -> None:
        """Enter messages that went from one location to another; those within a location do not count."""
        if source == target:
            return
        with self._lock:
            for message in messages:
                crossing = self.crossings.setdefault((message.kind, source, target), Transfer())
                crossing.messages += 1
                crossing.rows += message.rows
                crossing.bytes += len(message.data)

    def as_json(self) -> list[dict[str, Any]]:
        """The transfers as plain values, for receipts: sorted by what, from, to."""
        keys = ("what", "from", "to")
        return [dict(zip(keys, key, strict=True)) | vars(self.crossings[key]) for key in sorted(self.crossings)]

    @property
    def bytes(self) -> int:
        """Bytes of all messages that crossed."""
        return sum(crossing.bytes for crossing in self.crossings.values())
