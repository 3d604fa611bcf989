"""How long schedulers, workers and clients bear a link that is cut: dask's own settings, where the user set none."""

TCP_SECONDS = 120
"""A cut of the network shorter than this goes unnoticed but for the delay: TCP sends again what was lost. Dask's 30
would break every connection in a cut of half a minute; a machine that dies without a word is given up after as long."""

CONNECT_SECONDS = 60
"""A new connection is tried for so long: workers that start during a cut outlive it."""


def be_patient() -> None:
    """Set this process's dask so, and whatever it starts."""
    import dask
    import distributed  # noqa: F401  (its defaults are what is replaced)

    timeouts = {"tcp": f"{TCP_SECONDS}s", "connect": f"{CONNECT_SECONDS}s"}
    dask.config.update_defaults({"distributed": {"comm": {"timeouts": timeouts}}})
