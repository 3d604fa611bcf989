"""Diagnose a store: try its operations, query its settings, and report each in one line."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from importlib import import_module
from typing import Any
from uuid import uuid4

from genocloud.storage.local import local_path
from genocloud.storage.registry import plain_store
from genocloud.storage.store import ObjectExists, ObjectMissing, Store, StoreFailed
from genocloud.storage.store_kinds import BY_SCHEME
from genocloud.storage.urls import is_local, scheme

PROBE = "genocloud-doctor-"
"""Prefix of the name of the trial object, which is removed again."""

SKEW_SECONDS = 60
"""Clock skew reported as broken: ages are compared with hours, and services refuse a clock that is 15 minutes off."""


class Verdict(StrEnum):
    """The severity of a finding; `UNKNOWN` is what could not be queried."""

    FINE = "fine"
    NOTE = "note"
    UNKNOWN = "not known"
    BROKEN = "broken"


@dataclass(frozen=True)
class Finding:
    """One checked subject, its verdict, and a line of explanation."""

    verdict: Verdict
    subject: str
    text: str

    def __str__(self) -> str:
        return f"{self.verdict:<10}{self.subject:<18}{self.text}"


def fine(subject: str, text: str) -> Finding:
    """A finding without a problem."""
    return Finding(Verdict.FINE, subject, text)


def note(subject: str, text: str) -> Finding:
    """A finding that is no fault, but that the owner should decide about."""
    return Finding(Verdict.NOTE, subject, text)


def unknown(subject: str, text: str) -> Finding:
    """A finding that could not be queried."""
    return Finding(Verdict.UNKNOWN, subject, text)


def broken(subject: str, text: str) -> Finding:
    """A finding that must be fixed."""
    return Finding(Verdict.BROKEN, subject, text)


def examine(url: str) -> Iterator[Finding]:
    """Findings about the store at a URL as they come: operations are tried, then settings are queried.

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
    folder = local_path(store.url) if is_local(store.url) else None
    there = folder is None or folder.exists()
    yield from _probe(store)
    if folder and not there:
        with suppress(OSError):
            folder.rmdir()
    if probe := BY_SCHEME[scheme(store.url)].probe:
        yield from import_module(probe).settings(store)


def _probe(store: Store) -> Iterator[Finding]:
    """Create, read, replace and delete a trial object; stops where it cannot be created."""
    name, content, before = f"{PROBE}{uuid4().hex}", b"genocloud doctor", time.time()
    try:
        store.create(name, content)
    except StoreFailed as error:
        yield broken("write", f"{error.problem}; {error.remedy} (a place of inputs needs none of it)")
        return
    after = time.time()
    yield fine("write", "an object was created")
    try:
        yield _attempt("read", "it was read again", partial(_expect, content, partial(store.read, name)))
        yield _created_once(store, name)
        yield _attempt("replace", "it was replaced", partial(store.write, name, content[::-1]))
        with suppress(StoreFailed):
            yield _skew(store.modified(name), before, after)
    finally:
        removed = _attempt("delete", "it was removed", partial(_remove, store, name))
    yield removed


def _attempt(subject: str, success: str, act: Callable[[], object]) -> Finding:
    try:
        act()
    except StoreFailed as error:
        return broken(subject, f"{error.problem}; {error.remedy}")
    return fine(subject, success)


def _expect(content: bytes, read: Callable[[], bytes]) -> None:
    if read() != content:
        raise StoreFailed("", "other bytes came back than were written", "do not use this place")


def _created_once(store: Store, name: str) -> Finding:
    subject = "create if absent"
    try:
        store.create(name, b"a second one")
    except ObjectExists:
        return fine(subject, "of two writers the first wins")
    except StoreFailed as error:
        return broken(subject, f"{error.problem}; {error.remedy}")
    return broken(subject, "a second writer replaced the first's object; two runs could destroy each other's versions")


def _remove(store: Store, name: str) -> None:
    store.delete(name)
    with suppress(ObjectMissing):
        store.read(name)
        raise StoreFailed(store.url, f"{name} is still there after it was deleted", "remove it by hand")


def _skew(there: float, before: float, after: float) -> Finding:
    """Compare the clocks of machine and store by the time of an object written between `before` and `after`."""
    ahead = before - there if there < before else min(0.0, after - there)
    text = f"this machine's is {abs(ahead):,.0f} s {'ahead of' if ahead > 0 else 'behind'} the store's"
    if abs(ahead) > SKEW_SECONDS:
        return broken("clock", f"{text}; set it (chrony, ntpd)")
    return fine("clock", f"agrees with the store's within {max(abs(ahead), 1):.0f} s")


def query(subject: str, request: Callable[[], Any], report: Callable[[Any], Iterator[Finding]]) -> Iterator[Finding]:
    """Findings that `report` makes of a request's answer; one unknown finding where the request fails."""
    try:
        answer = request()
    except Exception as error:  # client libraries raise dozens of errors, and none may hide the other findings
        message = str(getattr(error, "message", "") or error).partition("\n")[0]
        yield unknown(subject, f"this was not answered ({type(error).__name__}: {message})")
        return
    yield from report(answer)
