"""Parse the text of --scatter: an executor and its settings."""

from collections.abc import Collection, Mapping

from genocloud.errors import SettingError, did_you_mean

WAYS = (
    "inline",
    "threads:N",
    "processes:N",
    "local:processes=N,threads=N,memory=SIZE",
    "tls://HOST:PORT[,tls=DIR]",
    "tcp://HOST:PORT[,insecure=yes]",
    "slurm:partition=NAME,account=NAME,threads=N,memory=SIZE,walltime=HH:MM:SS,workers=MIN-MAX,interface=NAME",
    "kubernetes:namespace=NAME,image=IMAGE,threads=N,memory=SIZE,workers=MIN-MAX,insecure=yes",
)
"""Every choice; Dask's also take wait=SECONDS, how long there may be no workers."""

KINDS = tuple(way.partition(":")[0] for way in WAYS)
OWN_PROCESSES = ("inline", "threads", "processes")
"""Kinds without Dask."""


def is_dask(choice: str) -> bool:
    """Whether the tasks run on Dask workers."""
    return choice.partition(":")[0] not in OWN_PROCESSES


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
    if not text.isdigit() or int(text) < 1:
        raise unusable(choice)
    return int(text)


def range_of(text: str, choice: str) -> tuple[int, int]:
    """The ends of MIN-MAX, or of one number. Raises SettingError for anything else."""
    first, _, last = text.partition("-")
    if not first.isdigit():
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
    near = did_you_mean(choice.partition(":")[0], KINDS) if near is None else near
    return SettingError(f"scatter {choice!r} is none of: {'; '.join(WAYS)}; give one of these{near}")
