"""genocloud filter --reference: the tandem repeat behind POS, in expressions and as a feature of models."""

import numpy as np
import pysam
import pytest

import genocloud
from genocloud import callset, storage
from genocloud.cli import main
from genocloud.pipeline.filtering import shard_values
from tests.support.model_callset import CONTIGS, LABELS, build, write_known
from tests.support.slow_repeats import slow_length


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A callset, known variants of it, and a reference of short repeats, partly in lower case."""
    made = tmp_path_factory.mktemp("reference")
    random = np.random.default_rng(4)
    with (made / "ref.fa").open("w") as stream:
        for contig in CONTIGS:
            runs = random.integers(1, 9, contig.length)
            bases = np.repeat(random.choice(list("ACGTacN"), contig.length), runs)[: contig.length]
            stream.write(f">{contig.name}\n{''.join(bases)}\n")
    pysam.faidx(str(made / "ref.fa"))
    write_known(build(str(made / "callset"), ()), made / "known.vcf")
    return made


def run(folder, url, *words):
    return main(["filter", str(url), "-R", str(folder / "ref.fa"), "-q", *words])


def test_repeats_are_those_of_the_reference_behind_pos(folder):
    assert run(folder, folder / "callset", "-f", "long=REPEAT >= 6", "-f", "none=REPEAT = 0") == 0
    made = genocloud.open_callset(folder / "callset")
    with pysam.FastaFile(str(folder / "ref.fa")) as reference:
        bases = reference.fetch("chr1")
    marked = 0
    for row, site in zip(made.filters().to_pylist(), made.sites(columns=["pos"]).to_pylist(), strict=True):
        length = slow_length(bases, site["pos"])
        names = set(row["filter"].split(";")) - {"LowQual", "PASS"}
        assert names == ({"long"} if length >= 6 else {"none"} if length == 0 else set())
        marked += bool(names)
    assert marked > 10


def test_neither_shards_nor_stretches_show(folder, tmp_path, monkeypatch):
    assert run(folder, folder / "callset", "-f", "long=REPEAT >= 6") == 0
    build(str(tmp_path / "cut"), (200_000, 200_010, 600_000))
    monkeypatch.setattr(shard_values, "_STRETCH_BP", 10_000)
    assert run(folder, tmp_path / "cut", "-f", "long=REPEAT >= 6") == 0
    said, other = (genocloud.open_callset(url).filters() for url in (folder / "callset", tmp_path / "cut"))
    assert said.equals(other)


def test_cohort_judges_indels_by_it_where_the_reference_is_named(folder, tmp_path, caplog):
    """SNPs have the same scores to the last bit, and there is no warning that they all have one value of something."""
    resource = ["--resource", LABELS, str(folder / "known.vcf.gz"), "-an", "cohort"]
    scores, names = [], []
    for reference in (True, False):
        url = tmp_path / str(reference)
        build(str(url), ())
        assert (run(folder, url, *resource) if reference else main(["filter", str(url), "-q", *resource])) == 0
        settings = callset.read_filters(storage.open_store(str(url))).settings
        scores.append(genocloud.open_callset(url).filters()["AS_SCORE"].to_pylist())
        names.append(settings["model"]["annotations"])
        assert ("reference" in settings) == reference
    assert set(names[0]) - set(names[1]) == {"REPEAT"}
    assert "REPEAT" not in caplog.text
    sites = genocloud.open_callset(folder / "callset").sites(columns=["ref", "alts"]).to_pylist()
    differ = {True: 0, False: 0}
    for site, one, other in zip(sites, *scores, strict=True):
        for alt, *both in zip(site["alts"], one, other, strict=True):
            if None not in both and alt != "*" and both[0] != both[1]:
                differ[len(alt) == len(site["ref"])] += 1
    assert differ[True] == 0 < differ[False]


def test_a_reference_of_another_genome_is_refused(folder, tmp_path, capsys):
    (tmp_path / "other.fa").write_text(">chr1\nACGT\n>chr2\nACGT\n")
    pysam.faidx(str(tmp_path / "other.fa"))
    words = ["-f", "long=REPEAT > 5", "-R", str(tmp_path / "other.fa")]
    assert main(["filter", str(folder / "callset"), "-q", *words]) == 3
    assert "chr1" in capsys.readouterr().err


def test_a_reference_without_use_is_not_read(folder, tmp_path):
    assert main(["filter", str(folder / "callset"), "-q", "--preset", "hard", "-R", str(tmp_path / "no.fa")]) == 0
