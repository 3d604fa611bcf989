"""The log on standard error: what -v and -vv show, and never a token, a key or a signature."""

import logging
import re
import sys

FORMAT = "genocloud: %(message)s"

HIDDEN = "[hidden]"

WIRE_LOGGERS = (
    "adlfs",
    "aiobotocore",
    "aiohttp",
    "azure",
    "boto3",
    "botocore",
    "fsspec",
    "google",
    "msal",
    "oauthlib",
    "requests",
    "requests_oauthlib",
    "s3fs",
    "s3transfer",
    "urllib3",
)
"""Client libraries that write whole requests into their debug log, credentials with them: they stop at INFO."""

_NAMES = (
    r"[\w-]*(?:token|signature|credential|secret|assertion|password|passwd|authorization|cookie"
    r"|(?:account|access|shared|private|api)[_-]?key(?:[_-]id)?)|sig"
)
_WORD = r"[^\s'\",;&)}\]]+"
_SECRETS = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), HIDDEN),
    (re.compile(r"\b((?:Bearer|Basic|SharedKey|SharedKeyLite|AWS4-HMAC-SHA256)\s+)[^'\"\n}]+", re.IGNORECASE),
     rf"\1{HIDDEN}"),
    (re.compile(rf"((?<![\w-])(?:{_NAMES})\\?['\"]?\s*(?:[:=]|%3D)\s*(?:b?\\?['\"])?){_WORD}", re.IGNORECASE),
     rf"\1{HIDDEN}"),
    (re.compile(r"(://)[^\s/@'\"]+@"), rf"\1{HIDDEN}@"),
    (re.compile(r"\b(?:ya29\.[\w-]+|eyJ[\w-]{8,}\.[\w.-]+|(?:AKIA|ASIA)[A-Z0-9]{12,})"), HIDDEN),
)  # fmt: skip
"""What secrets look like, as the stores' client libraries and HTTP write them, and what stands in their place."""


def start_log(verbose: int) -> None:
    """Log to standard error: warnings, with -v also what is done, with -vv everything but requests and secrets."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING - 10 * verbose, format=FORMAT)
    for handler in logging.root.handlers:
        if type(handler.formatter) is logging.Formatter and handler.formatter._fmt == FORMAT:
            handler.setFormatter(Discreet(FORMAT))
    for name in WIRE_LOGGERS:
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.INFO))


class Discreet(logging.Formatter):
    """Hides secrets in whatever is logged, tracebacks too."""

    def format(self, record: logging.LogRecord) -> str:
        """The record's text without secrets."""
        return without_secrets(super().format(record))


def without_secrets(text: str) -> str:
    """A text in which everything that looks like a token, a key or a signature is hidden."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text
