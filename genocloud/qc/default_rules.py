"""The rules by which samples are flagged before genotyping unless others are named."""

DEFAULT_RULES = (
    "contamination>0.02",
    "hom_alt_ref_share>0.015",
    "depth<15",
    "covered<0.8",
    "sex!=sheet",
    "sex!=XX,XY",
    "concordance>0.95",
)
"""What is flagged unless other rules are named.

CHARR of clean samples is 0.005 to 0.01 (errors of the reads), and of one with 3% of another's reads 0.03 to 0.04, so
that 0.02 lies between. The share of REF's reads is gnomAD v4's limit, the depth gnomAD v3's. Of two files of one person
0.99 of the genotypes are equal, of first-degree relatives 0.6 to 0.7.
"""
