"""Config, profile and sheet before any job: what is wrong, where, and what to do."""

import pytest

from genocloud.costs import BadPrices
from genocloud.errors import SettingError
from genocloud.federation import BadConfig, config_of
from genocloud.samples import BadRow
from genocloud.storage import UnknownScheme
from genocloud.workflow.config import check_urls, checked_settings
from genocloud.workflow.model_settings import check_model, model_files
from genocloud.workflow.profile import check_profiles
from genocloud.workflow.sheet_rows import called_sheet, read_samples, samples_here

CONFIG = {"samples": "samples.tsv", "reference": "ref.fa"}
SITES = {name: {"store": f"/data/{name}", "workers": "threads:1", "policy": "stays"} for name in ("home", "far")}


@pytest.mark.parametrize("key", ["samples", "reference", "cohort", "callset", "vcf", "report", "dbsnp", "audit"])
def test_a_url_of_an_unknown_kind_is_refused_before_any_work(key):
    with pytest.raises(UnknownScheme, match="s9://bucket/x"):
        check_urls(CONFIG | {key: "s9://bucket/x"})
    with pytest.raises(UnknownScheme, match="s9://bucket/x"):
        check_urls(CONFIG | {"intervals": ["chr1:1-2", "s9://bucket/x"]})


def test_urls_of_stores_and_addresses_of_schedulers_are_accepted():
    sites = {"far": SITES["far"] | {"store": "file:///data/far", "workers": "tls://far:8786"}}
    check_urls({**CONFIG, "cohort": "memory://cohort", "sites": sites})
    with pytest.raises(UnknownScheme):
        check_urls({**CONFIG, "sites": {"far": SITES["far"] | {"store": "s9://far"}}})


def test_defaults_stand_behind_what_the_config_says():
    settings = checked_settings({**CONFIG, "part_bp": 5})
    assert list(settings)[:3] == ["samples", "reference", "part_bp"]
    assert (settings["part_bp"], settings["caller"]) == (5, "bcftools")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"caler": "gatk"}, r"config: .*'caler' was unexpected\); the keys are .*; did you mean caller\?"),
        ({"caller": "bcftols"}, r"caller: .*; choose .*bcftools.* or none; did you mean bcftools\?"),
        ({"batch_size": 0}, r"config: batch_size: 0 is less than the minimum of 1; How many"),
        ({"vcf": "{a}.vcf.gz"}, r"config: vcf: '{a}.vcf.gz' holds '{', which neither"),
        ({"sites": SITES | {"f": SITES["far"] | {"store": "/a\n"}}}, r"config: sites.f.store: '/a\\n' holds"),
        ({"intervals": ["chr1", "a\nb.bed"]}, r"config: intervals\[1\]: .* holds '\\n'"),
    ],
)
def test_a_bad_config_is_a_bad_setting_with_its_place(more, message):
    with pytest.raises(BadConfig, match=message) as caught:
        checked_settings({**CONFIG, **more})
    assert caught.value.exit_code == 5


def test_price_tables_are_read():
    with pytest.raises(BadPrices, match=r"nowhere\.yaml"):
        checked_settings({**CONFIG, "prices": "/nowhere.yaml"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "set-resources: {ingst: {mem_mb: 1}}",
            r"profile: set-resources: 'ingst' is not one of .* did you mean ingest\?",
        ),
        ("jobs: []", "profile: jobs: .* is not of type 'integer', 'string'; How many jobs"),
    ],
)
def test_a_bad_profile_is_a_bad_setting_with_its_place(tmp_path, monkeypatch, text, message):
    (tmp_path / "config.yaml").write_text(text)
    monkeypatch.setattr("sys.argv", ["snakemake", f"--workflow-profile={tmp_path}"])
    with pytest.raises(BadConfig, match=message):
        check_profiles(tmp_path / "Snakefile")


def test_a_workflow_profile_that_does_not_exist_is_refused_and_none_is_no_profile(tmp_path, monkeypatch):
    (tmp_path / "profiles/slurm").mkdir(parents=True)
    (tmp_path / "profiles/slurm/config.yaml").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["snakemake", "--workflow-profile", "none"])
    check_profiles(tmp_path / "Snakefile")
    monkeypatch.setattr("sys.argv", ["snakemake", "--workflow-profile", "slrum"])
    with pytest.raises(BadConfig, match=r"there is no profile slrum; .*; did you mean slurm\?"):
        check_profiles(tmp_path / "Snakefile")


def sheet(folder, *rows):
    (folder / "samples.tsv").write_text("sample\tgvcf\treads\tsite\n" + "".join(f"{row}\n" for row in rows))
    return str(folder / "samples.tsv")


def test_reads_need_a_caller_and_paths_no_braces(tmp_path):
    with pytest.raises(BadRow, match=r"line 2: sample ann comes as reads, .*; give a gVCF, or choose a caller"):
        read_samples(sheet(tmp_path, "ann\t\tann.bam\t"), "none")
    with pytest.raises(BadRow, match=r"line 2: sample ann: '.*\{1\}.g.vcf.gz' holds '\{'"):
        read_samples(sheet(tmp_path, "ann\t{1}.g.vcf.gz\t\t"), "bcftools")


def test_samples_are_here_or_at_a_site_of_the_config(tmp_path):
    config = config_of({**CONFIG, "sites": SITES, "coordinator": "home"})
    samples = read_samples(sheet(tmp_path, "ann\tann.g.vcf.gz\t\t", "bob\tbob.g.vcf.gz\t\tfar"), "none").values()
    assert [sample.sample for sample in samples_here(samples, config)] == ["ann"]
    assert [sample.sample for sample in samples_here(samples, None)] == ["ann", "bob"]
    fare = read_samples(sheet(tmp_path, "ann\tann.g.vcf.gz\t\tfare"), "none").values()
    with pytest.raises(BadRow, match=r"lies at the site 'fare', .*; its sites are home, far; did you mean far\?"):
        samples_here(fare, config)
    reads = read_samples(sheet(tmp_path, "ann\t\tann.bam\tfar"), "bcftools").values()
    with pytest.raises(BadRow, match="comes as reads at the site far; call it there"):
        samples_here(reads, config)


def test_called_samples_have_the_gvcfs_of_the_rule_call(tmp_path):
    samples = read_samples(sheet(tmp_path, "ann\t\tann.bam\t", "bob\t/b.g.vcf.gz\t\t"), "bcftools").values()
    text = called_sheet(samples, "results/hybrid")
    assert "../call/ann.g.vcf.gz" in text
    assert "/b.g.vcf.gz" in text
    assert "ann.bam" not in text


def test_several_sites_are_not_screened_together():
    site = {"store": "/store", "workers": "threads:1", "policy": "stays"}
    config = {"samples": "s.tsv", "reference": "r.fa", "screen": True, "sites": {"here": site}, "coordinator": "here"}
    with pytest.raises(BadConfig, match="genocloud screen"):
        checked_settings(config)


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"preset": "DeepVariantWGS"}, "only the model glnexus has presets"),
        ({"model": "glnexus", "dbsnp": "known.vcf.gz"}, "the model glnexus does not have it"),
        ({"model": "glnexus", "include_non_variant_sites": True}, "the model glnexus does not have it"),
        (
            {"model": "glnexus", "exports": [{"path": "a.vcf", "refined": True}]},
            "the model glnexus does not have it: its genotypes have a prior",
        ),
        ({"model": "gatk", "gq_calibration": "gq.tsv"}, "the model gatk does not have it: its GQ is GATK's"),
        ({"model": "glnexus", "preset": "xAtlas"}, "which a cohort does not keep"),
        ({"model": "glnexus", "preset": "DeepVariantWG"}, "unknown"),
    ],
)
def test_what_the_model_does_not_have_is_refused_before_any_job(more, problem):
    with pytest.raises(SettingError, match=problem):
        check_model(checked_settings({**CONFIG, **more}))


def test_presets_of_glnexus_are_named_or_files():
    check_model(checked_settings({**CONFIG, "model": "glnexus"}))
    settings = checked_settings({**CONFIG, "model": "glnexus", "preset": "DeepVariantWES"})
    check_model(settings)
    assert model_files(settings) == []
    assert model_files({"preset": "my.yml", "gq_calibration": "gq.tsv"}) == ["my.yml", "gq.tsv"]
