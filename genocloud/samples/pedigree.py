"""Read a pedigree: a PLINK .ped or .fam file, of which the first five columns count."""

from dataclasses import dataclass

from genocloud import storage
from genocloud.errors import UnreadableFile
from genocloud.samples.sheet import SEXES

_NO_PARENT = ("0", "", ".", "-9")


@dataclass(frozen=True, slots=True, kw_only=True)
class PedigreePerson:
    """A row of a pedigree; a parent that is not known is empty, `sex` is male, female or unknown."""

    family: str
    sample: str
    father: str = ""
    mother: str = ""
    sex: str = "unknown"


def read_pedigree(url: str) -> tuple[PedigreePerson, ...]:
    """The persons of a file of family, sample, father, mother, sex; `#` begins a comment. Raises UnreadableFile."""
    with storage.open_file(url) as file:
        try:
            text = file.read().decode()
        except UnicodeDecodeError as error:
            raise UnreadableFile(url, f"byte {error.start:,} is not UTF-8", _REMEDY) from error
    persons: dict[str, PedigreePerson] = {}
    for number, line in enumerate(text.splitlines(), 1):
        cells = line.split("\t") if "\t" in line else line.split()
        if not line.strip() or line.startswith("#"):
            continue
        if len(cells) < len(_COLUMNS):
            raise UnreadableFile(url, f"line {number} has {len(cells)} columns, not {len(_COLUMNS)}", _REMEDY)
        family, sample, father, mother, sex = (cell.strip() for cell in cells[: len(_COLUMNS)])
        if sample in persons:
            raise UnreadableFile(url, f"line {number} names {sample} a second time", "keep one of the two lines")
        father, mother = ("" if parent in _NO_PARENT else parent for parent in (father, mother))
        known = SEXES.get(sex.lower(), "unknown")
        persons[sample] = PedigreePerson(family=family, sample=sample, father=father, mother=mother, sex=known)
    return tuple(persons.values())


_COLUMNS = ("family", "sample", "father", "mother", "sex")
_REMEDY = f"give a PLINK .ped or .fam file: {', '.join(_COLUMNS)}, with tabs or blanks between"
