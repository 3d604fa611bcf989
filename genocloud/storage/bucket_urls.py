"""Base class of bucket stores: bucket and prefix of the URL, and what the service says of an object."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime

from genocloud.storage.store import Names, ObjectMissing


@dataclass(frozen=True)
class BucketStore(ABC):
    """Objects of one bucket, or container, whose names begin with the URL's prefix."""

    url: str

    @property
    def bucket_name(self) -> str:
        """`bucket` of gs://bucket/prefix."""
        return self.url.partition("://")[2].partition("/")[0]

    @property
    def _prefix(self) -> str:
        """`prefix/` of gs://bucket/prefix; empty where the URL has none."""
        prefix = self.url.partition("://")[2].partition("/")[2]
        return f"{prefix}/" if prefix else ""

    @abstractmethod
    def _size_and_time(self, name: str) -> tuple[int, datetime]:
        """Bytes in an object, and when it took its content. Raises ObjectMissing."""

    def size(self, name: str) -> int:
        return self._size_and_time(name)[0]

    def modified(self, name: str) -> float:
        return self._size_and_time(name)[1].timestamp()

    def exists(self, name: str) -> bool:
        try:
            self._size_and_time(name)
        except ObjectMissing:
            return False
        return True

    def sweep(self, older_than: float) -> Names:  # noqa: ARG002  (unfinished uploads lapse after a week, unseen)
        return []
