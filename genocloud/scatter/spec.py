"""Parse the text of --scatter: an executor and its settings."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

from genocloud.errors import SettingError, did_you_mean
from genocloud.formatting import is_number
from genocloud.scatter.executor_kinds import BY_NAME, EXECUTOR_KINDS, ExecutorKind


def settings_of(text: str, choice: str, names: Collection[str]) -> dict[str, str]:
    """The settings `name=value,...` in `text`. Raises SettingError for a name that is none of `names`."""
    pairs = [item.partition("=")[::2] for item in text.split(",") if item]
    if "insecure" in names and any(name == "plain" for name, _ in pairs):
        raise SettingError(f"{choice}: plain has a new name; write insecure=yes")
    if wrong := next((name for name, value in pairs if name not in names or not value), None):
        raise unusable(choice, did_you_mean(wrong, names) if wrong not in names else "")
    return dict(pairs)


def count_of(text: str, choice: str) -> int:
    """A whole number from 1 on. Raises SettingError for anything else."""
    if not is_number(text) or int(text) < 1:
        raise unusable(choice)
    return int(text)


def range_of(text: str, choice: str) -> tuple[int, int]:
    """The ends of MIN-MAX, or of one number. Raises SettingError for anything else."""
    first, _, last = text.partition("-")
    if not is_number(first):
        raise unusable(choice)
    least, most = int(first), count_of(last or first, choice)
    if least > most:
        raise unusable(choice)
    return least, most


def bytes_of(text: str, choice: str) -> int:
    """Bytes, as 4GB or 500MiB say them. Raises SettingError for anything else."""
    from dask.utils import parse_bytes

    try:
        return int(parse_bytes(text))
    except ValueError:
        raise unusable(choice) from None


def is_insecure(settings: Mapping[str, str], choice: str) -> bool:
    """Whether tcp:// is allowed between machines. Raises SettingError where `insecure` is neither yes nor no."""
    said = settings.get("insecure", "no")
    if said not in ("yes", "no"):
        raise unusable(choice)
    return said == "yes"


def unusable(choice: str, near: str | None = None) -> SettingError:
    """The error that lists every choice, and a similar one if there is one (by default a similar executor)."""
    near = did_you_mean(choice.partition(":")[0], BY_NAME) if near is None else near
    grammars = "; ".join(kind.grammar for kind in EXECUTOR_KINDS)
    return SettingError(f"scatter {choice!r} is none of: {grammars}; give one of these{near}")


def kind_of(choice: str) -> ExecutorKind:
    """The executor that a choice names. Raises SettingError for a name that there is not."""
    kind = BY_NAME.get(choice.partition(":")[0])
    if kind is None:
        raise unusable(choice)
    return kind


@contextmanager
def client_library(choice: str) -> Iterator[None]:
    """Import what the executor of a choice needs. Raises SettingError, with the command that installs it."""
    try:
        yield
    except ImportError as error:
        # Without a name, it is a package that is there, but damaged or too old.
        problem = f"the Python package {error.name} is not installed" if error.name else str(error)
        remedy = f"run `{kind_of(choice).install_hint}`"
        raise SettingError(f"scatter {choice!r}: {problem}; {remedy}") from error
