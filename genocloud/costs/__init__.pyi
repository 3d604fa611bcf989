from .prices import BadPrices as BadPrices
from .prices import Prices as Prices
from .prices import find_prices as find_prices
from .prices import read_prices as read_prices
