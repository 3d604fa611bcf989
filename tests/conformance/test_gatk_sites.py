"""Sites, genotypes and annotations against GATK 4.6.2.0: its output on 24 real gVCFs, and itself on puzzles."""

import gzip
import os
from collections import Counter
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import yaml

from genocloud.annotations import SITE_COLUMNS
from genocloud.annotations.site_annotations import QD_WHEN_HIGH
from genocloud.genotypes import Model
from genocloud.regions import Contig, Region
from tests.conformance import oracle
from tests.support.gvcf_reader import read
from tests.support.joint_path import joint
from tests.support.puzzles import CASES, vcf_line
from tests.support.vcf_text import field_text, genotype_fields

SHARED = Path(os.environ.get("GENOCLOUD_SHARED", Path(__file__).resolve().parents[3] / "shared"))
REAL = SHARED / "data" / "1kg_chr22"
INFO = [column for column in SITE_COLUMNS if column.vcf.startswith("INFO/")]
REAL_CONTIGS = (Contig("chr22", 50_818_468),)
ALLELE_SPECIFIC = Model(annotation_groups=("StandardAnnotation", "AS_StandardAnnotation"))
QUAL_TOLERANCE = 0.01
FIELDS = ("GT", "AD", "DP", "GQ", "PL", "PGT", "PID", "PS")


def gatk_records(path):
    """(contig, pos): (ref, alts, qual, INFO, FIELDS of each sample) as text, and the samples."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    rows = [line.split("\t") for line in text.splitlines() if not line.startswith("##")]
    records = {}
    for row in rows[1:]:
        keys = row[8].split(":")
        cells = [dict(zip(keys, text.split(":"), strict=False)) for text in row[9:]]
        info = dict(word.partition("=")[::2] for word in row[7].split(";"))
        records[row[0], int(row[1])] = (row[3], row[4], float(row[5]), info, cells)
    return records, rows[0][9:]


def info_texts(row):
    """What a row of SITES says in INFO: the text of each key that it could have, None where it has not."""
    texts = {}
    for column in INFO:  # two columns of one key: of ExcessHet and MQ, one is computed, the other passed through
        key = column.vcf.removeprefix("INFO/")
        texts[key] = texts.get(key) or field_text(row[column.name], column.form)
    return texts


def as_gatk_text(cell):
    """A missing sample is `./.` here and a bare `.` in GATK; nothing else is equated."""
    fields = {name: value or "." for name, value in genotype_fields(cell).items()}
    nothing = all(value == "." for name, value in fields.items() if name != "GT")
    return fields | {"GT": "." if nothing and set(fields["GT"]) <= set("./") else fields["GT"]}


def as_ours(cell):
    fields = {name: cell.get(name, ".") for name in FIELDS}
    nothing = all(fields[name] in (".", ".,.") for name in FIELDS[1:])
    return fields | {"GT": "." if nothing and set(fields["GT"]) <= set("./") else fields["GT"]}


def differences(sites, genotypes, records, samples):
    """Every disagreement by kind, with how many values were compared of each kind."""
    wrong, compared = [], Counter()
    rows = {(row["contig"], row["pos"]): row for row in sites.to_pylist()}
    cells = {(row["contig"], row["pos"], row["sample"]): row for row in genotypes.to_pylist()}
    wrong += [("site", place) for place in rows.keys() ^ records.keys()]
    for place in sorted(rows.keys() & records.keys()):
        row, (ref, alts, qual, info, theirs) = rows[place], records[place]
        compared["sites"] += 1
        if (row["ref"], ",".join(row["alts"])) != (ref, alts):
            wrong.append(("alleles", place, row["ref"], row["alts"], ref, alts))
            continue
        if abs(row["qual"] - qual) > QUAL_TOLERANCE:
            wrong.append(("QUAL", place, row["qual"], qual))
        for name, ours in info_texts(row).items():
            compared[name] += ours is not None
            if name == "QD" and row[name] == QD_WHEN_HIGH:
                compared["QD of 35 and more, not compared"] += 1
            elif name == "AS_QD" and row[name] and QD_WHEN_HIGH in row[name]:
                compared["AS_QD of 35 and more, not compared"] += row[name].count(QD_WHEN_HIGH)
                theirs_too = zip(row[name], ours.split(","), info.get(name, "").split(","), strict=True)
                if [text for value, text, other in theirs_too if value != QD_WHEN_HIGH and text != other]:
                    wrong.append((name, place, ours, info.get(name)))
            elif ours != info.get(name):
                wrong.append((name, place, ours, info.get(name)))
        for sample, cell in zip(samples, theirs, strict=True):
            compared["genotypes"] += 1
            ours, expected = as_gatk_text(cells[*place, sample]), as_ours(cell)
            unequal = [name for name in FIELDS if ours[name] != expected[name]]
            wrong += [(name, place, sample, ours[name], expected[name]) for name in unequal]
    return wrong, compared


@pytest.fixture(scope="module")
def real_rows():
    if not REAL.exists():
        pytest.skip(f"no {REAL}: the 24 real gVCFs are not here")
    places = dict(line.split() for line in (REAL / "map.tsv").read_text().splitlines())
    return {sample: read(REAL / Path(places[sample]).name, REAL_CONTIGS) for sample in sorted(places)}


def real_calls(rows, model):
    """In batches whose samples are not neighbours: what hangs on the samples' order must not show it."""
    whole = Region(0, 0, REAL_CONTIGS[0].length)
    return joint(rows, REAL_CONTIGS, [whole], [list(range(0, 24, 2)), list(range(23, 0, -2))], model)


def test_real_cohort_equals_gatk_with_allele_specific_annotations(real_rows):
    sites, genotypes, _ = real_calls(real_rows, ALLELE_SPECIFIC)
    wrong, compared = differences(sites, genotypes, *gatk_records(REAL / "expected.gatk-4.6.2.0.as.vcf.gz"))
    assert wrong == []
    assert compared["sites"] == 257
    assert min(compared[column.name] for column in INFO if column.name.startswith("AS_")) > 40


def test_real_cohort_equals_gatk(real_rows):
    sites, genotypes, dropped = real_calls(real_rows, Model())
    wrong, compared = differences(sites, genotypes, *gatk_records(REAL / "expected.gatk-4.6.2.0.vcf.gz"))
    assert wrong == []
    assert compared["sites"] == 257
    assert compared["genotypes"] == 257 * 24
    assert compared["QD of 35 and more, not compared"] < 100
    assert dropped == {"no likely ALT": 24, "low confidence": 1}


def puzzle_reference(case):
    """A contig of 1,000 bases with the REF bases of a puzzle's records."""
    bases = np.full(1000, "A")
    for record in chain.from_iterable(case["gvcf"].values()):
        place, ref = record.split()[:2]
        if "-" not in place:
            bases[int(place) - 1 : int(place) - 1 + len(ref)] = list(ref)
    return "".join(bases)


def puzzle_lines(sample, cases, contigs):
    """A sample's records in all puzzles, blocks with their reference base."""
    lines = []
    for name, case in cases.items():
        for record in case["gvcf"].get(sample, []):
            _, *fields = vcf_line(record).split("\t")
            ref = contigs[name][int(fields[0]) - 1] if "-" in record.split()[0] else fields[2]
            lines.append("\t".join([name, *fields[:2], ref, *fields[3:]]))
    return lines


def compare(folder, contigs, samples, records, first, model=None):
    """Hold each contig against GATK's records, from its base `first` on; returns what was compared."""
    declared = tuple(Contig(name, len(bases)) for name, bases in contigs.items())
    rows = {sample: read(folder / f"{sample}.g.vcf.gz", declared) for sample in samples}
    wrong, compared = [], Counter()
    for number, contig in enumerate(declared):
        begin = first(contig.name)
        called = joint(rows, declared, [Region(number, begin - 1, contig.length)], [list(range(len(rows)))], model)
        theirs = {place: row for place, row in records.items() if place[0] == contig.name and place[1] >= begin}
        different, counts = differences(*called[:2], theirs, samples)
        wrong += different
        compared += counts
    return wrong, compared


@pytest.mark.conformance
@pytest.mark.timeout(900)
def test_puzzles_equal_gatk(tmp_path):
    cases = {path.stem: yaml.safe_load(path.read_text()) for path in CASES}
    contigs = {name: puzzle_reference(case) for name, case in cases.items()}
    samples = sorted({sample for case in cases.values() for sample in case["gvcf"]})
    oracle.write_cohort(contigs, {sample: puzzle_lines(sample, cases, contigs) for sample in samples}, tmp_path)
    oracle.gatk_import(tmp_path, list(contigs))
    intervals = [f"{name}:{case.get('region', 1)}-1000" for name, case in cases.items()]
    records = gatk_records(oracle.gatk_genotype(tmp_path, "out.vcf", intervals))[0]
    wrong, compared = compare(tmp_path, contigs, samples, records, lambda name: cases[name].get("region", 1))
    assert wrong == []
    assert compared["sites"] > 40
