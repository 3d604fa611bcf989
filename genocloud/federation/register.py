"""A location's register of the sets of people whose sums have left it, so that no difference reveals few of them.

REGISTER/00000001.json   the beginning: whose it is, and the key that hides fingerprints
REGISTER/00000002.json   a set that was answered for, or an exception that the owner signed; each has its predecessor's
                         sha256, is created only if absent, and never changes
STORES/register.json     in every folder of stores of the policy: how far the register had come, so that one that has
                         lost its end is noticed

Without a register that is whole nothing is handed out: only those who answer for the site begin one.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from genocloud import storage
from genocloud.errors import SettingError, StoreError
from genocloud.federation.site_policy import SitePolicy
from genocloud.federation.subtraction import People, problem_of

NAME = "{:08d}.json"
MARK = "register.json"
"""In every folder of stores of the policy."""

Person = Sequence[str]
"""What somebody is known by: whoever has one of these in common is the same person."""

STARTED, ANSWERED, ALLOWED = "started", "answered", "allowed"
CODE_LENGTH = 12
FINGERPRINT_LENGTH = 24
"""96 bits of an HMAC: no two people of a site have the same by chance."""


class RegisterLost(StoreError):
    """A register that is missing, damaged, or has lost its end."""

    def __init__(self, site: str, problem: str) -> None:
        self.site, self.problem = site, problem
        super().__init__(
            f"site {site}: its register of answers {problem}, so that nothing leaves; restore it from a backup, or "
            "those who answer for the site begin a new one (genocloud register), which forgets earlier answers"
        )


class TooFew(SettingError):
    """Sums that would tell of fewer people than the site's minimum; `code` names the set of people for its owner."""

    def __init__(self, site: str, problem: str, minimum: int, code: str) -> None:
        self.site, self.problem, self.minimum, self.code = site, problem, minimum, code
        super().__init__(
            f"site {site}: no sums leave it {problem} (minimum_people of its policy file); wait until at least "
            f"{minimum:,} people more come (or go) together, or have those who answer for the site sign an exception: "
            f"genocloud register POLICY --allow {code} --by NAME --reason TEXT"
        )


class NoException(SettingError):
    """An exception that cannot be signed."""


class RegisterExists(SettingError):
    """A register that is to begin where something lies."""

    def __init__(self, url: str) -> None:
        self.url = url
        super().__init__(f"{url}: something lies here already; a register begins in an empty folder: name another one")


@dataclass
class Register:
    """The register of a site's policy."""

    policy: SitePolicy
    store: storage.Store = field(init=False)
    _parsed: dict[bytes, "Entry"] = field(init=False, repr=False, default_factory=dict)
    """Entries by the sha256 of their bytes: an answer has a hundred thousand names, and all are read for each."""
    _numbers: "_PersonNumbers | None" = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        self.store = storage.open_store(self.policy.register)

    def start(self, by: str) -> None:
        """Begin it, in an empty folder; earlier answers of the site count no more. Raises RegisterExists."""
        if self.store.list():
            raise RegisterExists(self.store.url)
        first = {"kind": STARTED, "site": self.policy.site, "key": secrets.token_hex(32), "by": by}
        try:
            self._append(1, "", first)
        except storage.ObjectExists:
            raise RegisterExists(self.store.url) from None
        self._mark(self.entries())

    def admit(self, *sets: Sequence[Person]) -> None:
        """Note that sums over some people, and over each of several sets of them, leave the site.

        Raises TooFew where not all of them may, and then notes none; or RegisterLost.
        """
        minimum = self.policy.minimum_people
        while True:
            entries = self.entries()
            self._check_marks(entries)
            known = self._known(entries)
            hidden = [sorted(known.hidden(person) for person in people) for people in sets]
            named = known.with_further(hidden)
            allowed = {each.values["code"] for each in entries if each.kind == ALLOWED}
            signed = [each for each in named.sets if named.code(each) in allowed]
            judged = [each for each in named.sets if each not in signed]
            if problem := problem_of(judged, [*known.sets, *signed], minimum):
                first = next(each for each in judged if len(each) < minimum or each not in known.sets)
                raise TooFew(self.policy.site, problem, minimum, named.code(first))
            new = {each: words for each, words in zip(named.sets, hidden, strict=True) if each not in known.sets}
            with suppress(storage.ObjectExists):  # somebody else answered meanwhile: that one counts, too
                for people, words in new.items():
                    entry = {"kind": ANSWERED, "people": words, "code": named.code(people)}
                    entries = [*entries, self._append(len(entries) + 1, entries[-1].sha256, entry)]
                    self._mark(entries)
                return

    def allow(self, code: str, by: str, reason: str) -> None:
        """Sign an exception for the set of people that a refusal named. Raises NoException or RegisterLost."""
        if len(code) != CODE_LENGTH or set(code) - set("0123456789abcdef"):
            raise NoException(f"{code!r} is no code of a refusal; give the {CODE_LENGTH} letters that it named")
        while True:
            entries = self.entries()
            self._check_marks(entries)
            entry = {"kind": ALLOWED, "code": code, "by": by, "reason": reason}
            with suppress(storage.ObjectExists):
                self._append(len(entries) + 1, entries[-1].sha256, entry)
                self._mark(self.entries())
                return

    def entries(self) -> list["Entry"]:
        """All that was noted, checked. Raises RegisterLost."""
        checked: list[Entry] = []
        names = self.store.list()
        if names != [NAME.format(number) for number in range(1, len(names) + 1)] or not names:
            raise RegisterLost(self.policy.site, "is not whole" if names else "is not there")
        for name in names:
            entry = self._entry(self.store.read(name))
            if entry.values.get("previous") != (checked[-1].sha256 if checked else ""):
                raise RegisterLost(self.policy.site, f"is damaged ({name})")
            checked.append(entry)
        if checked[0].kind != STARTED or checked[0].values.get("site") != self.policy.site:
            raise RegisterLost(self.policy.site, "is another site's")
        return checked

    def check(self) -> list["Entry"]:
        """As `entries`, held to what the folders of stores say of it. Raises RegisterLost."""
        entries = self.entries()
        self._check_marks(entries)
        return entries

    def _entry(self, data: bytes) -> "Entry":
        digest = hashlib.sha256(data).digest()
        if digest not in self._parsed:
            self._parsed[digest] = Entry.of(self.policy.site, data)
        return self._parsed[digest]

    def _known(self, entries: Sequence["Entry"]) -> "_PersonNumbers":
        """Everybody who is in answers, numbered; those of an earlier call are not numbered again."""
        key, answers = bytes.fromhex(entries[0].values["key"]), [each for each in entries if each.kind == ANSWERED]
        known = self._numbers
        if known is None or known.key != key or known.answers != [each.sha256 for each in answers[: len(known.sets)]]:
            known = self._numbers = _PersonNumbers(key)
        for answer in answers[len(known.sets) :]:
            known.add(answer.values["people"])
            known.answers.append(answer.sha256)
        return known

    def _append(self, number: int, previous: str, values: dict[str, Any]) -> "Entry":
        """Raises ObjectExists where another entry came first."""
        when = datetime.now(UTC).isoformat(timespec="seconds")
        data = json.dumps({"previous": previous, "when": when, **values}, indent=1).encode()
        self.store.create(NAME.format(number), data)
        return self._entry(data)

    def _check_marks(self, entries: Sequence["Entry"]) -> None:
        for url in self.policy.stores:
            try:
                mark = json.loads(storage.open_store(url).read(MARK))
                number, sha256 = int(mark["number"]), str(mark["sha256"])
            except storage.ObjectMissing:
                continue
            except (ValueError, KeyError, TypeError):
                raise RegisterLost(
                    self.policy.site, f"cannot be compared with {MARK} of a store, which is damaged"
                ) from None
            if not 0 < number <= len(entries) or entries[number - 1].sha256 != sha256:
                raise RegisterLost(self.policy.site, "has lost entries, or is another one than before")

    def _mark(self, entries: Sequence["Entry"]) -> None:
        """Note the register's end; a mark that another process has set further on is not moved back."""
        entries = entries if len(self.store.list()) == len(entries) else self.entries()
        mark = json.dumps({"number": len(entries), "sha256": entries[-1].sha256}) + "\n"
        for url in self.policy.stores:
            storage.open_store(url).write(MARK, mark.encode())


@dataclass(frozen=True)
class Entry:
    """One entry, and the sha256 of its bytes."""

    values: dict[str, Any]
    sha256: str

    def __str__(self) -> str:
        """In one line, for the site's owner."""
        details = {name: self.values[name] for name in ("by", "code", "reason") if name in self.values}
        people = [f"{len(self.values['people']):,} people"] if "people" in self.values else []
        parts = [*people, *(f"{name} {value}" for name, value in details.items())]
        return f"{self.values.get('when', '')}  {self.kind:<9} {', '.join(parts)}"

    @property
    def kind(self) -> str:
        """STARTED, ANSWERED or ALLOWED."""
        return str(self.values["kind"])

    @classmethod
    def of(cls, site: str, data: bytes) -> "Entry":
        """From an object's bytes. Raises RegisterLost."""
        try:
            values = json.loads(data)
            columns = {STARTED: ("key",), ANSWERED: ("people", "code"), ALLOWED: ("code",)}[values["kind"]]
            if any(name not in values for name in columns):
                raise ValueError(f"without {columns}")
            if values["kind"] == STARTED:
                bytes.fromhex(values["key"])
        except (ValueError, KeyError, TypeError) as error:
            raise RegisterLost(site, "is damaged") from error
        return cls(values, hashlib.sha256(data).hexdigest())


class _PersonNumbers:
    """Numbers of people by what they are known by, in the order in which the register names them.

    sets     the people of each set that was added
    answers  the sha256 of the entries that they are of
    """

    def __init__(self, key: bytes) -> None:
        self.key, self.sets, self.answers = key, list[People](), list[str]()
        self._numbers, self._count, self._hidden = dict[str, int](), 0, dict[str, str]()

    def hidden(self, person: Person) -> list[str]:
        """What somebody is known by, so that only this register can tell who that is."""
        return [self._hidden.get(word) or self._hide(word) for word in person]

    def _hide(self, word: str) -> str:
        fingerprint = hmac.digest(self.key, word.encode(), "sha256").hex()[:FINGERPRINT_LENGTH]
        return self._hidden.setdefault(word, fingerprint)

    def add(self, persons: Sequence[Sequence[str]]) -> None:
        """Add a set of people; whoever shares a word with somebody known is that person."""
        self.sets.append(frozenset(self._number(words) for words in persons))

    def with_further(self, sets: Sequence[Sequence[Sequence[str]]]) -> "_PersonNumbers":
        """Numbers of the same people and of those of other sets, which are its sets."""
        further = _PersonNumbers(self.key)
        further._numbers, further._count = self._numbers.copy(), self._count
        for persons in sets:
            further.add(persons)
        return further

    def _number(self, words: Sequence[str]) -> int:
        numbers = [self._numbers[word] for word in words if word in self._numbers]
        number = min(numbers, default=self._count)
        self._count += number == self._count
        for word in words:
            self._numbers.setdefault(word, number)
        return number

    def code(self, people: People) -> str:
        """A name for a set of people that tells nothing of them: the same however its people are written."""
        words = sorted(word for word, number in self._numbers.items() if number in people)
        return hmac.digest(self.key, "\n".join(words).encode(), "sha256").hex()[:CODE_LENGTH]
