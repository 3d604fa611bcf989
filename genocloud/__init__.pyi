from .callset import open_callset as open_callset
from .cohort import open_cohort as open_cohort
from .cohort import read_region as read_region
