from .compressed_fasta import compressed_bases as compressed_bases
from .ploidy import NoPar as NoPar
from .ploidy import Sex as Sex
from .ploidy import SexContigs as SexContigs
from .read_counts import count_reads as count_reads
from .sample_caller import CallCounts as CallCounts
from .sample_caller import Unwritable as Unwritable
from .sample_caller import call as call
