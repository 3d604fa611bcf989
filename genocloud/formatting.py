"""Format durations, sizes, money, counts, shares and choices for people, in plain ASCII; know whole numbers."""

import math
from collections.abc import Iterable


def is_number(text: str) -> bool:
    """Whether a text is a whole number in ASCII digits; `isdigit` alone takes a superscript, which `int` does not."""
    return text.isascii() and text.isdigit()


def seconds_text(seconds: float) -> str:
    """A duration in words, two units at most: `12 s`, `2 min 3 s`, `5 h 12 min`, `3 d 4 h`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes == 0:
        return f"{rest} s"
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 24 else f"{hours // 24} d {hours % 24} h"


def clock_text(seconds: float) -> str:
    """A duration as a clock shows it: `0:07`, `12:34`, `1:02:03`; hours go beyond 24."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def size_text(size: float) -> str:
    """Bytes in decimal units, as disks and clouds count them: `30.0 MB`."""
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if size < 1000 or unit == "TB":
            break
        size /= 1000
    return f"{size:,.0f} bytes" if unit == "bytes" else f"{size:,.1f} {unit}"


def money_text(money: float) -> str:
    """An amount of money: two decimals, of small ones two digits that count: `1,234.50`, `0.0012`."""
    return f"{money:,.2f}" if money >= 1 or money == 0 else f"{money:.{max(2, 1 - math.floor(math.log10(money)))}f}"


def short_count(number: float) -> str:
    """A count in three digits: `999`, `12.3k`, `1.2M`, `3G`."""
    for unit in ("", "k", "M"):
        if number < 999.5:
            return f"{number:.3g}{unit}"
        number /= 1000
    return f"{number:,.0f}G"


def percent_text(share: float) -> str:
    """A share as a percentage that never rounds up to 100: `99.99%`; `n/a` for NaN."""
    if math.isnan(share):
        return "n/a"
    return "100%" if share == 1 else f"{math.floor(share * 10_000) / 100:.2f}%"


def ratio_text(ratio: float) -> str:
    """A ratio to two digits; `n/a` for NaN."""
    return "n/a" if math.isnan(ratio) else f"{ratio:.2f}"


def alternatives(texts: Iterable[str]) -> str:
    """A choice between at least one thing as a sentence says it: `a, b or c`."""
    *first, last = texts
    return f"{', '.join(first)} or {last}" if first else last


def install_command(extra: str) -> str:
    """The command that installs what an optional part of genocloud needs."""
    return f'python -m pip install "genocloud[{extra}]"'
