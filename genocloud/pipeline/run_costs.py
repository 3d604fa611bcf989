"""What a run took in money, by price tables of its sites."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from genocloud.costs.prices import CORE_BYTES, BadPrices, Prices, find_prices, read_prices
from genocloud.report.spent import SpentLine

EVERYWHERE = ""
"""The site whose prices are those of all that have none of their own."""


def prices_of(tables: Sequence[str], plan: Mapping[str, Any] | None) -> dict[str, Prices]:
    """Price tables by site, from `SITE=TABLE.yaml` or `TABLE.yaml`; without any those of a plan's JSON.

    A plan of one site has its prices under a name that no receipt has: they are those of EVERYWHERE. Raises BadPrices.
    """
    named = dict(_named(text) for text in tables)
    prices = {site: read_prices(find_prices(table, "config.yaml")) for site, table in named.items()}
    if not prices and plan:
        prices = {site: Prices(**values) for site, values in plan.get("prices", {}).items()}
        prices = {EVERYWHERE: next(iter(prices.values()))} if len(prices) == 1 else prices
    for site, one in prices.items():
        first = next(iter(prices.values()))
        if one.currency != first.currency:
            problem = f"{one.currency}, but another site's has {first.currency}"
            raise BadPrices(named.get(site, site), "currency", problem, "convert the prices of one of them")
    return prices


def _named(text: str) -> tuple[str, str]:
    site, equal, table = text.rpartition("=")
    return (site, table) if equal else (EVERYWHERE, text)


def priced(lines: Sequence[SpentLine], prices: Mapping[str, Prices]) -> list[SpentLine]:
    """The lines with their money, where the prices of their site are known: work, traffic, and a month of storage."""
    return [
        replace(line, money=_money(line, price))
        if (price := prices.get(line.site, prices.get(EVERYWHERE))) and line.core_seconds is not None
        else line
        for line in lines
    ]


def _money(line: SpentLine, price: Prices) -> float:
    work = price.per_hour(1, CORE_BYTES) * (line.core_seconds or 0) / 3600
    return work + (line.stored_bytes * price.storage_gb_month + line.crossing_bytes * price.egress_gb) / 1e9
