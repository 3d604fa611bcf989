"""gnomAD's adj, a genotype at a time."""

import re
from typing import Any


def is_adj(cell: dict[str, Any]) -> bool:
    """gnomAD's definition, a genotype at a time; half calls are none."""
    alleles = re.split(r"[/|]", cell["GT"])
    if "." in alleles or cell["GQ"] is None or cell["DP"] is None or cell["GQ"] < 20:
        return False
    if cell["DP"] < (5 if len(alleles) == 1 else 10):
        return False
    if len(set(alleles)) == 1:
        return True
    alts = [int(each) for each in alleles if each != "0"]
    return bool(cell["AD"]) and all((cell["AD"][each] or 0) / cell["DP"] >= 0.2 for each in alts)
