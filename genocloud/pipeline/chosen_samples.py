"""Which of a callset's samples are meant: names, or files of names."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from genocloud import storage
from genocloud.callset import Callset
from genocloud.errors import InputError, UnreadableFile


class EmptyChoice(InputError):
    """A choice of samples that leaves none."""

    def __init__(self, url: str) -> None:
        self.url = url
        super().__init__(f"{url}: no sample is left to write; name others, or leave genotypes out (--sites-only)")


@dataclass(frozen=True, kw_only=True)
class SampleChoice:
    """Some of a callset's samples; all without a choice.

    included, excluded  names with commas between, or files with a name at the start of each line
    among               if any, only those of these names
    keep_counts         AC, AF and AN stay those of all samples
    """

    included: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    among: tuple[str, ...] = ()
    keep_counts: bool = False

    def of(self, callset: Callset) -> Callset:
        """The callset restricted to them, in the order in which they are named.

        Raises EmptyChoice, UnknownSample, UnreadableFile.
        """
        if not (self.included or self.excluded or self.among):
            return callset
        left_out = set(callset.of_samples(names_of(self.excluded)).samples)
        names = names_of(self.included) if self.included else callset.samples
        left = [name for name in names if name not in left_out and (not self.among or name in self.among)]
        chosen = callset.of_samples(left, recount=not self.keep_counts)
        if not chosen.samples:
            raise EmptyChoice(callset.url)
        return chosen


def names_of(texts: Sequence[str]) -> list[str]:
    """The names, each once. A text is a file where there is one of this name; commas split others."""
    names = [name for text in texts for name in (_lines(text) if _is_file(text) else text.split(","))]
    return list(dict.fromkeys(name for name in names if name))


def _is_file(text: str) -> bool:
    return "://" in text or Path(text).is_file()


def _lines(url: str) -> list[str]:
    """The first column of each line, but for comments."""
    with storage.open_file(url) as file:
        try:
            lines = file.read().decode().splitlines()
        except UnicodeDecodeError as error:
            raise UnreadableFile(url, f"byte {error.start:,} is not UTF-8", "give a text file of names") from error
    return [line.split("\t")[0].strip() for line in lines if not line.startswith("#")]
