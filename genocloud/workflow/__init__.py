"""The code of the Snakemake workflow: what rule files call before any job and for the options of a job."""
