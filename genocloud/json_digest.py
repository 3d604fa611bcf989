"""JSON with a digest of its content in front, and checks of its values; loads nothing beyond the standard library."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any


class BadDigest(ValueError):
    """JSON whose content differs from what was written."""


def content_digest(fields: Mapping[str, Any]) -> str:
    """The sha256 of a JSON object's content, independent of its layout."""
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def sealed_json(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields with their digest first, to be written as JSON."""
    return {"sha256": content_digest(fields), **fields}


def open_json(data: bytes, compare: bool = True) -> dict[str, Any]:
    """The fields of a JSON object without their digest, which is verified if present (an earlier genocloud wrote none).

    compare  False if the text has been verified by another digest
    Raises BadDigest, or another ValueError for any other text.
    """
    try:
        fields = json.loads(data)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(fields, dict):
        raise ValueError("it is no JSON object")
    digest = fields.pop("sha256", None)
    if compare and digest is not None and digest != content_digest(fields):
        raise BadDigest("its sha256 is not the one that it was written with")
    return fields


MAX_COORDINATE = (1 << 31) - 1
"""Coordinates have 32 bits."""


def whole_number(number: Any, what: str, least: int = 0, most: int = (1 << 63) - 1) -> int:
    """A JSON integer within limits; anything else is a ValueError that names `what`."""
    if type(number) is not int or not least <= number <= most:
        raise ValueError(f"{what} is {str(number)[:40]!r}, no whole number from {least:,} to {most:,}")
    return number


def string_list(values: Any, what: str) -> tuple[str, ...]:
    """A JSON list of strings; anything else is a ValueError that names `what`."""
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        raise ValueError(f"{what} is {str(values)[:40]!r}, no list of texts")
    return tuple(values)
