"""Ingestion: which samples are new to a cohort, and their gVCFs written as batches."""
