"""Callsets after GLnexus's model: their export has the lines of `joint`, whatever was cut, grown or killed."""

import gzip
import json
import os
from pathlib import Path

import pyarrow.parquet as pq
import pysam.bcftools
import pytest

from genocloud import annotations, callset, schema, steps
from genocloud.callset import manifest
from genocloud.cohort import open_cohort
from genocloud.errors import SettingError
from genocloud.genotypes import Model
from genocloud.pipeline.chosen_model import NotOfTheModel, chosen_model
from genocloud.pipeline.chosen_samples import SampleChoice
from genocloud.pipeline.export_options import ExportOptions
from genocloud.pipeline.genotyping import merged_callset
from genocloud.pipeline.genotyping.merged_vcf import merge_to_vcf
from genocloud.pipeline.merge_model import MergeModel
from genocloud.pipeline.options import IngestOptions
from genocloud.pipeline.sample_list import sheet_or_gvcfs
from genocloud.pipeline.sharding import Targets, cut_genome
from genocloud.regions import Region
from genocloud.scatter.executors import open_scatter
from genocloud.scatter.progress import Silent
from tests.conformance.dialect_files import Source, write_dialects
from tests.support.deepvariant_people import people
from tests.support.glnexus_runs import EVERY_FIELD
from tests.support.plain_callset import plain_columns

REAL = Path(os.environ.get("GENOCLOUD_SHARED", Path(__file__).resolve().parents[4] / "shared")) / "data/dv_cohort"
LOCAL = callset.FormatFields(local_alleles=True)


def lines(path):
    return [each for each in gzip.decompress(Path(path).read_bytes()).decode().splitlines() if each[0] != "#"]


class Study:
    """A cohort of random people, joined straight and by way of a callset."""

    def __init__(self, folder, preset="DeepVariant_unfiltered", **options):
        self.folder, self.preset, self.options = folder, preset, IngestOptions(**options)
        self.cohort_url, self.callset_url = str(folder / "cohort"), str(folder / "callset")

    def ingest(self, urls):
        with open_scatter("threads:2") as scatter:
            reference = str(self.folder / "ref.fa")
            listed = sheet_or_gvcfs(urls)
            steps.ingest(self.cohort_url, listed, reference, options=self.options, scatter=scatter, progress=Silent())

    def joint(self, inside=None):
        with open_scatter("threads:2") as scatter:
            merge_to_vcf(
                open_cohort(self.cohort_url),
                str(self.folder / "joint.vcf.gz"),
                parts_url=str(self.folder / f"parts-{len(list(self.folder.iterdir()))}"),
                model=MergeModel.of(self.preset),
                cut=cut_genome(open_cohort(self.cohort_url), targets=Targets.of(inside, ())),
                scatter=scatter,
                progress=Silent(),
            )
        return lines(self.folder / "joint.vcf.gz")

    def genotype(self, inside=None, callset_url=None, **more):
        with open_scatter("threads:2") as scatter:
            return steps.genotype(
                open_cohort(self.cohort_url),
                callset_url or self.callset_url,
                model=MergeModel.of(self.preset),
                cut=cut_genome(open_cohort(self.cohort_url), targets=Targets.of(inside, ())),
                scatter=scatter,
                progress=Silent(),
                **more,
            )

    def export(self, callset_url=None, name="export.vcf.gz", **options):
        with open_scatter("threads:2") as scatter:
            out = str(self.folder / name)
            steps.export(
                callset_url or self.callset_url,
                out,
                scatter=scatter,
                progress=Silent(),
                options=ExportOptions(**options),
            )
        return pysam.bcftools.view("-H", out).splitlines() if name.endswith(".bcf") else lines(out)

    def files(self):
        root = Path(self.callset_url)
        kept = [each for each in sorted(root.rglob("*")) if each.is_file() and "manifest" not in each.parts]
        return {str(each.relative_to(root)): each.read_bytes() for each in kept}


@pytest.mark.parametrize("seed", [0, 2, 4])
@pytest.mark.parametrize("preset", ["DeepVariant_unfiltered", "DeepVariantWGS", "gatk_unfiltered", "every.yml"])
def test_a_callset_exports_the_lines_of_joint(tmp_path, seed, preset):
    (tmp_path / "every.yml").write_text(EVERY_FIELD)
    preset = str(tmp_path / preset) if preset.endswith("yml") else preset
    study = Study(tmp_path, preset, window_bp=13, batch_size=2, part_bp=30)
    study.ingest(people(tmp_path, seed, ["ann", "bob", "cat", "dan", "eve"]))
    receipt = study.genotype()
    assert study.export() == study.joint()
    balance = receipt.balance
    assert (balance["unit"], balance["kept"]) == ("alleles", balance["taken"] - sum(balance["dropped"].values()))


@pytest.mark.parametrize(("seed", "preset"), [(0, "DeepVariantWGS"), (2, "gatk_unfiltered"), (4, "every.yml")])
def test_every_form_has_what_the_text_has(tmp_path, seed, preset):
    (tmp_path / "every.yml").write_text(EVERY_FIELD)
    study = Study(tmp_path, str(tmp_path / preset) if preset.endswith("yml") else preset, window_bp=13, batch_size=2)
    study.ingest(people(tmp_path, seed, ["ann", "bob", "cat", "dan", "eve"]))
    study.genotype()
    check_forms(study)


@pytest.mark.skipif(not REAL.exists(), reason="no shared data here (GENOCLOUD_SHARED)")
@pytest.mark.parametrize("preset", ["DeepVariantWGS", "DeepVariantWES"])
def test_every_form_of_a_real_cohort_has_what_the_text_has(tmp_path, preset):
    names = [path.name for path in sorted(REAL.glob("*.g.vcf.gz"))]
    write_dialects([Source(f"s{number:02d}", name) for number, name in enumerate(names)], REAL, tmp_path)
    study = Study(tmp_path, preset)
    study.ingest([str(path) for path in sorted(tmp_path.glob("s*.g.vcf.gz"))])
    assert study.genotype().balance["kept"]
    check_forms(study)


def check_forms(study):
    """BCF has the lines of the text; values by local alleles are the text's of these; blocks stand for their cells."""
    text, local = study.export(), study.export(fields=LOCAL)
    assert study.export(name="export.bcf") == text
    assert study.export(name="export.bcf", fields=LOCAL) == local
    ends = {}
    blocks = study.export(name="export.svcr.vcf.gz")
    for whole, part, block in zip(cells_of(text), cells_of(local), cells_of(blocks), strict=True):
        own = [0, *(int(alt) for alt in part["LAA"].split(",") if alt != ".")]
        assert {int(each) for each in whole["GT"].split("/") if each != "."} <= {*own, 0}
        assert part["LAD"] == at_alleles(whole["AD"], own)
        assert part["LPL"] == at_alleles(whole["PL"], [high * (high + 1) // 2 + low for high in own for low in own
                                                       if low <= high])  # fmt: skip
        assert {key: whole[key] for key in whole.keys() - {"AD", "PL"}} == {
            key: part[key] for key in part.keys() - {"LAA", "LAD", "LPL"}
        }
        place = part["contig"], part["sample"]
        stop, covering = ends.get(place, (0, {}))
        if block["GT"] == "." and part["GT"] == "./.":
            continue
        if block["GT"] == ".":
            assert part["pos"] < stop
            block = covering
        is_block = block.get("LEN", ".") != "."
        if is_block and block is not covering:
            ends[place] = part["pos"] + int(block["LEN"]), block
        assert is_block == (part["GT"] == "0/0" and part["LAA"] == ".")
        block = {"SB": ".,.,.,."} | {key: value for key, value in block.items() if value != "."}
        for key in part.keys() - {"pos", *(("LPL",) if is_block else ())}:
            assert block.get(key, ".") == part[key]


def cells_of(records):
    """Each cell's fields, with its place."""
    for contig, pos, *fields in (record.split("\t") for record in records):
        keys = fields[6].split(":")
        for sample, text in enumerate(fields[7:]):
            yield {"contig": contig, "pos": int(pos), "sample": sample} | dict(zip(keys, text.split(":"), strict=False))


def at_alleles(text, places):
    """Some of a list's values; nothing where there is none."""
    values = text.split(",")
    chosen = [values[place] for place in places] if len(values) > 1 else ["."]
    return "." if set(chosen) == {"."} else ",".join(chosen)


def test_a_callset_does_not_depend_on_what_is_held_in_memory(tmp_path, monkeypatch):
    study = Study(tmp_path, window_bp=13, batch_size=2, part_bp=30)
    study.ingest(people(tmp_path, 4, ["ann", "bob", "cat"]))
    study.genotype()
    held = study.files()
    monkeypatch.setattr(merged_callset, "HELD_BYTES", 0)
    study.callset_url = str(tmp_path / "again")
    study.genotype()
    assert study.files() == held


def test_sites_that_share_a_position_stay_apart(tmp_path):
    (tmp_path / "every.yml").write_text(EVERY_FIELD)
    study = Study(tmp_path, str(tmp_path / "every.yml"))
    study.ingest(people(tmp_path, 4, ["ann", "bob", "cat", "dan", "eve"]))
    study.genotype()
    made = callset.open_callset(study.callset_url)
    sites = made.sites(columns=["contig", "pos", "ref", "alts"]).to_pylist()
    places = [(site["contig"], site["pos"]) for site in sites]
    shared = {place for place in places if places.count(place) > 1}
    assert shared
    written = [each.split("\t") for each in study.export()]
    expected = sorted(
        (record[0], int(record[1]), record[3], alt, sample)
        for record in written
        for sample, text in zip(made.samples, record[9:], strict=True)
        for number, alt in enumerate(record[4].split(","), 1)
        if str(number) in text.split(":")[0].split("/")
    )
    for where in (None, "chr1"):
        rows = made.carriers(where).to_pylist()
        rows_made = sorted((row["contig"], row["pos"], row["ref"], row["alt"], row["sample"]) for row in rows)
        assert rows_made == [each for each in expected if where in (None, each[0])]
    contig, pos, ref, alt, _ = next(each for each in expected if each[:2] in shared)
    rows = made.carriers(f"{contig}:{pos}:{ref}:{alt}").to_pylist()
    assert sorted(row["sample"] for row in rows) == [
        each[4] for each in expected if each[:4] == (contig, pos, ref, alt)
    ]
    gts = made.genotypes(columns=["GT"])["GT"].to_pylist()
    assert gts == [text.split(":")[0] for record in written for text in record[9:]]
    assert len(made.calls()) + len(made.reference()) > 0


def test_intervals_fields_and_samples_choose_among_the_same_records(tmp_path):
    study = Study(tmp_path, window_bp=13)
    study.ingest(people(tmp_path, 2, ["ann", "bob", "cat"]))
    inside = [Region(0, 11, 30), Region(1, 0, 9)]
    study.genotype(inside)
    assert study.export() == study.joint(inside) != []
    study.callset_url = str(tmp_path / "everywhere")
    study.genotype()
    everything = [each.split("\t") for each in study.export()]
    chosen = study.export(fields=callset.FormatFields(keys=("RNC", "GQ")))
    columns = [each[:8] + ["GT:GQ:RNC"] + [":".join(text.split(":")[at] for at in (0, 3, 5)) for text in each[9:]]
               for each in everything]  # fmt: skip
    assert [each.split("\t") for each in chosen] == columns
    some = study.export(samples=SampleChoice(included=("cat,ann",)))
    assert [each.split("\t") for each in some] == [[*each[:9], each[11], each[9]] for each in everything]


@pytest.mark.parametrize("fields", [{"keys": ("PGT",)}, {"posteriors": True}], ids=lambda each: next(iter(each)))
def test_a_form_that_the_model_does_not_have_is_refused(tmp_path, fields):
    study = Study(tmp_path)
    study.ingest(people(tmp_path, 2, ["ann", "bob"]))
    study.genotype()
    with pytest.raises(SettingError):
        study.export(fields=callset.FormatFields(**fields))
    assert not (tmp_path / "export.vcf.gz").exists()


def test_a_field_of_another_models_is_refused():
    with pytest.raises(callset.UnknownField, match="no FORMAT field RNC"):
        callset.FormatFields(keys=("RNC",)).of(None)


@pytest.mark.parametrize(
    ("name", "settings", "preset", "problem"),
    [
        ("glnexus", {"stand_call_conf": 10.0}, "", "stand-call-conf"),
        ("glnexus", {}, "xAtlas", "does not keep"),
        ("gatk", {}, "DeepVariantWGS", "preset"),
    ],
)
def test_settings_of_another_model_are_refused(tmp_path, name, settings, preset, problem):
    study = Study(tmp_path)
    study.ingest(people(tmp_path, 2, ["ann"]))
    with pytest.raises(SettingError, match=problem):
        chosen_model(open_cohort(study.cohort_url), Model(**settings), name, preset)


def test_known_names_are_refused(tmp_path):
    study = Study(tmp_path)
    study.ingest(people(tmp_path, 2, ["ann"]))
    force_output = [Region(0, 0, 10)]
    with open_scatter("threads:1") as scatter, pytest.raises(NotOfTheModel, match="force-output"):
        steps.genotype(
            open_cohort(study.cohort_url),
            study.callset_url,
            model=MergeModel.of(""),
            cut=cut_genome(open_cohort(study.cohort_url), targets=Targets.of(None, force_output)),
            scatter=scatter,
            progress=Silent(),
        )


def test_who_has_no_variant_makes_a_callset_without_sites(tmp_path):
    (url,) = people(tmp_path, 1, ["ann"])
    path = tmp_path / "ann.g.vcf"
    kept = [each for each in path.read_text().splitlines(True) if each.startswith("#") or "\t<*>\t" in each]
    path.write_text("".join(kept))
    study = Study(tmp_path)
    study.ingest([url])
    assert study.genotype().balance["taken"] == 0
    assert study.export() == []


def test_a_callset_made_in_parts_is_that_made_at_once(tmp_path):
    study = Study(tmp_path, window_bp=13, part_bp=30)
    study.ingest(people(tmp_path, 4, ["ann", "bob"]))
    study.genotype()
    at_once, study.callset_url = study.files(), str(tmp_path / "parts")
    cohort = open_cohort(study.cohort_url)
    for part in [part.name for part in cohort.layout.parts()]:
        with open_scatter("threads:1") as scatter:
            tools = {"scatter": scatter, "progress": Silent()}
            model = MergeModel.of(study.preset)
            steps.genotype(cohort, study.callset_url, model=model, cut=cut_genome(cohort, part), **tools)
    study.genotype()
    assert study.files() == at_once


@pytest.mark.parametrize("folder", ["calls", "reference", "sites"])
def test_a_damaged_shard_is_made_anew(tmp_path, folder):
    study = Study(tmp_path)
    study.ingest(people(tmp_path, 4, ["ann", "bob"]))
    study.genotype()
    sound = study.files()
    path = next((tmp_path / "callset" / folder).rglob("*.parquet"))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    study.genotype()
    assert study.files() == sound


def test_a_callset_is_versioned_and_sound(tmp_path):
    study = Study(tmp_path)
    study.ingest(people(tmp_path, 2, ["ann", "bob"]))
    study.genotype()
    stored = json.loads((tmp_path / "callset/manifest/00000001.json").read_text())
    assert stored["version"] == 8
    assert stored["fields"]["format"] == ["GT", "DP", "AD", "GQ", "PL", "RNC"]
    assert str(tmp_path) not in json.dumps(stored)
    made = callset.open_callset(study.callset_url)
    for shard in made.shards:
        assert callset.check_shard(made.store, shard, made.description.batches) == []


def test_a_callset_of_version_6_is_read_and_grows(tmp_path):
    urls, study = people(tmp_path, 4, ["ann", "bob", "cat"]), Study(tmp_path, batch_size=2)
    study.ingest(urls[:2])
    with plain_columns(manifest.MODEL_VERSION):
        study.genotype()
    assert json.loads((tmp_path / "callset/manifest/00000001.json").read_text())["version"] == 6
    assert study.export() == study.joint()
    study.ingest(urls)
    study.genotype()
    assert study.export() == study.joint()


def test_a_callset_of_another_model_has_none_of_it(tmp_path):
    study = Study(tmp_path)
    study.ingest(people(tmp_path, 4, ["ann", "bob"]))
    cohort = open_cohort(study.cohort_url)
    with open_scatter("threads:1") as scatter:
        tools = {"cut": cut_genome(cohort), "scatter": scatter, "progress": Silent()}
        steps.discover(cohort, **tools)
        steps.genotype(cohort, study.callset_url, model=Model(name="deepvariant"), **tools)
    stored = json.loads((tmp_path / "callset/manifest/00000001.json").read_text())
    assert (stored["version"], "fields" in stored) == (8, False)
    declared = {"sites": annotations.STORED_SITES, "calls": schema.CALLS, "reference": schema.REFERENCE}
    for folder, columns in declared.items():
        paths = list((tmp_path / "callset" / folder).rglob("*.parquet"))
        assert paths
        for path in paths:
            assert [name.removeprefix("packed_") for name in pq.read_schema(path).names] == columns.names


def test_a_callset_that_has_grown_is_that_of_everybody_at_once(tmp_path):
    urls = people(tmp_path, 4, ["ann", "bob", "cat", "dan", "eve"])
    study = Study(tmp_path, "DeepVariantWGS", window_bp=13, batch_size=2)
    for count in (2, 4, 5):
        study.ingest(urls[:count])
        study.genotype()
        assert study.export() == study.joint()
    grown, study.callset_url = study.files(), str(tmp_path / "once")
    study.genotype()
    assert study.files() == grown
