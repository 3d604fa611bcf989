from .forcing import covered as covered
from .forcing import deciding as deciding
from .forcing import force as force
from .forcing import within as within
from .merging import merge as merge
from .merging import unify as unify
from .observations import observe as observe
