"""One exported file for each contig or family: the files that a name with `{contig}` or `{family}` stands for."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pyarrow.compute as pc

from genocloud.callset import CONTIG, FAMILY, Callset, shards_in
from genocloud.errors import SettingError
from genocloud.pipeline.export_options import ExportOptions
from genocloud.pipeline.intervals import Intervals, everywhere
from genocloud.regions import region_text
from genocloud.samples import PedigreePerson


class NoFiles(SettingError):
    """A name of several files that stands for none."""

    def __init__(self, url: str, problem: str) -> None:
        self.url = url
        super().__init__(f"{url}: {problem}")


def export_files(
    url: str, callset: Callset, options: ExportOptions, pedigree: Sequence[PedigreePerson]
) -> list[tuple[str, ExportOptions]]:
    """The name of each file and what it has: contigs with sites inside of the intervals, families with samples.

    Raises NoFiles where there is none, and for a name of a contig or family that is no name of a file.
    """
    check_families(url, has_pedigree=bool(pedigree))
    files = [(url, options)]
    if CONTIG in url:  # first, as it reads all sites' contigs, for all families once
        files = list(_by_contig(url, options, callset))
    if FAMILY in url:
        files = [each for place, own in files for each in _by_family(place, own, callset, pedigree)]
    if not files:
        raise NoFiles(url, "no contig has sites there, or no family samples; choose other intervals or samples")
    return files


def check_families(url: str, *, has_pedigree: bool) -> None:
    """Raise NoFiles for a name of families without a pedigree."""
    if FAMILY in url and not has_pedigree:
        raise NoFiles(url, "no pedigree says who the families are; add --pedigree PED")


def _by_family(
    url: str, options: ExportOptions, callset: Callset, pedigree: Sequence[PedigreePerson]
) -> Iterator[tuple[str, ExportOptions]]:
    chosen = set(options.samples.of(callset).samples)
    families: dict[str, list[str]] = {}
    for person in pedigree:
        if person.sample in chosen:
            families.setdefault(person.family, []).append(person.sample)
    for family, members in families.items():
        yield _named(url, FAMILY, family), replace(options, samples=replace(options.samples, among=tuple(members)))


def _by_contig(url: str, options: ExportOptions, callset: Callset) -> Iterator[tuple[str, ExportOptions]]:
    inside = options.intervals.inside(callset.contigs)
    wanted = everywhere(callset.contigs) if inside is None else inside
    named = set()
    for shard in shards_in(callset, wanted):
        named |= set(pc.unique(shard.sites(wanted, columns=["contig"])["contig"]).to_pylist())
    for number, contig in enumerate(callset.contigs):
        if contig.name in named:
            texts = [region_text(region, callset.contigs) for region in wanted if region.contig == number]
            yield _named(url, CONTIG, contig.name), replace(options, intervals=Intervals(included=tuple(texts)))


def _named(url: str, placeholder: str, name: str) -> str:
    if "/" in name or name in ("", ".", ".."):
        raise NoFiles(url, f"{name!r} cannot be a part of a file's name; write one file, with -L or --samples")
    return url.replace(placeholder, name)
