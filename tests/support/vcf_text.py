"""The slow, obvious way from SITES and GENOTYPES rows to VCF lines, as GATK writes them."""

import math
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

import pyarrow as pa

from genocloud.annotations import SITE_COLUMNS
from genocloud.schema import GENOTYPE_COLUMNS

_EXACT = Context(prec=400)  # the largest double has 309 digits before the point


def java_fixed(value: float, decimals: int) -> str:
    """Java's %.kf: half up on the shortest decimal form of the double."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    rounded = abs(Decimal(repr(value))).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP, _EXACT)
    return ("-" if math.copysign(1, value) < 0 else "") + f"{rounded:f}"


def java_scientific(value: float, decimals: int) -> str:
    exact = abs(Decimal(repr(value)))
    exponent = exact.adjusted()
    mantissa = exact.scaleb(-exponent).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    if mantissa == 10:
        mantissa, exponent = mantissa / 10, exponent + 1
        mantissa = mantissa.quantize(Decimal(1).scaleb(-decimals))
    return f"{'-' if value < 0 else ''}{mantissa:f}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def gatk_default(value: float) -> str:
    """htsjdk's VCFEncoder.formatVCFDouble."""
    if math.isnan(value) or math.isinf(value):
        return java_fixed(value, 2)
    if value >= 1:
        return java_fixed(value, 2)
    if value >= 0.01:
        return java_fixed(value, 3)
    return java_scientific(value, 3) if abs(value) >= 1e-20 else "0.00"


def number_text(value: Any, form: str) -> str:
    if value is None:
        return "."
    if isinstance(value, float):
        return java_fixed(value, int(form[2:-1])) if form else gatk_default(value)
    return str(value)


def field_text(value: Any, form: str = "") -> str | None:
    """A field's text, or None where it is missing."""
    if value is None or value == []:
        return None
    if isinstance(value, list):
        return ",".join(number_text(each, form) for each in value)
    return number_text(value, form)


def site_text(site: dict[str, Any]) -> list[str]:
    info = []
    for column in SITE_COLUMNS:
        text = field_text(site[column.name], column.form) if column.vcf.startswith("INFO/") else None
        if site[column.name] is True:
            info.append(column.vcf.removeprefix("INFO/"))
        elif text is not None and site[column.name] is not False:
            info.append(f"{column.vcf.removeprefix('INFO/')}={text}")
    quality = "." if site["qual"] is None else java_fixed(site["qual"], 2).removesuffix(".00")
    alts = ",".join(site["alts"] or []) or "."
    head = [site["contig"], str(site["pos"]), site["id"] or ".", site["ref"], alts, quality, site["filter"] or "."]
    return [*head, ";".join(sorted(info, key=lambda item: item.split("=")[0])) or "."]


def genotype_fields(row: dict[str, Any]) -> dict[str, str | None]:
    fields = {}
    for column in GENOTYPE_COLUMNS:
        if column.vcf.startswith("FORMAT/"):
            value = row[column.name]
            if column.vcf == "FORMAT/GQ" and value is not None:
                value = min(value, 99)
            fields[column.vcf.removeprefix("FORMAT/")] = field_text(value)
    return fields


def sample_text(fields: dict[str, str | None], keys: Sequence[str]) -> str:
    values = [fields[key] for key in keys]
    while len(values) > 1 and values[-1] is None:
        values.pop()
    return ":".join("." if value is None else value for value in values)


def line(site: dict[str, Any], rows: Sequence[dict[str, Any]]) -> str:
    """One VCF line; `rows` are the site's genotypes in the order of the output's samples."""
    if not rows:
        return "\t".join(site_text(site)) + "\n"
    called = [genotype_fields(row) for row in rows]
    others = sorted({key for fields in called for key, value in fields.items() if value is not None and key != "GT"})
    keys = ["GT", *others]
    return "\t".join([*site_text(site), ":".join(keys), *[sample_text(fields, keys) for fields in called]]) + "\n"


def lines(sites: pa.Table, genotypes: Sequence[pa.Table], samples: Sequence[str]) -> str:
    """All lines; each table of genotypes is a batch."""
    rows = {(row["contig"], row["pos"], row["sample"]): row for table in genotypes for row in table.to_pylist()}
    return "".join(
        line(site, [rows[site["contig"], site["pos"], sample] for sample in samples]) for site in sites.to_pylist()
    )
