"""Rows of distinct genotypes: what GT, PL and PP of each say, and rows with other ones."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import callset, refinement, schema
from genocloud.genotype_text import allele_numbers_of

JOINT = ("JL", "JP")
_Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class GenotypeRows:
    """Distinct genotypes, at all alleles.

    words    the texts of GT
    codes    (rows,) each one's text
    pl, pp   offsets (rows + 1,) and values; none where there is no value
    """

    table: schema.DistinctGenotypes
    words: list[str]
    codes: npt.NDArray[np.int32]
    pl: tuple[_Ints, npt.NDArray[np.int32]]
    pp: tuple[_Ints, npt.NDArray[np.int32]]

    @classmethod
    def of(cls, table: schema.DistinctGenotypes) -> "GenotypeRows":
        """The rows of a table with PP, JL and JP: see `with_posterior_columns`."""
        words = table["GT"].unify_dictionaries().combine_chunks()
        pl, pp = (callset.ragged(table, name) for name in ("PL", "PP"))
        return cls(table=table, words=words.dictionary.to_pylist(), codes=schema.numbers(words.indices), pl=pl, pp=pp)

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def alleles(self) -> list[tuple[int, ...]]:
        """Of each text, -1 for `.`."""
        return [tuple(allele_numbers_of(word)) for word in self.words]

    @property
    def known(self) -> _Ints:
        """How many values of PL each row has: not all under a person's own deletion (model `deepvariant`)."""
        offsets, values = self.pl
        counts = np.concatenate([[0], np.cumsum(values != schema.MISSING)])
        return np.asarray(counts[offsets[1:]] - counts[offsets[:-1]])

    def of_words(self, values: Any, dtype: Any) -> npt.NDArray[Any]:
        """Of each row what its text has."""
        return np.array(values, dtype)[self.codes] if self.words else np.zeros(0, dtype)

    @property
    def is_diploid(self) -> npt.NDArray[np.bool_]:
        """Whether GT has two alleles, called or not."""
        return self.of_words([len(each) == 2 for each in self.alleles], bool)

    @property
    def is_called(self) -> npt.NDArray[np.bool_]:
        """Whether GT has no `.`."""
        return self.of_words([-1 not in each for each in self.alleles], bool)

    def called(
        self, rows: _Ints, called: refinement.Called, joint: npt.NDArray[np.int32] | None = None
    ) -> schema.DistinctGenotypes:
        """Rows with other genotypes: GT, GQ and PP, and JL and JP (rows, 2) where they are given.

        A GT with the same alleles stays as it is, phase and all; another one keeps its separator.
        """
        second, first = np.tril_indices(_alleles_of(called.pp.shape[1]))
        kinds, which = np.unique(
            np.stack([self.codes[rows], called.best, called.no_call], axis=1), axis=0, return_inverse=True
        )
        alleles, texts = self.alleles, []
        for code, best, no_call in kinds.tolist():
            mark, pair = "|" if "|" in self.words[code] else "/", (int(first[best]), int(second[best]))
            if no_call:
                texts.append(f".{mark}.")
            else:
                same = tuple(sorted(alleles[code])) == pair
                texts.append(self.words[code] if same else f"{pair[0]}{mark}{pair[1]}")
        table = callset.take_rows(self.table.combine_chunks(), rows.astype(np.int32))
        states = called.pp.shape[1]
        offsets = np.arange(len(rows) + 1) * states
        columns = {
            "GT": pa.DictionaryArray.from_arrays(
                pa.array(which.ravel().astype(np.int32)), pa.array(texts, pa.string())
            ),
            "GQ": pa.array(called.gq),
            "PP": schema.list_column(offsets, called.pp.ravel()),
        }
        if joint is not None:
            columns |= {name: pa.array(joint[:, place]) for place, name in enumerate(JOINT)}
        for name, values in columns.items():
            table = schema.with_column(table, name, values)
        return table


def with_posterior_columns(table: schema.DistinctGenotypes) -> schema.DistinctGenotypes:
    """Distinct genotypes with PP, JL and JP, which none has yet."""
    for field in schema.POSTERIORS:
        table = table.append_column(field, pa.nulls(len(table), field.type))
    return table


def _alleles_of(states: int) -> int:
    """The number of alleles that have so many diploid genotypes."""
    return int((np.sqrt(8 * states + 1) - 1) / 2)


def joined(tables: list[schema.DistinctGenotypes]) -> schema.DistinctGenotypes:
    """Rows of several tables, one behind the other."""
    return pa.concat_tables(tables).unify_dictionaries().combine_chunks()
