from .ingestion.batch_storing import load_ingest as load_ingest
from .intervals import Intervals as Intervals
from .memory_model import split_to_memory as split_to_memory
from .options import IngestOptions as IngestOptions
from .options import JointOptions as JointOptions
from .reference import read_reference as read_reference
from .sample_list import sheet_or_gvcfs as sheet_or_gvcfs
from .sharding import cut_genome as cut_genome
