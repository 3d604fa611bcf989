"""Genotypes stored in the callsets of other sites, and the errors where they cannot be read."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from genocloud.errors import SettingError, StoreError, did_you_mean
from genocloud.storage import Store, open_store

LEAVING = "may_leave"
"""The policy under which genotype columns may be read from another site."""


@dataclass(frozen=True, slots=True, order=True)
class RemoteGenotypes:
    """Another site, the URL of its callset, and its policy."""

    site: str
    url: str
    policy: str


class GenotypesNotShared(SettingError):
    """A site's policy does not let its genotypes leave."""

    def __init__(self, place: RemoteGenotypes) -> None:
        self.site, self.url, self.policy = place.site, place.url, place.policy
        super().__init__(
            f"the genotypes of site {place.site} stay there by its policy ({place.policy}); for its part run "
            f"`genocloud export {place.url} OUT` at {place.site}, and choose the others here with --site"
        )


class RemoteUnreachable(StoreError):
    """Genotypes of another site cannot be read, or are not those that the callset was made of."""

    def __init__(self, place: RemoteGenotypes, problem: str) -> None:
        self.site, self.url, self.problem = place.site, place.url, problem
        super().__init__(
            f"the genotypes of site {place.site} are at {place.url} and cannot be read from here ({problem}); check "
            f"access (genocloud doctor {place.url}), or for its part run `genocloud export {place.url} OUT` at "
            f"{place.site}, and choose the others here with --site"
        )


class UnknownSite(SettingError):
    """A site without samples in the callset."""

    def __init__(self, url: str, site: str, known: tuple[str, ...]) -> None:
        self.url, self.site, self.known = url, site, known
        hint = f"its sites are {', '.join(known)}" if any(known) else "its samples come from one site, leave --site out"
        super().__init__(f"{url}: no site {site}; {hint}{did_you_mean(site, known)}")


@contextmanager
def reaching(place: RemoteGenotypes) -> Iterator[Store]:
    """The store of another site's callset. Raises GenotypesNotShared, and RemoteUnreachable for any StoreError."""
    if place.policy != LEAVING:
        raise GenotypesNotShared(place)
    try:
        yield open_store(place.url)
    except StoreError as error:
        raise RemoteUnreachable(place, str(error)) from error
