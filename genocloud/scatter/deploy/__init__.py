"""Dask clusters to deploy: local processes, Slurm, Kubernetes, daemons, and their TLS."""
