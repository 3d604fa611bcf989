"""Joint genotyping at any scale: gVCFs become one callset."""
