from .compressed_fasta import compressed_bases as compressed_bases
from .ploidy import NoPar as NoPar
from .ploidy import Sex as Sex
from .ploidy import SexContigs as SexContigs
from .sample_caller import CallCounts as CallCounts
from .sample_caller import Unwritable as Unwritable
from .sample_caller import call as call
