"""Sites, genotypes and annotations against GATK 4.6.2.0: its output on 24 real gVCFs, and itself on small cohorts."""

import gzip
import os
import subprocess
from collections import Counter
from itertools import chain
from pathlib import Path

import numpy as np
import pysam
import pytest
import yaml

from genocloud.genotypes import Model
from genocloud.genotypes.allele_specific import QD_WHEN_HIGH
from genocloud.regions import Contig, Region
from genocloud.schema import SITE_COLUMNS
from tests.reference.gvcf_reader import read
from tests.reference.joint_cohorts import cohort_records
from tests.reference.joint_path import joint
from tests.reference.vcf_text import field_text, genotype_fields
from tests.unit.test_genotypes_puzzles import CASES, vcf_line

SHARED = Path(os.environ.get("GENOCLOUD_SHARED", Path(__file__).resolve().parents[3] / "shared"))
REAL = SHARED / "data" / "1kg_chr22"
GATK = Path(__file__).resolve().parents[1] / "anchors" / "gatk" / "gatk"
GATK_LIB = Path(os.environ.get("GATK_LIB", GATK.parent / "lib"))
INFO = {column.name: column.form for column in SITE_COLUMNS if column.vcf.startswith("INFO/")}
REAL_CONTIGS = (Contig("chr22", 50_818_468),)
ALLELE_SPECIFIC = Model(annotation_groups=("StandardAnnotation", "AS_StandardAnnotation"))
QUAL_TOLERANCE = 0.01
RANDOM_COHORTS = 60
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


def same_number(ours, theirs):
    """An ExcessHet that only passes through is printed with three decimals by GATK, a computed one with four."""
    return None not in (ours, theirs) and float(ours) == float(theirs)


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
        for name, form in INFO.items():
            ours = field_text(row[name], form)
            compared[name] += ours is not None
            if name == "QD" and row[name] == QD_WHEN_HIGH:
                compared["QD of 35 and more, not compared"] += 1
            elif name == "AS_QD" and row[name] and QD_WHEN_HIGH in row[name]:
                compared["AS_QD of 35 and more, not compared"] += row[name].count(QD_WHEN_HIGH)
                theirs_too = zip(row[name], ours.split(","), info.get(name, "").split(","), strict=True)
                if [text for value, text, other in theirs_too if value != QD_WHEN_HIGH and text != other]:
                    wrong.append((name, place, ours, info.get(name)))
            elif ours != info.get(name) and not (name == "ExcessHet" and same_number(ours, info.get(name))):
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
    assert min(compared[name] for name in INFO if name.startswith("AS_")) > 40


def test_real_cohort_equals_gatk(real_rows):
    sites, genotypes, dropped = real_calls(real_rows, Model())
    wrong, compared = differences(sites, genotypes, *gatk_records(REAL / "expected.gatk-4.6.2.0.vcf.gz"))
    assert wrong == []
    assert compared["sites"] == 257
    assert compared["genotypes"] == 257 * 24
    assert compared["QD of 35 and more, not compared"] < 100
    assert dropped == {"no likely ALT": 24, "low confidence": 1}


def gatk(*words, folder):
    ran = subprocess.run(
        [str(GATK), *map(str, words)], cwd=folder, capture_output=True, text=True, check=False, timeout=400,
        env=os.environ | {"JAVA_OPTS": "-Xmx2g"},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr[-3000:]


def puzzle_reference(case):
    """A contig of 1,000 bases with the REF bases of a puzzle's records."""
    bases = np.full(1000, "A")
    for record in chain.from_iterable(case["gvcf"].values()):
        place, ref = record.split()[:2]
        if "-" not in place:
            bases[int(place) - 1 : int(place) - 1 + len(ref)] = list(ref)
    return "".join(bases)


def write_cohort(contigs, records, folder):
    """A reference of some contigs (name: bases), and each sample's records (its lines by sample) as an indexed gVCF."""
    text, index = "", ""
    for name, bases in contigs.items():
        text += f">{name}\n"
        index += f"{name}\t{len(bases)}\t{len(text)}\t{len(bases)}\t{len(bases) + 1}\n"
        text += bases + "\n"
    (folder / "ref.fa").write_text(text)
    (folder / "ref.fa.fai").write_text(index)
    lengths = "".join(f"@SQ\tSN:{name}\tLN:{len(bases)}\n" for name, bases in contigs.items())
    (folder / "ref.dict").write_text(f"@HD\tVN:1.6\n{lengths}")
    declared = [f"##contig=<ID={name},length={len(bases)}>" for name, bases in contigs.items()]
    for sample, lines in records.items():
        columns = f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{sample}"
        gvcf = folder / f"{sample}.g.vcf"
        gvcf.write_text("\n".join(["##fileformat=VCFv4.2", *HEADER, *declared, columns, *lines]) + "\n")
        pysam.tabix_index(str(gvcf), preset="vcf")
    (folder / "map.tsv").write_text("".join(f"{sample}\t{sample}.g.vcf.gz\n" for sample in records))


def gatk_calls(contigs, intervals, folder, groups=("StandardAnnotation",)):
    """GATK's records of a cohort that `write_cohort` wrote."""
    everywhere = [word for name in contigs for word in ("-L", name)]
    gatk("GenomicsDBImport", "--genomicsdb-workspace-path", "db", "--sample-name-map", "map.tsv",
         *everywhere, "--merge-contigs-into-num-partitions", 1, folder=folder)  # fmt: skip
    asked = [word for interval in intervals for word in ("-L", interval)]
    asked += [word for group in groups for word in ("-G", group)]
    gatk("GenotypeGVCFs", "-R", "ref.fa", "-V", "gendb://db", "-O", "out.vcf", *asked, folder=folder)
    return gatk_records(folder / "out.vcf")[0]


HEADER = [
    '##FORMAT=<ID=AD,Number=R,Type=Integer,Description="d">',
    '##FORMAT=<ID=PL,Number=G,Type=Integer,Description="d">',
    '##FORMAT=<ID=SB,Number=4,Type=Integer,Description="d">',
    *(f'##FORMAT=<ID={name},Number=1,Type=Integer,Description="d">' for name in ("DP", "GQ", "MIN_DP", "PS")),
    *(f'##FORMAT=<ID={name},Number=1,Type=String,Description="d">' for name in ("GT", "PGT", "PID")),
    *(f'##INFO=<ID={name},Number=1,Type=Integer,Description="d">' for name in ("DP", "END", "MQ0")),
    *(
        f'##INFO=<ID={name},Number=1,Type=Float,Description="d">'
        for name in ("BaseQRankSum", "MQRankSum", "ReadPosRankSum", "MQ", "ExcessHet")
    ),
    *(
        f'##INFO=<ID={name},Number=1,Type=String,Description="d">'
        for name in ("AS_SB_TABLE", "AS_RAW_MQ", "AS_RAW_BaseQRankSum", "AS_RAW_MQRankSum", "AS_RAW_ReadPosRankSum")
    ),
    '##INFO=<ID=RAW_MQandDP,Number=2,Type=Integer,Description="d">',
    '##ALT=<ID=NON_REF,Description="d">',
]


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
        found, counts = differences(*called[:2], theirs, samples)
        wrong += found
        compared += counts
    return wrong, compared


needs_gatk = pytest.mark.skipif(not GATK_LIB.is_dir(), reason=f"no GATK jars in {GATK_LIB}: make conformance gets them")


@needs_gatk
@pytest.mark.conformance
@pytest.mark.timeout(900)
def test_puzzles_equal_gatk(tmp_path):
    cases = {path.stem: yaml.safe_load(path.read_text()) for path in CASES}
    contigs = {name: puzzle_reference(case) for name, case in cases.items()}
    samples = sorted({sample for case in cases.values() for sample in case["gvcf"]})
    write_cohort(contigs, {sample: puzzle_lines(sample, cases, contigs) for sample in samples}, tmp_path)
    intervals = [f"{name}:{case.get('region', 1)}-1000" for name, case in cases.items()]
    records = gatk_calls(contigs, intervals, tmp_path)
    wrong, compared = compare(tmp_path, contigs, samples, records, lambda name: cases[name].get("region", 1))
    assert wrong == []
    assert compared["sites"] > 40


@needs_gatk
@pytest.mark.conformance
@pytest.mark.timeout(900)
def test_random_cohorts_equal_gatk(tmp_path):
    made = {f"cohort{seed:03}": cohort_records(seed, 12) for seed in range(RANDOM_COHORTS)}
    contigs = {name: reference for name, (reference, _) in made.items()}
    samples = sorted(next(iter(made.values()))[1])
    lines = {
        sample: ["\t".join([name, *fields[1:]]) for name, (_, rows) in made.items() for fields in rows[sample]]
        for sample in samples
    }
    write_cohort(contigs, lines, tmp_path)
    records = gatk_calls(contigs, contigs, tmp_path, ALLELE_SPECIFIC.annotation_groups)
    wrong, compared = compare(tmp_path, contigs, samples, records, lambda name: 1, ALLELE_SPECIFIC)
    assert wrong == []
    assert compared["sites"] > 300
