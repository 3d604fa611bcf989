"""PLINK 2's files of a callset: OUT.pgen, OUT.pvar.zst and OUT.psam, joined from shards' parts by one writer."""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path

import pyarrow as pa

from genocloud.callset.other_formats import PGEN
from genocloud.callset.pgen_parts import PgenPart, VariantCounts, as_counts
from genocloud.callset.reading import Callset
from genocloud.callset.vcf_export import ShortCallset, parts_url, remove_parts
from genocloud.callset.vcf_header import header_text
from genocloud.errors import InputError
from genocloud.regions import Region
from genocloud.storage import Store, open_store, split


class NothingForPlink(InputError):
    """A callset that PLINK's files cannot say: without samples or variants, or with a name that has blanks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlinkPerson:
    """What .psam says of a sample; a parent that is not known is empty, `sex` is male, female or unknown."""

    sex: str = "unknown"
    father: str = ""
    mother: str = ""


def pgen_files(url: str) -> list[str]:
    """URLs of the three files."""
    return [url, *(_stem(url) + suffix for suffix in (".pvar.zst", ".psam"))]


def check_names(url: str, samples: Sequence[str]) -> None:
    """Check, before any work, that PLINK's files can have these samples. Raises NothingForPlink."""
    if not samples:
        raise NothingForPlink(f"{url}: PGEN has at least one sample, and none is left; choose others")
    for sample in samples:
        if len(sample.split()) != 1 or sample == "0":
            raise NothingForPlink(
                f"{url}: sample {sample!r}: a name in .psam has no blanks and is not 0; rename it in the sample sheet"
            )


def _stem(name: str) -> str:
    return name.removesuffix(PGEN.suffixes[0])


def join_pgen(
    callset: Callset,
    parts: Sequence[PgenPart],
    url: str,
    regions: Sequence[Region] | None,
    people: Mapping[str, PlinkPerson],
) -> VariantCounts:
    """Write the three files from all shards' parts, remove these, and return the totals.

    An old OUT.pgen is deleted first and the new one written last: where it is, the others belong to it. Raises
    ShortCallset where the parts of a whole callset are not what its manifest says, NothingForPlink.
    """
    counts = reduce(add, (part.counts for part in parts), VariantCounts())
    if regions is None and counts.sites != callset.counts["sites"]:
        remove_parts(url)
        raise ShortCallset(callset.url, callset.counts["sites"], counts.sites)
    if not counts.variants:
        remove_parts(url)
        raise NothingForPlink(f"{url}: PGEN has at least one variant, and the chosen sites have none; choose others")
    folder, name = split(url)
    store, held, stem = open_store(folder), open_store(parts_url(url)), _stem(name)
    store.delete(name)
    store.write(f"{stem}.psam", _psam(callset.samples, people).encode())
    beside = None if "://" in folder else parts_url(url)
    with tempfile.TemporaryDirectory(dir=beside) as room:
        file = Path(room) / "joined.pgen"
        _write(callset, parts, held, file, (store, f"{stem}.pvar.zst"))
        with file.open("rb") as source, store.writer(name) as sink:
            shutil.copyfileobj(source, sink, _COPIED_BYTES)
    remove_parts(url)
    return counts


_COPIED_BYTES = 1 << 22


def _write(callset: Callset, parts: Sequence[PgenPart], held: Store, file: Path, pvar: tuple[Store, str]) -> None:
    """The genotypes into a local file, which is all that pgenlib writes to, and the variants into a store."""
    from pgenlib import PgenWriter  # LGPL, and seldom needed

    samples, codec = len(callset.samples), pa.Codec("zstd")
    variants = sum(part.counts.variants for part in parts)
    writer = PgenWriter(bytes(file), samples, variant_ct=variants, nonref_flags=False)
    store, name = pvar
    with store.writer(name) as sink:
        sink.write(codec.compress(_pvar_header(callset).encode(), asbytes=True))
        for part in parts:
            for lines, packed in part.batches(held):
                sink.write(codec.compress("".join(f"{line}\n" for line in lines.to_pylist()).encode(), asbytes=True))
                for start in range(0, len(packed), step := max(_UNPACKED_BYTES // samples, 1)):
                    writer.append_biallelic_batch(as_counts(packed[start : start + step], samples))
    writer.close()


_UNPACKED_BYTES = 1 << 26


def _pvar_header(callset: Callset) -> str:
    kept = ("##FILTER=", "##contig=", "##source=")
    lines = header_text(callset.description, filters=callset.filter_lines).splitlines(keepends=True)
    header = "".join(line for line in lines if line.startswith(kept))
    return f"{header}#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\n"


_SEXES = {"male": "1", "female": "2"}


def _psam(samples: Sequence[str], people: Mapping[str, PlinkPerson]) -> str:
    """Columns of parents only where one is known, as PLINK 2 has them."""
    persons = [people.get(sample, PlinkPerson()) for sample in samples]
    parents = any(person.father or person.mother for person in persons)
    lines = [("#IID", *(("PAT", "MAT") if parents else ()), "SEX")]
    for sample, person in zip(samples, persons, strict=True):
        known = (person.father or "0", person.mother or "0") if parents else ()
        lines.append((sample, *known, _SEXES.get(person.sex, "NA")))
    return "".join("\t".join(line) + "\n" for line in lines)
