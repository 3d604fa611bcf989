"""What people see of a callset: counts that merge, a closing summary, an HTML report."""
