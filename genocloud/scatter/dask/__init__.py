"""Tasks on a Dask cluster: client, connection, handshake, frozen workers, settings."""
