"""The callset: sites and genotypes as Parquet under one URL; written whole, read by region, exported to VCF."""

from genocloud.callset.layout import FileEntry, ShardEntry
from genocloud.callset.manifest import Description, NoCallset, OtherVersion
from genocloud.callset.reading import Callset, UnknownSample, open_callset
from genocloud.callset.vcf import Counts, NotGzipped, ShortCallset, write_vcf
from genocloud.callset.writing import BadShard, Shard, commit, find_shard, write_shard

__all__ = [
    "BadShard",
    "Callset",
    "Counts",
    "Description",
    "FileEntry",
    "NoCallset",
    "NotGzipped",
    "OtherVersion",
    "Shard",
    "ShardEntry",
    "ShortCallset",
    "UnknownSample",
    "commit",
    "find_shard",
    "open_callset",
    "write_shard",
    "write_vcf",
]
