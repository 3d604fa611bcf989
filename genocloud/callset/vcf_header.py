"""The VCF header, from the declared columns, contigs and samples; without paths, times or host names."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from genocloud.annotations import MODEL_SITE_COLUMNS, SITE_COLUMNS
from genocloud.callset.filter_tables import FilterLine
from genocloud.callset.format_fields import ALL_FIELDS, FormatFields, ModelFields, vcf_keys
from genocloud.callset.manifest import Description
from genocloud.regions import Contig
from genocloud.schema import (
    FILTER_COLUMNS,
    GENOTYPE_COLUMNS,
    GENOTYPE_FILTER,
    GENOTYPE_PRIOR,
    LOCAL_COLUMNS,
    MODEL_COLUMNS,
    POSTERIOR_COLUMNS,
    Column,
)

_FILTERS = (("LowQual", "Low quality"), ("PASS", "All filters passed"))

_FIXED = ("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO")

_ASSEMBLIES = {
    "GRCh38": {"1": 248956422, "20": 64444167, "21": 46709983, "22": 50818468, "X": 156040895},
    "GRCh37": {"1": 249250621, "20": 63025520, "21": 48129895, "22": 51304566, "X": 155270560},
    "T2T-CHM13v2.0": {"1": 248387328},
}
"""Contig lengths that identify human assemblies, with or without the prefix `chr`."""
_SVCR = '"Reference blocks with their length in LEN, and local alleles, as hl.vds.import_vcf of Hail reads them"'

_ABBREVIATED = {"annotation_groups": "annotation-group", "name": "model"}
"""Settings whose command-line option has another name."""


def header_text(
    description: Description,
    fields: FormatFields = ALL_FIELDS,
    filters: Sequence[FilterLine] = (),
    *,
    numbered: bool = False,
) -> str:
    """The header of a callset, from `##fileformat` to the sample names; `numbered` adds BCF's IDX.

    Optional annotations are declared only where the model enables them, those of FILTERS where there are `filters`.
    """
    return "".join(
        f"{line}\n"
        for line in _lines(description, fields, filters, dictionary(filters, fields.model) if numbered else {})
    )


def sites_header(description: Description, columns: Sequence[Column], filters: Sequence[FilterLine] = ()) -> str:
    """The header of a file of sites with INFO of one's own."""
    whole = replace(description, samples=(), batches={}, subset=None)
    lines = [each for each in _lines(whole, ALL_FIELDS, filters, {}) if not each.startswith(("##FORMAT", "##INFO"))]
    first = next(place for place, line in enumerate(lines) if line.startswith("##contig"))
    infos = _declared("INFO", [(column.name, column, column.number) for column in columns], description.model, {})
    return "".join(f"{line}\n" for line in [*lines[:first], *infos, *lines[first:]])


def dictionary(filters: Sequence[FilterLine] = (), model: ModelFields | None = None) -> dict[str, int]:
    """BCF's dictionary of strings: the index of each FILTER, FORMAT and INFO key, declared or not; PASS is 0.

    Filters of a model and a callset's own come last, so that the others' numbers do not depend on them.

    Source: VCF 4.3 specification, section 6.2.1.
    """
    declared = [name for name, _ in _FILTERS]
    formats = (GENOTYPE_COLUMNS, LOCAL_COLUMNS, (GENOTYPE_FILTER,))
    kinds = [(formats[0], "FORMAT"), (SITE_COLUMNS, "INFO"), *((each, "FORMAT") for each in formats[1:])]
    refined = ((GENOTYPE_PRIOR,), "INFO"), (POSTERIOR_COLUMNS, "FORMAT")
    of_models = (MODEL_COLUMNS, "FORMAT"), (MODEL_SITE_COLUMNS, "INFO")
    for columns, kind in [*kinds, (FILTER_COLUMNS, "INFO"), *refined, *of_models]:
        declared += [key for key, _ in vcf_keys(columns, kind)]
    declared += [name for name, _ in (*(model.filters if model else ()), *filters)]
    return {key: number for number, key in enumerate(dict.fromkeys(["PASS", *declared]))}


def declared_filters(filters: Sequence[FilterLine] = (), model: ModelFields | None = None) -> dict[str, str]:
    """What each FILTER means, those of a callset's own last."""
    return dict([*(_FILTERS if model is None else (_FILTERS[1], *model.filters)), *filters])


def _lines(
    description: Description, fields: FormatFields, filters: Sequence[FilterLine], numbers: Mapping[str, int]
) -> Iterator[str]:
    yield f"##fileformat=VCFv{fields.vcf_version}"
    for name, text in declared_filters(filters, fields.model).items():
        yield f'##FILTER=<ID={name},Description="{quoted(text)}"{_number(name, numbers)}>'
    formats = [(key, column, fields.number(column)) for key, column in fields.columns()]
    columns = (
        *(SITE_COLUMNS if fields.model is None else fields.model.info_columns()),
        *(FILTER_COLUMNS if filters else ()),
        *((GENOTYPE_PRIOR,) if fields.posteriors else ()),
    )
    infos = [(key, column, column.number or "1") for key, column in vcf_keys(columns, "INFO")]
    yield from _declared("FORMAT", formats, description.model, numbers)
    yield from _declared("INFO", infos, description.model, numbers)
    assembly = _assembly(description.contigs)
    text = f",assembly={assembly}" if assembly else ""
    yield from (f"##contig=<ID={contig.name},length={contig.length}{text}>" for contig in description.contigs)
    yield from (f"##{line}" for line in (fields.model.header if fields.model else ()))
    yield f'##genocloudCommand=<ID=genotype,CommandLine="{_command(description.model)}">'
    if subset := description.subset:
        counted = '"AC, AF and AN are of these samples; all else of INFO, QUAL and FILTER are of all"'
        counted = counted if subset.recounted and fields.model is None else '"QUAL, FILTER and INFO are of all samples"'
        yield f"##genocloudSubset=<ID=samples,Samples={subset.chosen},Of={subset.samples},Counts={counted}>"
    yield f"##genocloudVersion={description.software.rpartition(' ')[2]}"
    if fields.reference_blocks:
        yield from (f"##SVCR={_SVCR}", f"##ref_block_max_length={max(fields.longest_block, 1)}")
    if checksum := description.source.get("reference", {}).get("contigs"):
        yield f"##reference={checksum}"
    yield f"##source={description.software}"
    yield "\t".join((*_FIXED, *(("FORMAT", *description.samples) if description.samples else ())))


def _assembly(contigs: Sequence[Contig]) -> str:
    """The human assembly that the contig lengths identify; empty for any other."""
    lengths = {contig.name.removeprefix("chr"): contig.length for contig in contigs}
    for assembly, expected in _ASSEMBLIES.items():
        shared = expected.keys() & lengths.keys()
        if shared and all(lengths[name] == expected[name] for name in shared):
            return assembly
    return ""


def _command(model: Mapping[str, Any]) -> str:
    """The command that makes such a callset, with every setting; words in capitals stand for URLs."""
    words = ["genocloud genotype COHORT CALLSET"]
    for name, value in sorted(model.items()):
        option = f"--{_ABBREVIATED.get(name, name).replace('_', '-')}"
        if value is False or value == "" or (name, value) == ("name", "gatk"):
            continue
        if name == "force_output_intervals":
            words.append(f"{option} INTERVALS")
        elif value is True:
            words.append(option)
        else:
            words += [f"{option} {each}" for each in (value if isinstance(value, list | tuple) else [value])]
    return quoted(" ".join(words))


def quoted(text: str) -> str:
    """Text between the quotes of a header line."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _number(key: str, numbers: Mapping[str, int]) -> str:
    return f",IDX={numbers[key]}" if key in numbers else ""


def is_requested(column: Column, model: Mapping[str, Any]) -> bool:
    """Whether a model makes a column."""
    groups = model.get("annotation_groups", ())
    return not column.enabled_by or any(name in groups or model.get(name) for name in column.enabled_by)


def _declared(
    kind: str, keyed: Sequence[tuple[str, Column, str]], model: Mapping[str, Any], numbers: Mapping[str, int]
) -> Iterator[str]:
    """Lines of keys with their columns and Number; of one key's columns the first is declared."""
    firsts = {key: (column, number) for key, column, number in reversed(keyed)}
    for key, (column, number) in reversed(firsts.items()):
        if not is_requested(column, model):
            continue
        description = quoted(column.description)
        type_ = column.kind or "String"
        yield f'##{kind}=<ID={key},Number={number},Type={type_},Description="{description}"{_number(key, numbers)}>'
