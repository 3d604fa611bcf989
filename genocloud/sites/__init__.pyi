from .merging import unify as unify
from .observations import observe as observe
