"""The verbs: each step reads artifacts to its left, writes one, and returns its receipt."""

from genocloud.steps.call import Calling, call
from genocloud.steps.discover import discover
from genocloud.steps.export import export
from genocloud.steps.genotype import genotype
from genocloud.steps.ingest import BATCH_SIZE, Storing, ingest
from genocloud.steps.inputs import check_inputs, write_called_sheet
from genocloud.steps.inspect import inspect
from genocloud.steps.joint import Joint, joint
from genocloud.steps.report import report
from genocloud.steps.shards import cut_genome

__all__ = [
    "BATCH_SIZE",
    "Calling",
    "Joint",
    "Storing",
    "call",
    "check_inputs",
    "cut_genome",
    "discover",
    "export",
    "genotype",
    "ingest",
    "inspect",
    "joint",
    "report",
    "write_called_sheet",
]
