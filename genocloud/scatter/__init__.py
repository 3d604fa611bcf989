"""Apply a function to tasks: inline, in threads, on a Dask cluster; show how far it is."""
