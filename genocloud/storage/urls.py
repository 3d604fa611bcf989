"""URLs of stores and objects as text: scheme, join, split, check."""

import re
from urllib.parse import quote, unquote

from genocloud.storage.store import StoreFailed

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


def scheme(url: str) -> str:
    """The scheme of a URL: `gs` of `gs://bucket/name`; empty for a plain path."""
    match = _SCHEME.match(url) if "://" in url else None
    return match[1] if match else ""


def is_local(url: str) -> bool:
    """Whether a URL names a place in a file system: a plain path, or file://."""
    return scheme(url) in ("", "file")


def join(url: str, name: str) -> str:
    """The URL of the object `name` in the store at `url`.

    Names in file:// URLs are percent-encoded; plain paths, gs:// and memory:// take every character as it is.
    """
    return url + "/" * (not url.endswith("/")) + (quote(name) if scheme(url) == "file" else name)


def split(url: str) -> tuple[str, str]:
    """The URL of the folder that holds an object, and the object's name in it: the reverse of `join`.

    Raises StoreFailed where the URL names no object (a bucket, the root folder, nothing).
    """
    kind = scheme(url)
    head = f"{kind}://" if kind else ""
    folder, slash, name = url[len(head) :].rstrip("/").rpartition("/")
    if not name or (kind and not slash) or (not is_local(url) and not folder):
        raise StoreFailed(url, "names no file", "give the path or URL of one file")
    if not slash:
        return ".", name
    return head + (folder or "/"), unquote(name) if kind == "file" else name


def check_name(url: str, name: str) -> str:
    """Return the name; raises StoreFailed for one that could leave its store or is not valid in every store."""
    if any(part in ("", ".", "..") for part in name.split("/")) or "\0" in name:
        raise StoreFailed(url, f"{name!r} cannot name an object", "use a relative path without empty, . or .. parts")
    return name
