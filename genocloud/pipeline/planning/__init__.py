"""What `genocloud plan` works from: the workload of a cohort, and rates calibrated on this machine."""
