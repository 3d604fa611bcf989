from .flags import Flag as Flag
from .flags import flag_table as flag_table
