"""The VCF header, made from the declared columns, the contigs and the samples; no path, clock or host in it."""

from collections.abc import Iterator, Sequence

from genocloud.callset.manifest import Description
from genocloud.schema import GENOTYPE_COLUMNS, SITE_COLUMNS, Column

_FILTERS = (("LowQual", "Low quality"), ("PASS", "All filters passed"))
_FIXED = ("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO")


def header_text(description: Description) -> str:
    """The header of a callset, from `##fileformat` to the samples' names."""
    return "".join(f"{line}\n" for line in _lines(description))


def vcf_keys(columns: Sequence[Column], kind: str) -> list[tuple[str, Column]]:
    """The columns that stand in INFO or FORMAT, with their keys: GT first, the others sorted by key."""
    keyed = [(column.vcf.removeprefix(f"{kind}/"), column) for column in columns if column.vcf.startswith(f"{kind}/")]
    return sorted(keyed, key=lambda pair: (pair[0] != "GT", pair[0]))


def _lines(description: Description) -> Iterator[str]:
    yield "##fileformat=VCFv4.2"
    yield from (f'##FILTER=<ID={name},Description="{told}">' for name, told in _FILTERS)
    yield from _declared(GENOTYPE_COLUMNS, "FORMAT")
    yield from _declared(SITE_COLUMNS, "INFO")
    yield from (f"##contig=<ID={contig.name},length={contig.length}>" for contig in description.contigs)
    yield f"##source={description.software}"
    yield "\t".join((*_FIXED, *(("FORMAT", *description.samples) if description.samples else ())))


def _declared(columns: Sequence[Column], kind: str) -> Iterator[str]:
    for key, column in vcf_keys(columns, kind):
        told = column.description.replace("\\", "\\\\").replace('"', '\\"')
        number, type_ = column.number or "1", column.kind or "String"
        yield f'##{kind}=<ID={key},Number={number},Type={type_},Description="{told}">'
