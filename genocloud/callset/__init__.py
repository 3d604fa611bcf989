"""The callset: sites and genotypes as Parquet under one URL; written whole, read by region, exported to VCF."""

from genocloud.callset.layout import DamagedFile, FileEntry, ShardEntry
from genocloud.callset.manifest import Description, NoCallset, NotACallset, OtherVersion, claim
from genocloud.callset.reading import Callset, UnknownSample, open_callset
from genocloud.callset.vcf import Counts, NotGzipped, ShortCallset, check_vcf_url, write_vcf
from genocloud.callset.writing import BadShard, Shard, commit, find_shard, write_shard

__all__ = [
    "BadShard",
    "Callset",
    "Counts",
    "DamagedFile",
    "Description",
    "FileEntry",
    "NoCallset",
    "NotACallset",
    "NotGzipped",
    "OtherVersion",
    "Shard",
    "ShardEntry",
    "ShortCallset",
    "UnknownSample",
    "check_vcf_url",
    "claim",
    "commit",
    "find_shard",
    "open_callset",
    "write_shard",
    "write_vcf",
]
