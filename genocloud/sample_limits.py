"""Limits that the report and qc judge samples by alike."""

LOWEST_CALL_RATE = 0.9
"""Below this a sample is flagged whatever the others have, unless most are: then it is the callset, not a sample."""

LOW_DEPTH = 10.0
"""Mean reads below which call rates fall for want of reads: a heterozygote needs about ten reads to be called."""

MAD_TO_DEVIATION = 1.4826
"""A normal distribution's standard deviation over its median absolute deviation, 1 / Phi^-1(3/4)."""
