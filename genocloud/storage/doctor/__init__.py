"""What may be wrong with a store: each thing is tried or asked, and told in one line."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any
from uuid import uuid4

from genocloud.storage.local import local_path
from genocloud.storage.registry import plain_store
from genocloud.storage.store import ObjectExists, ObjectMissing, Store, StoreFailed
from genocloud.storage.urls import scheme

PROBE = "genocloud-doctor-"
"""Begins the name of the object with which things are tried; it is removed again."""

SKEW_SECONDS = 60
"""Ages are compared to hours, and services refuse a clock that is 15 minutes wrong; a minute is no accident."""


class Verdict(StrEnum):
    """How a thing is. What may not be seen is not known, which is not the same as fine."""

    FINE = "fine"
    NOTE = "note"
    UNKNOWN = "not known"
    BROKEN = "broken"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at, and how it is."""

    verdict: Verdict
    what: str
    told: str

    def __str__(self) -> str:
        return f"{self.verdict:<10}{self.what:<18}{self.told}"


def fine(what: str, told: str) -> Finding:
    """Nothing to do."""
    return Finding(Verdict.FINE, what, told)


def note(what: str, told: str) -> Finding:
    """No fault, but something that a person should have decided."""
    return Finding(Verdict.NOTE, what, told)


def unknown(what: str, told: str) -> Finding:
    """What could not be seen."""
    return Finding(Verdict.UNKNOWN, what, told)


def broken(what: str, told: str) -> Finding:
    """What will not work, or must not be so."""
    return Finding(Verdict.BROKEN, what, told)


def examine(url: str) -> Iterator[Finding]:
    """All that is found of the store at a URL, as it is found: use of it is tried, settings are asked for.

    Raises UnknownScheme, NotInstalled, and StoreFailed for a URL that names no place.
    """
    store = plain_store(url)
    try:
        names = store.list()
    except StoreFailed as error:
        yield broken("list", f"{error.problem}; {error.remedy}")
        if not error.problem.startswith("permission"):  # all else would fail in the same way, some of it slowly
            return
    else:
        yield fine("list", f"{len(names):,} objects")
    folder = local_path(store.url) if scheme(store.url) in ("", "file") else None
    there = folder is None or folder.exists()
    yield from _probe(store)
    if folder and not there:
        with suppress(OSError):
            folder.rmdir()
    yield from _settings(store)


def _settings(store: Store) -> Iterator[Finding]:
    match scheme(store.url):
        case "gs":
            from genocloud.storage.doctor.gcs import settings
        case "s3":
            from genocloud.storage.doctor.s3 import settings
        case "az":
            from genocloud.storage.doctor.azure import settings
        case "memory":
            return
        case _:
            from genocloud.storage.doctor.local import settings
    yield from settings(store)


def _probe(store: Store) -> Iterator[Finding]:
    """Create, read, replace and delete an object, each as far as what comes before it goes."""
    name, content, before = f"{PROBE}{uuid4().hex}", b"genocloud doctor", time.time()
    try:
        store.create(name, content)
    except StoreFailed as error:
        yield broken("write", f"{error.problem}; {error.remedy} (a place of inputs needs none of it)")
        return
    after = time.time()
    yield fine("write", "an object was created")
    try:
        yield _tried("read", "it was read again", partial(_expect, content, partial(store.read, name)))
        yield _created_once(store, name)
        yield _tried("replace", "it was replaced", partial(store.write, name, content[::-1]))
        with suppress(StoreFailed):
            yield _skew(store.modified(name), before, after)
    finally:
        removed = _tried("delete", "it was removed", partial(_remove, store, name))
    yield removed


def _tried(what: str, told: str, act: Callable[[], object]) -> Finding:
    try:
        act()
    except StoreFailed as error:
        return broken(what, f"{error.problem}; {error.remedy}")
    return fine(what, told)


def _expect(content: bytes, read: Callable[[], bytes]) -> None:
    if read() != content:
        raise StoreFailed("", "other bytes came back than were written", "do not use this place")


def _created_once(store: Store, name: str) -> Finding:
    what = "create if absent"
    try:
        store.create(name, b"a second one")
    except ObjectExists:
        return fine(what, "of two writers the first wins")
    except StoreFailed as error:
        return broken(what, f"{error.problem}; {error.remedy}")
    return broken(what, "a second writer replaced the first's object; two runs could destroy each other's versions")


def _remove(store: Store, name: str) -> None:
    store.delete(name)
    with suppress(ObjectMissing):
        store.read(name)
        raise StoreFailed(store.url, f"{name} is still there after it was deleted", "remove it by hand")


def _skew(there: float, before: float, after: float) -> Finding:
    """Whether two clocks agree, as far as an object that was written meanwhile tells."""
    ahead = before - there if there < before else min(0.0, after - there)
    told = f"this machine's is {abs(ahead):,.0f} s {'ahead of' if ahead > 0 else 'behind'} the store's"
    if abs(ahead) > SKEW_SECONDS:
        return broken("clock", f"{told}; set it (chrony, ntpd)")
    return fine("clock", f"agrees with the store's within {max(abs(ahead), 1):.0f} s")


def asked(what: str, ask: Callable[[], Any], tell: Callable[[Any], Iterator[Finding]]) -> Iterator[Finding]:
    """What is told of an answer; not known where none is given, for whatever reason, and nothing is broken by that."""
    try:
        answer = ask()
    except Exception as error:  # each client library has dozens of errors, and none may hide what else is found
        told = str(getattr(error, "message", "") or error).partition("\n")[0]
        yield unknown(what, f"this was not answered ({type(error).__name__}: {told})")
        return
    yield from tell(answer)
