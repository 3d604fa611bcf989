"""The table of aggregates that gnomAD takes in from other programmes: groups of people, counts, rows."""
