"""gVCF text, as any caller writes it, to typed rows."""

from genocloud.gvcf.fingerprint import fingerprint
from genocloud.gvcf.header import Header, NoSamples, NotVcf, SampleNotChosen, read_header
from genocloud.gvcf.rows import Rows, read_rows

__all__ = ["Header", "NoSamples", "NotVcf", "Rows", "SampleNotChosen", "fingerprint", "read_header", "read_rows"]
