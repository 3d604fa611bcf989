"""The error tree, by who can fix it: InputError (your files), StoreError (the store), SettingError (your settings)."""

import errno
import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any

MANY = 10
"""Names in a message at most, so that it stays one line with ten thousand samples."""


def first_of(names: Sequence[str]) -> str:
    """Names for a message, the first ones where they are many."""
    return ", ".join(names[:MANY]) + (", ..." if len(names) > MANY else "")


def shortened(names: Sequence[str]) -> str:
    """The first names and the last, where they are many."""
    return ", ".join(names) if len(names) <= 4 else f"{', '.join(names[:2])}, ... {names[-1]}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown word: the nearest of the `known` ones, if one is near."""
    by_lower = {one.lower(): one for one in known}
    near = [] if word in by_lower.values() else get_close_matches(word.lower(), by_lower, n=1, cutoff=0.65)
    return f"; did you mean {by_lower[near[0]]}?" if near else ""


def mistyped(message: str, keys: Iterable[str]) -> str:
    """`did_you_mean` for jsonschema's message about an unexpected key or a value that is not in an enum."""
    quoted = re.findall(r"'([^']*)'", message)
    if quoted and ("unexpected" in message or " not match any of the regexes" in message):
        return did_you_mean(quoted[0], keys)
    if message.startswith("'") and " is not one of " in message:
        return did_you_mean(quoted[0], quoted[1:])
    return ""


class GenocloudError(Exception):
    """An error that the user can fix; its message says what is wrong, where, and what to do.

    `exit_code` is the command line's. Any exception that is not a `GenocloudError` is a bug (exit code 1).
    """

    exit_code = 1

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle message and attributes, whatever the constructor takes, for errors of worker processes."""
        return _rebuilt, (type(self), self.args, self.__dict__)


def _rebuilt(kind: type[GenocloudError], args: tuple[Any, ...], facts: dict[str, Any]) -> GenocloudError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(facts)
    return error


class InputError(GenocloudError):
    """Your file: a sample sheet, a gVCF, reads or a reference cannot be used."""

    exit_code = 3


class StoreError(GenocloudError):
    """The store: a cohort, a callset or an object store cannot be read or written."""

    exit_code = 4


class SettingError(GenocloudError):
    """Your configuration: an invalid or impossible value."""

    exit_code = 5


class PackageMissing(SettingError):
    """An optional package is not installed."""

    def __init__(self, package: str, remedy: str) -> None:
        self.package, self.remedy = package, remedy
        super().__init__(f"{package} is not installed; {remedy}")


class OutOfResources(SettingError):
    """The process ran out of memory, threads or open files; the file that it was reading may be fine."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(
            f"the process got no more memory, threads or open files from the system ({problem}); allow more (ulimit "
            "-v, -u, -n; a job's or container's limits), or less work at once (--memory, --threads, --scatter), and "
            "run this again"
        )


_SCARCE = {errno.ENOMEM, errno.EAGAIN, errno.EMFILE, errno.ENFILE}
_SCARCITY = re.compile(
    r"bad_alloc|(?:malloc|realloc) of size|cannot allocate memory|resource temporarily unavailable|"
    r"can't start new thread|cannot start new thread|too many open files|out of memory",
    re.IGNORECASE,
)
"""Messages of the system, Arrow and Python, also in error types that damaged files raise too."""


def scarcity(error: BaseException | None) -> OutOfResources | None:
    """OutOfResources if an error or one of its causes is a lack of memory, threads or open files; else None."""
    while error is not None:
        if isinstance(error, OutOfResources):
            return error
        scarce = isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in _SCARCE)
        if scarce or (isinstance(error, (OSError, RuntimeError, ValueError)) and _SCARCITY.search(str(error))):
            return OutOfResources(str(error).partition("\n")[0] or type(error).__name__)
        error = error.__cause__
    return None


class BadRecord(InputError):
    """A malformed record, at a known place of a file."""

    def __init__(self, url: str, place: str, problem: str, remedy: str) -> None:
        self.url, self.place, self.problem, self.remedy = url, place, problem, remedy
        super().__init__(f"{url}: {place}: {problem}; {remedy}")


class UnreadableFile(InputError):
    """A file that is missing, forbidden, or of another format."""

    def __init__(self, url: str, problem: str, remedy: str) -> None:
        self.url, self.problem, self.remedy = url, problem, remedy
        super().__init__(f"{url}: {problem}; {remedy}")


class MixedContigs(InputError):
    """A file and the reference declare different lengths for one contig."""

    def __init__(self, contig: str, lengths: dict[str, int]) -> None:
        self.contig, self.lengths = contig, lengths
        lengths_text = "; ".join(f"{source}: {length:,} bp" for source, length in lengths.items())
        super().__init__(
            f"contig {contig} has more than one length ({lengths_text}); call every sample against one reference"
        )


class UnknownContig(InputError):
    """A file or a region names a contig that the reference lacks."""

    def __init__(self, contig: str, source: str, near: str = "") -> None:
        self.contig, self.source = contig, source
        remedy = f"did you mean {near}?" if near else "use the reference that the samples were called against"
        super().__init__(f"{source}: contig {contig} is not in the reference; {remedy}")
