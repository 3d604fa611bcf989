from .calling import Called as Called
from .calling import Unwritable as Unwritable
from .calling import call as call
from .ploidy import NoPar as NoPar
from .ploidy import Sex as Sex
from .ploidy import SexContigs as SexContigs
from .reference import compressed_bases as compressed_bases
