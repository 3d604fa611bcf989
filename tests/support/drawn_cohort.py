"""A callset of drawn genotypes: families, both sexes, batches, and faults where a test plants them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import annotations, callset, schema, storage
from genocloud.regions import Contig, Region
from tests.support import callset_tables as make

CONTIGS = (
    Contig("chr1", 70_000_000),
    Contig("chr2", 70_000_000),
    Contig("chrX", 156_040_895),
    Contig("chrY", 57_227_415),
)
COMMON, RARE, ON_X, ON_Y = 3600, 1200, 150, 40
"""Sites of each kind: common and rare ones of each autosome together; a fifth of the common ones are indels."""

WORDS = ("0/0", "0/1", "1/1", "./.", "0", "1")
NO_CALL, HAPLOID = 3, 4


@dataclass(frozen=True, kw_only=True)
class Member:
    """A sample: whose genome it is, the parents by number, its sex chromosomes, batch and mean depth."""

    name: str
    father: int = -1
    mother: int = -1
    x: int = 2
    y: int = 0
    batch: str = "b0"
    depth: float = 32.0
    copy_of: int = -1
    extra_deletions: float = 0.0
    caller: str = ""


def family(name: str, first: int, batch: str) -> list[Member]:
    """A father, a mother, a son and a daughter; `first` is the father's number."""
    parents = [Member(name=f"{name}f", x=1, y=1, batch=batch), Member(name=f"{name}m", batch=batch)]
    son = Member(name=f"{name}s", father=first, mother=first + 1, x=1, y=1, batch=batch)
    return [*parents, son, Member(name=f"{name}d", father=first, mother=first + 1, batch=batch)]


def pedigree_text(people: Sequence[Member]) -> str:
    """The .ped of the people as they were meant to be."""
    names = {number: person.name for number, person in enumerate(people)} | {-1: "0"}
    rows = [
        "\t".join([person.name[:3], person.name, names[person.father], names[person.mother], "1" if person.y else "2"])
        for person in people
    ]
    return "\n".join(rows) + "\n"


@dataclass(frozen=True, kw_only=True)
class DrawnCohort:
    """Haplotypes of all people: (people, 2, sites) of autosomes, copies of the ALT on X and Y."""

    people: Sequence[Member]
    autosomes: npt.NDArray[np.uint8]
    x: npt.NDArray[np.uint8]
    y: npt.NDArray[np.uint8]
    chance: np.random.Generator

    @classmethod
    def drawn(cls, seed: int, people: Sequence[Member]) -> "DrawnCohort":
        chance, count = np.random.default_rng(seed), len(people)
        p = np.concatenate([chance.uniform(0.1, 0.9, COMMON), np.full(RARE, 1 / (3 * count))])
        on_x = chance.uniform(0.15, 0.85, ON_X)
        autosomes, x = np.zeros((count, 2, len(p)), np.uint8), np.zeros((count, 2, ON_X), np.uint8)
        y = (chance.random((count, ON_Y)) < 0.3).astype(np.uint8)
        for number, person in enumerate(people):
            if person.copy_of >= 0:
                autosomes[number], x[number] = autosomes[person.copy_of], x[person.copy_of]
                continue
            autosomes[number], x[number] = chance.random((2, len(p))) < p, chance.random((2, ON_X)) < on_x
            for side, parent in enumerate((person.father, person.mother)):
                if parent >= 0:
                    which = chance.integers(0, 2, len(p))
                    autosomes[number, side] = autosomes[parent, which, np.arange(len(p))]
                    which = chance.integers(0, 2, ON_X) if side else np.zeros(ON_X, np.int64)
                    x[number, 1 - side] = x[parent, which, np.arange(ON_X)]
        return cls(people=people, autosomes=autosomes, x=x, y=y, chance=chance)

    def write(self, url: str, names: Mapping[str, str] | None = None) -> callset.Callset:
        """The callset; `names`: under which others the samples of some people are."""
        labels = [(names or {}).get(person.name, person.name) for person in self.people]
        batches = {
            batch: tuple(labels[n] for n, one in enumerate(self.people) if one.batch == batch) for batch in self.batches
        }
        store, entries = storage.open_store(url), []
        for number, contig in enumerate(CONTIGS):
            sites, words, depths = self._contig(number)
            shard = make.Shard(f"{number:03}-{contig.name}-00000", Region(number, 0, contig.length))
            shares = {}
            for batch in self.batches:
                rows = [n for n, person in enumerate(self.people) if person.batch == batch]
                shares[batch] = _genotypes(sites, words[rows], depths[rows], batches[batch])
            entries.append(callset.write_shard(store, shard, "key", sites, shares))
        callers = {label: person.caller for label, person in zip(labels, self.people, strict=True) if person.caller}
        description = replace(make.description(batches, CONTIGS), callers=callers)
        return callset.commit(store, description, entries)

    @property
    def batches(self) -> list[str]:
        return sorted({person.batch for person in self.people})

    def _contig(self, number: int) -> tuple[pa.Table, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """SITES, and of all people words (people, sites) and depths."""
        contig, people = CONTIGS[number], self.people
        if number < 2:
            here = np.arange(number, COMMON + RARE, 2)
            words = self.autosomes[:, :, here].sum(axis=1).astype(np.int64)
            alts = ["GT" if site % 5 == 0 else "C" if site % 3 == 0 else "G" for site in here.tolist()]
            refs = ["GTT" if site % 10 == 0 else "G" if site % 5 == 0 else "A" for site in here.tolist()]
            copies = np.full(len(people), 2)
            deletion = np.array([len(ref) > len(alt) for ref, alt in zip(refs, alts, strict=True)])
            for row, person in enumerate(people):
                words[row, deletion & (words[row] == 0) & (self.chance.random(len(here)) < person.extra_deletions)] = 1
        elif number == 2:
            copies = np.array([person.x for person in people])
            words = np.where(copies[:, None] == 1, HAPLOID + self.x[:, 1], self.x.sum(axis=1)).astype(np.int64)
            refs, alts = ["A"] * ON_X, ["C"] * ON_X
        else:
            copies = np.array([person.y for person in people])
            words = np.where(copies[:, None] == 0, NO_CALL, HAPLOID + self.y).astype(np.int64)
            refs, alts = ["A"] * ON_Y, ["T"] * ON_Y
        step = 27_000 if number < 2 else 280_000
        positions = 3_000_000 + step * np.arange(words.shape[1])
        depth = np.array([person.depth for person in people]) * copies / 2
        depths = self.chance.poisson(np.broadcast_to(depth[:, None], words.shape))
        words[(self.chance.random(words.shape) < 0.002) & (words < HAPLOID)] = NO_CALL
        order = np.argsort(positions, kind="stable")
        sites = _sites(
            contig.name, positions[order], [refs[n] for n in order], [alts[n] for n in order], words[:, order]
        )
        return sites, words[:, order], depths[:, order].astype(np.int64)


def _sites(
    name: str, positions: npt.NDArray[np.int64], refs: list[str], alts: list[str], words: npt.NDArray[np.int64]
) -> pa.Table:
    ac = np.isin(words, [1, 5]).sum(axis=0) + 2 * (words == 2).sum(axis=0)
    an = 2 * (words < NO_CALL).sum(axis=0) + (words >= HAPLOID).sum(axis=0)
    rows = [
        {
            "contig": name,
            "pos": pos,
            "ref": ref,
            "alts": [alt],
            "qual": 100.0,
            "AC": [count],
            "AN": number,
            "seen": 1,
            "genotyped": 1,
        }
        for pos, ref, alt, count, number in zip(positions.tolist(), refs, alts, ac.tolist(), an.tolist(), strict=True)
    ]
    return make.as_table(rows, annotations.SITES)


def _genotypes(
    sites: pa.Table, words: npt.NDArray[np.int64], depths: npt.NDArray[np.int64], samples: Sequence[str]
) -> pa.Table:
    count, people = sites.num_rows, len(samples)
    codes = np.tile(np.arange(people, dtype=np.int32), count)
    columns = {
        "contig": sites["contig"].take(np.repeat(np.arange(count), people)),
        "pos": sites["pos"].take(np.repeat(np.arange(count), people)),
        "sample": pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(list(samples))),
        "GT": pa.DictionaryArray.from_arrays(pa.array(words.T.ravel().astype(np.int32)), pa.array(WORDS)),
        "DP": pa.array(depths.T.ravel().astype(np.int32)),
        "GQ": pa.array(np.full(count * people, 99, np.int32)),
    }
    arrays = [columns.get(field.name, pa.nulls(count * people, field.type)) for field in schema.GENOTYPES]
    return pa.table(arrays, schema.GENOTYPES)
