"""What a site says of a task that failed there: its own policy decides whether the words may leave it."""

import hashlib
import logging
import traceback
from collections.abc import Callable
from typing import TypeVar

from genocloud import objects
from genocloud.errors import GenocloudError, StoreError
from genocloud.locations.policy import MAY_LEAVE, policy_of

Task = TypeVar("Task")
Result = TypeVar("Result")

FOLDER = "errors"
_log = logging.getLogger(__name__)


class ToldThere(GenocloudError):
    """A task that failed at a site whose policy keeps the reason there; the exit code is that of the reason.

    A message may quote a record, or name somebody, so that nothing of it crosses but what kind it is.
    """

    def __init__(self, kind: str, exit_code: int, url: str) -> None:
        self.kind, self.exit_code, self.url = kind, exit_code, url
        super().__init__(f"{kind}: the site's policy keeps the reason there, in {url}; read it at the site and mend it")


def discreet(store_url: str, function: Callable[[Task], Result], task: Task) -> Result:
    """A task's result. Where it fails, the error; under any policy but `may_leave` a ToldThere in its place.

    Errors about what may cross, and how, are told as they are: nobody's records stand in them.
    """
    try:
        return function(task)
    except Exception as error:
        if type(error).__module__.startswith(__name__.rpartition(".")[0]) or policy_of(store_url) == MAY_LEAVE:
            raise
        kind, code = type(error).__name__, getattr(error, "exit_code", 1)
        told = ToldThere(kind, code, _kept(store_url, "".join(traceback.format_exception(error))))
    raise told  # out here it has no context: none of the reason's words


def _kept(store_url: str, text: str) -> str:
    """Keep a text at the site, in its store, or where that fails in its workers' log; where it is."""
    name = f"{FOLDER}/{hashlib.sha256(text.encode()).hexdigest()[:12]}.txt"
    try:
        store = objects.open_store(store_url)
        store.write(name, text.encode())
    except (StoreError, OSError):
        _log.error("%s: %s", name, text)
        return "the log of its workers"
    return objects.join(store.url, name)
