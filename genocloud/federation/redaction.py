"""A task at a site, under the site's policy: what it does not cover is refused, and why a task failed stays there."""

import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from uuid import uuid4

from genocloud import storage
from genocloud.errors import GenocloudError, StoreError
from genocloud.federation.site_policy import MAY_LEAVE, SitePolicy, authority

Task = TypeVar("Task")
Result = TypeVar("Result")

FOLDER = "errors"
_log = logging.getLogger(__name__)


class RedactedError(GenocloudError):
    """A task that failed at a site whose policy keeps the reason there; the exit code is that of the reason.

    A message may quote a record, or name somebody, so that nothing of it crosses but what kind it is.
    """

    def __init__(self, kind: str, exit_code: int, url: str) -> None:
        self.kind, self.exit_code, self.url = kind, exit_code, url
        super().__init__(f"{kind}: the site's policy keeps the reason there, in {url}; read it at the site and mend it")


class Sayable(GenocloudError):
    """An error whose words may cross under every policy: they tell of settings and places that the config names."""


@dataclass(frozen=True)
class Requester:
    """Which site is asked, by its store, and whether whoever asks says to be at the site itself."""

    store: str
    home: bool


def redacted(asker: Requester, function: Callable[[Task], Result], task: Task) -> Result:
    """A task's result, if the site's policy covers the store. On failure the error, or a RedactedError.

    An error is said as it is under `may_leave`, at a site that coordinates, and where it is about what may cross, and
    how: nobody's records stand in that.
    """
    policy = authority(asker.store)
    try:
        return function(task)
    except Exception as error:
        if _may_be_said(error, policy, asker):
            raise
        kind, code = type(error).__name__, getattr(error, "exit_code", 1)
        told = RedactedError(kind, code, _kept(asker.store, "".join(traceback.format_exception(error))))
    raise told  # out here it has no context: none of the reason's words


def _may_be_said(error: Exception, policy: SitePolicy, asker: Requester) -> bool:
    if policy.policy == MAY_LEAVE or (asker.home and policy.coordinates) or isinstance(error, Sayable):
        return True
    return type(error).__module__.startswith(__name__.rpartition(".")[0])


def _kept(store_url: str, text: str) -> str:
    """Keep a text at the site, in its store, or where that fails in its workers' log; where it is."""
    name = f"{FOLDER}/{uuid4().hex[:12]}.txt"
    try:
        store = storage.open_store(store_url)
        store.write(name, text.encode())
    except (StoreError, OSError):
        _log.error("%s: %s", name, text)
        return "the log of its workers"
    return storage.join(store.url, name)
