"""The installed version of genocloud."""

from importlib.metadata import version

__version__ = version("genocloud")
