"""Validate sample names, and find names that look alike."""

import re
import unicodedata

RULE = (
    "a name holds letters, digits, signs and single spaces inside, but not / \\ { } or characters that do not show, "
    "and does not begin with - or . or #"
)

BAD_SIGNS = re.compile(r"^[-.#]|[/\\{}]")
"""A name becomes a file name, a VCF column and a Snakemake wildcard."""

UNSEEN_KINDS = ("Cc", "Cf", "Cs", "Zl", "Zp", "Zs")
"""Unicode's categories of control and format characters (bidirectional, zero-width), surrogates and white space."""

UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0]|[\U000e0100-\U000e01ef]"
)
"""Letters and marks of other categories that leave no trace on a screen: fillers, joiners, variation selectors."""


def problem_of(name: str) -> str:
    """What is wrong with a sample name, as the rest of a sentence; empty for a valid one."""
    if sign := BAD_SIGNS.search(name):
        return f"{'begins with' if not sign.start() and sign[0] in '-.#' else 'holds'} {sign[0]!r}"
    unseen = next((letter for letter in name if _is_unseen(letter)), None)
    if unseen:
        return f"holds U+{ord(unseen):04X} ({unicodedata.name(unseen, 'a control character')}), which does not show"
    if name != name.strip() or "  " in name:
        return "has spaces around it or two in a row"
    return ""


def lookalike_key(name: str) -> str:
    """A key that is equal for names that differ only by case or Unicode normalisation."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def _is_unseen(letter: str) -> bool:
    return letter != " " and (unicodedata.category(letter) in UNSEEN_KINDS or bool(UNSEEN.match(letter)))
