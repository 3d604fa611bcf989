"""One odd record: outside the intervals it does not matter; inside it is refused, or dropped and counted."""

import gzip
import json
import random
import sys

import pytest

from genocloud.cli import main
from genocloud.errors import InputError

LENGTHS = {"chr1": 2000, "chr2": 1000, "chr3": 400}
BASES = {contig: "".join(random.Random(contig).choices("ACGT", k=length)) for contig, length in LENGTHS.items()}
GOOD = "0/1:10,10,0:20:99:250,0,250,280,280,560"


def base(contig, pos):
    return BASES.get(contig, "A" * 5000)[pos - 1]


def block(contig, pos, end):
    sample = "GT:DP:GQ:MIN_DP:PL\t0/0:20:60:20:0,60,900"
    return f"{contig}\t{pos}\t.\t{base(contig, pos)}\t<NON_REF>\t.\t.\tEND={end}\t{sample}\n"


def variant(contig, pos, sample=GOOD, ref="", alt="", info="DP=20"):
    ref = ref or base(contig, pos)
    alt = alt or next(letter for letter in "ACGT" if letter != ref[0])
    return f"{contig}\t{pos}\t.\t{ref}\t{alt},<NON_REF>\t240.6\t.\t{info}\tGT:AD:DP:GQ:PL\t{sample}\n"


def around(contig, *records):
    """A contig's records with blocks between, from its first base to its last."""
    lines, at = [], 1
    for pos, record in records:
        lines += [block(contig, at, pos - 1), record]
        at = pos + 1
    return "".join([*lines, block(contig, at, LENGTHS[contig])])


WHOLE = {
    "chr1": around("chr1", (100, variant("chr1", 100)), (1500, variant("chr1", 1500))),
    "chr2": around("chr2", (200, variant("chr2", 200))),
    "chr3": around("chr3"),
}
BAD_PL = variant("chr2", 300, "./.:0,0,0:19:0:0,0,990,990,990")
"""As DeepVariant 1.2 wrote no-calls: five likelihoods for six genotypes."""
BAD = {
    "PL": ("PL has not one value for each genotype", BAD_PL),
    "AD": ("AD has not one value for each allele", variant("chr2", 300, "0/1:10,10:20:99:250,0,250,280,280,560")),
    "number": (
        "a number is malformed or beyond 32 bits",
        variant("chr2", 300, "0/1:10,10,0:x:99:250,0,250,280,280,560"),
    ),
    "GT": ("GT names an allele that the record lacks", variant("chr2", 300, "0/7:10,10,0:20:99:250,0,250,280,280,560")),
    "REF": ("REF is not what the reference has there", variant("chr2", 300, ref="ACGTACGTAC", alt="A")),
    "END": ("it ends before it begins or beyond the contig's last base", variant("chr2", 300, info="END=1001")),
    "order": ("it begins before the record above it", variant("chr2", 120)),
    "columns": ("it has too few or too many columns", "chr2\t300\t.\n"),
    "position": ("a number is malformed or beyond 32 bits", "chr2\tx\t.\tA\tC\t.\t.\t.\tGT\t0/0\n"),
}


def header(order=tuple(LENGTHS), lengths=LENGTHS, more=""):
    contigs = "".join(f"##contig=<ID={contig},length={lengths[contig]}>\n" for contig in order)
    return (
        f"##fileformat=VCFv4.2\n##GATKCommandLine=<ID=HaplotypeCaller>\n{contigs}{more}"
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tann\n"
    )


@pytest.fixture
def study(tmp_path, capsys):
    (tmp_path / "ref.fa").write_text("".join(f">{contig}\n{bases}\n" for contig, bases in BASES.items()))
    place, index = 0, ""
    for contig, length in LENGTHS.items():
        place += len(contig) + 2
        index += f"{contig}\t{length}\t{place}\t{length}\t{length + 1}\n"
        place += length + 1
    (tmp_path / "ref.fa.fai").write_text(index)
    (tmp_path / "samples.tsv").write_text("sample\tgvcf\nann\tann.g.vcf\n")
    return Study(tmp_path, capsys)


class Study:
    def __init__(self, folder, capsys):
        self.folder, self.capsys = folder, capsys

    def write(self, records, head=None):
        (self.folder / "ann.g.vcf").write_text((head or header()) + records)

    def run(self, command, *options):
        """(exit code, receipt, error text) of a command of the command line."""
        places = {
            "inputs": ["samples.tsv", "--scatter", "inline"],
            "joint": ["samples.tsv", "-o", "out.vcf.gz", "--threads", "1"],
            "ingest": ["cohort", "samples.tsv", "--scatter", "inline"],
            "discover": ["cohort", "--scatter", "inline"],
            "genotype": ["cohort", "callset", "--scatter", "inline"],
            "export": ["callset", "out.vcf.gz", "--scatter", "inline"],
        }[command]
        arguments = [str(self.folder / one) if "." in one or one in ("cohort", "callset") else one for one in places]
        reference = ["--reference", str(self.folder / "ref.fa")] if command in ("inputs", "joint", "ingest") else []
        receipt = self.folder / "receipt.json"
        receipt.unlink(missing_ok=True)
        code = main([command, *arguments, *reference, "--receipt", str(receipt), "-q", *options])
        said = self.capsys.readouterr().err
        return code, json.loads(receipt.read_text()) if receipt.exists() else {}, said

    def sites(self):
        lines = gzip.decompress((self.folder / "out.vcf.gz").read_bytes()).decode().splitlines()
        return [tuple(line.split("\t")[:2]) for line in lines if not line.startswith("#")]


def with_bad(record, contig="chr2"):
    return WHOLE["chr1"] + around(contig, (200, variant(contig, 200)), (300, record)) + WHOLE["chr3"]


def test_a_bad_record_outside_the_intervals_does_not_matter(study):
    every = [
        (300 + 2 * k, record.replace("chr2\t300", f"chr2\t{300 + 2 * k}")) for k, (_, record) in enumerate(BAD.values())
    ]
    study.write(WHOLE["chr1"] + around("chr2", (200, variant("chr2", 200)), *every) + WHOLE["chr3"])
    for options in (["-L", "chr1", "chr3"], ["-XL", "chr2"]):
        code, _, said = study.run("joint", *options)
        assert (code, study.sites()) == (0, [("chr1", "100"), ("chr1", "1500")]), said


@pytest.mark.parametrize("kind", BAD)
def test_inside_it_is_refused_with_file_and_line_or_dropped_and_counted_by_kind_and_sample(study, kind, caplog):
    problem, record = BAD[kind]
    study.write(with_bad(record))
    code, _, said = study.run("ingest")
    line = (header() + with_bad(record)).splitlines().index(record.removesuffix("\n")) + 1
    assert code == 3
    assert f"ann.g.vcf: line {line} (chr2:" in said
    code, receipt, said = study.run("ingest", "--on-bad-record", "drop")
    assert code == 0, said
    assert receipt["figures"]["bad_records"] == {"ann": {f"bad record: {problem}": 1}}
    assert receipt["balance"]["dropped"] == {f"bad record: {problem}": 1}
    said = f"sample ann: bad records were dropped, and nothing is known of their bases: 1 (bad record: {problem})"
    assert said in caplog.text


def test_a_bad_record_on_a_contig_with_intervals_does_not_matter_where_none_reaches_it(study):
    study.write(with_bad(BAD_PL))
    code, receipt, _ = study.run("joint", "-L", "chr2:1-299", "-L", "chr2:301-1000")
    assert (code, study.sites()) == (0, [("chr2", "200")])
    assert receipt["figures"]["bad_records_outside"] == {"ann": 1}
    code, _, said = study.run("joint", "-L", "chr2:299-300")
    assert code == 3
    assert "(chr2:300): PL has not one value" in said


def test_a_bad_deletion_or_block_that_reaches_into_the_intervals_matters(study):
    """It would be `*` there, or what is known of the base."""
    deletion = variant("chr2", 300, "0/1:9:9:9:9", ref=BASES["chr2"][299:310], alt=base("chr2", 300))
    study.write(with_bad(deletion))
    assert study.run("joint", "-L", "chr2:310")[0] == 3
    assert study.run("joint", "-L", "chr2:311-400")[0] == 0
    study.write(with_bad(block("chr2", 300, 400).replace("0,60,900", "0,60,900,7")))
    assert study.run("joint", "-L", "chr2:400")[0] == 3
    assert study.run("joint", "-L", "chr2:401-500")[0] == 0


@pytest.mark.parametrize("many", [1, 3])
def test_where_a_bad_record_stands_does_not_matter(study, many):
    """First and last of a file or a contig, several in a row, at the position of a good one, of one letter."""
    bad = "0/1:1:1:1:1"
    same_place = variant("chr2", 200, bad) * many
    records = "x\n" + variant("chr1", 1, bad) * many + WHOLE["chr1"]
    records += WHOLE["chr2"].replace("chr2\t201\t", f"{same_place}chr2\t201\t", 1)
    records += WHOLE["chr3"] + variant("chr3", 400, bad).removesuffix("\n")
    study.write(records)
    code, receipt, said = study.run("joint", "--on-bad-record", "drop")
    assert (code, study.sites()) == (0, [("chr1", "100"), ("chr1", "1500"), ("chr2", "200")]), said
    assert sum(receipt["figures"]["bad_records"]["ann"].values()) == 2 + 2 * many
    assert receipt["figures"]["ingest"]["taken"] == records.count("\n") + 1


def test_the_records_around_a_dropped_one_stay_as_they_are(study):
    """Also where a piece of the text ends within them: the callset is that of the file without the bad records."""
    spots = [(20 + 4 * k, variant("chr1", 20 + 4 * k)) for k in range(400)]
    bad = {pos: variant("chr1", pos, "0/1:1:1:1:1") for pos in range(21, 1600, 397)}
    good = around("chr1", *spots)
    lines = good.splitlines(keepends=True)
    odd = "".join(bad.pop(int(line.split("\t")[1]) - 1, "") + line for line in lines)
    study.write(good)
    assert study.run("joint")[0] == 0
    sites = study.sites()
    study.write(odd)
    assert (study.run("joint", "--on-bad-record", "drop")[0], study.sites()) == (0, sites)


def test_the_look_at_inputs_holds_the_contigs_inside_the_intervals_to_the_reference(study):
    """As the workflow takes it, before any job."""
    study.write("".join(WHOLE.values()), header(lengths=LENGTHS | {"chr3": 16_569}))
    for outside in (("-L", "chr1", "chr2"), ("-XL", "chr3"), ("-L", "chr2:5-900", "-XL", "chr2:7")):
        assert study.run("inputs", *outside)[0] == 0
    for inside in ((), ("-L", "chr3:1-5"), ("-XL", "chr1", "chr2", "chr3:1-399")):
        code, _, said = study.run("inputs", *inside)
        assert (code, "contig chr3 has more than one length" in said) == (3, True)


def test_contigs_outside_the_intervals_may_be_unknown_in_another_order_or_of_another_length(study):
    decoy = block("hs37d5", 5, 35_477_943)
    decoy_head = header(more="##contig=<ID=hs37d5,length=35477943>\n")
    orders = [
        (WHOLE["chr1"] + WHOLE["chr2"] + decoy + WHOLE["chr3"], decoy_head),
        (WHOLE["chr3"] + WHOLE["chr2"] + WHOLE["chr1"], header(("chr3", "chr2", "chr1"))),
        (WHOLE["chr3"] + WHOLE["chr2"] + WHOLE["chr1"], header()),
        ("".join(WHOLE.values()), header(lengths=LENGTHS | {"chr3": 16_569})),
    ]
    for records, head in orders:
        study.write(records, head)
        assert study.run("joint")[0] == 3
        code, _, said = study.run("joint", "-L", "chr2")
        assert (code, study.sites()) == (0, [("chr2", "200")]), said


def test_a_file_of_records_on_contigs_without_intervals_alone_is_not_taken_for_a_vcf_without_blocks(study):
    head = header(more="##contig=<ID=hs37d5,length=35477943>\n")
    study.write(block("hs37d5", 5, 900) + block("hs37d5", 901, 1_000), head)
    code, _, said = study.run("ingest", "-L", "chr2")
    assert code == 0, said


def test_records_on_unknown_contigs_are_dropped_on_demand(study):
    study.write("".join(WHOLE.values()) + block("hs37d5", 5, 900), header(more="##contig=<ID=hs37d5,length=900>\n"))
    code, _, said = study.run("joint")
    assert (code, "contig hs37d5 is not in the reference" in said) == (3, True)
    code, receipt, _ = study.run("joint", "--on-bad-record", "drop")
    assert (code, len(study.sites())) == (0, 3)
    assert receipt["figures"]["bad_records"] == {"ann": {"bad record: its contig is not in the reference": 1}}


def test_no_more_are_dropped_than_a_stated_share(study):
    bad = [(10 + 2 * k, variant("chr2", 10 + 2 * k, "0/1:1:1:1:1")) for k in range(11)]
    for some, expected in ((bad[:10], 0), (bad, 3)):
        study.write(WHOLE["chr1"] + around("chr2", *some) + WHOLE["chr3"])
        code, _, said = study.run("joint", "--on-bad-record", "drop")
        assert code == expected, said
    assert "sample ann: 11 of 29 records are bad" in said
    assert "1% or 10 records at most" in said


def test_a_sample_without_records_in_the_intervals_contigs_is_taken(study):
    study.write(WHOLE["chr1"])
    code, _, said = study.run("joint", "-L", "chr2")
    assert (code, study.sites()) == (0, []), said


def test_a_cohort_knows_where_records_are_lacking_that_did_not_matter(study):
    """Ingested for chr1, a cohort is not taken to know chr2:300; ingested again for all, it is refused or drops it."""
    study.write(with_bad(BAD_PL))
    code, receipt, said = study.run("ingest", "-L", "chr1")
    assert (code, receipt["figures"]["bad_records_outside"]) == (0, {"ann": 1}), said
    assert receipt["balance"]["dropped"] == {"bad record outside the intervals": 1}
    assert study.run("discover")[0] == 0
    code, _, said = study.run("genotype")
    assert code == 3
    assert "sample ann: its records at chr2:300-300 were left out when it was ingested" in said
    assert study.run("discover", "-XL", "chr2:300")[0] == 0
    assert study.run("genotype", "-XL", "chr2:300")[0] == 0
    assert study.run("ingest", "--complete")[0] == 3
    code, receipt, _ = study.run("ingest", "--complete", "--on-bad-record", "drop")
    assert (code, receipt["figures"]["bad_records"]["ann"]) == (0, {f"bad record: {BAD['PL'][0]}": 1})
    assert study.run("discover")[0] == 0
    assert study.run("genotype")[0] == 0
    assert study.run("ingest", "--complete", "--on-bad-record", "drop")[1]["figures"]["new_samples"] == 0
    assert study.run("ingest", "--complete")[0] == 3


def test_another_runs_intervals_are_not_taken_for_this_ones(study, monkeypatch):
    """A joint run that was killed behind its ingest had chr1 only; the next one wants chr2."""
    study.write("".join(WHOLE.values()))

    def killed(*_, **__):
        raise InputError("killed")

    monkeypatch.setattr(sys.modules["genocloud.steps.joint"], "discover", killed)
    assert study.run("joint", "-L", "chr1")[0] == 3
    monkeypatch.undo()
    assert (study.folder / "out.vcf.gz.work").exists()
    code, _, said = study.run("joint", "-L", "chr2")
    assert (code, study.sites()) == (0, [("chr2", "200")]), said


def test_excluded_intervals(study):
    study.write("".join(WHOLE.values()))
    for options, sites in (
        (["-XL", "chr1"], [("chr2", "200")]),
        (["-L", "chr1", "-XL", "chr1:90-110"], [("chr1", "1500")]),
        (["-XL", "chr1:1-98", "chr2", "-ixp", "1"], [("chr1", "100"), ("chr1", "1500")]),
        (["-XL", "chr1:1-98", "chr2", "--interval-exclusion-padding", "2"], [("chr1", "1500")]),
    ):
        code, _, said = study.run("joint", *options)
        assert (code, study.sites()) == (0, sites), said
    code, _, said = study.run("joint", "-L", "chr2", "-XL", "chr2")
    assert (code, "nothing is left when these are excluded" in said) == (3, True)
