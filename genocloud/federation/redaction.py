"""Run a task under the location's policy; redact errors raised there unless the policy lets them leave."""

import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from uuid import uuid4

from genocloud import storage
from genocloud.errors import GenocloudError, StoreError
from genocloud.federation.site_policy import MAY_LEAVE, SitePolicy, policy_for

Task = TypeVar("Task")
Result = TypeVar("Result")

FOLDER = "errors"
_log = logging.getLogger(__name__)


class RedactedError(GenocloudError):
    """A task failed at a location whose policy keeps the error text there; the exit code is the original error's.

    An error text may quote a record or name a sample, so only the error's class name crosses.
    """

    def __init__(self, kind: str, exit_code: int, url: str) -> None:
        self.kind, self.exit_code, self.url = kind, exit_code, url
        super().__init__(f"{kind}: the site's policy keeps the reason there, in {url}; read it at the site and mend it")


class DisclosableError(GenocloudError):
    """An error whose text may cross under every policy: it names only settings and URLs of the config."""


@dataclass(frozen=True)
class Requester:
    """The location's store that a task is for, and whether the requester claims to be the coordinator there."""

    store: str
    is_coordinator: bool


def run_under_policy(requester: Requester, function: Callable[[Task], Result], task: Task) -> Result:
    """A task's result, if the location's policy covers the store. On failure raises the error, or a RedactedError.

    An error is raised as it is under `may_leave`, at a location that coordinates, and if genocloud.federation raised
    it: those texts hold no records.
    """
    policy = policy_for(requester.store)
    try:
        return function(task)
    except Exception as error:
        if _is_disclosable(error, policy, requester):
            raise
        kind, code = type(error).__name__, getattr(error, "exit_code", 1)
        redacted_error = RedactedError(
            kind, code, _store_text(requester.store, "".join(traceback.format_exception(error)))
        )
    raise redacted_error  # raised outside of `except`: the original exception, as context, must not cross


def _is_disclosable(error: Exception, policy: SitePolicy, requester: Requester) -> bool:
    if (
        policy.policy == MAY_LEAVE
        or (requester.is_coordinator and policy.coordinates)
        or isinstance(error, DisclosableError)
    ):
        return True
    return type(error).__module__.startswith(__name__.rpartition(".")[0])


def _store_text(store_url: str, text: str) -> str:
    """Store a text at the location, in its store or else in its workers' log; return where."""
    name = f"{FOLDER}/{uuid4().hex[:12]}.txt"
    try:
        store = storage.open_store(store_url)
        store.write(name, text.encode())
    except (StoreError, OSError):
        _log.error("%s: %s", name, text)
        return "the log of its workers"
    return storage.join(store.url, name)
