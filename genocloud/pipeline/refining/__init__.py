"""Refined genotypes of a callset: its rows, a pedigree and supporting callsets meet here."""
