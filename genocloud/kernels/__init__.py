"""Arithmetic over arrays, compiled by numba; knows no files and no tables."""
