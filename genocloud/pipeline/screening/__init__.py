"""Screen a cohort's samples from their own stored records, before they are genotyped together."""
