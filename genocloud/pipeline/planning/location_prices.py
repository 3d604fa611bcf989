"""Find the price table of each location, its cores, and what they cost an hour."""

from genocloud.costs.prices import CORE_BYTES, BadPrices, Prices, find_prices, read_prices
from genocloud.federation.config import HERE, Config
from genocloud.scatter.executor_kinds import cores_of


def check_prices(config: Config) -> dict[str, Prices]:
    """The price table of each location, by default the config's. Raises BadPrices."""
    urls = {
        each.name: find_prices(each.prices or config.settings["prices"] or "onprem.yaml", config.url)
        for each in config.sites
    }
    tables = {site: read_prices(url) for site, url in urls.items()}
    first, *others = tables
    for site in others:
        if tables[site].currency != tables[first].currency:
            problem = f"{tables[site].currency}, but that of site {first} has {tables[first].currency}"
            raise BadPrices(urls[site], "currency", problem, "convert the prices of one of them")
    return tables


def hourly(config: Config, width: int) -> tuple[dict[str, float], str]:
    """The hourly price of each location's cores, and the currency: for scatter.budget. Raises BadPrices."""
    prices, sites = check_prices(config), config.sites
    cores = {each.name: cores_at(each.workers, width, each.name != HERE) for each in sites}
    rates = {site: prices[site].per_hour(count, count * CORE_BYTES) for site, count in cores.items()}
    return rates, next(iter(prices.values())).currency


def cores_at(workers: str, width: int, named: bool) -> int:
    """The cores of a location's workers; `width` where they do not state them, or the config names no location."""
    return (named and cores_of(workers)) or width
