"""Base class of bucket stores: parse bucket and prefix from the URL, test whether an object exists."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from genocloud.storage.store import ObjectMissing


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
    def size(self, name: str) -> int:
        """Bytes in an object. Raises ObjectMissing."""

    def exists(self, name: str) -> bool:
        """Whether there is an object of this name."""
        try:
            self.size(name)
        except ObjectMissing:
            return False
        return True
