"""Options of jobs: settings as words of a command, executors and memory from resources."""

from types import SimpleNamespace

import pytest

from genocloud.federation.config import checked_values
from genocloud.pipeline.options import model_of
from genocloud.workflow.options import MODEL, JobOptions

WILDCARDS = SimpleNamespace(part="discover")


class Resources(dict):
    """As Snakemake gives them: attributes and `get`."""

    __getattr__ = dict.__getitem__


@pytest.fixture
def options():
    return JobOptions({"intervals": ["chr1", "a b.bed"], "size": 2, "on": True, "off": False, "no": ""}, False, False)


def test_settings_become_options(options):
    assert options.of("intervals", "size") == ["--intervals chr1", "--intervals 'a b.bed'", "--size 2"]
    assert options.of("on", "off", "no") == ["--on"]


def test_the_models_options_have_the_configs_pseudo_autosomal_regions():
    settings = checked_values("config", {"samples": "s", "reference": "r", "par": ["chrX:1-9", "chrX:20-30"]})
    assert {"--par chrX:1-9", "--par chrX:20-30"} <= set(JobOptions(settings, False, False).of(*MODEL))
    assert model_of(settings).par == ("chrX:1-9", "chrX:20-30")  # of a run over several sites


def test_the_profile_names_the_executor_and_a_cluster_of_this_machine_is_the_default(options):
    assert options.scatter(WILDCARDS, 4, Resources(mem_mb=900, scatter="tls://a:1")) == "tls://a:1"
    assert options.scatter(WILDCARDS, 4, Resources(mem_mb=900)) == "local:processes=1,threads=4,memory=900MB"


def test_a_small_cohort_runs_in_threads_of_its_job():
    assert JobOptions({}, True, False).scatter(WILDCARDS, 4, Resources(mem_mb=900)) == "threads:4"


@pytest.mark.parametrize("choice", ["inline", "threads:2", "processes:2"])
def test_tasks_in_the_jobs_own_processes_have_its_memory(options, choice):
    assert options.memory(WILDCARDS, Resources(mem_mb=900, scatter=choice)) == "--memory 900MB"


@pytest.mark.parametrize(
    "choice", ["local:threads=1", "tcp://a:1", "tls://a:1", "slurm:workers=2", "kubernetes:image=i"]
)
def test_dask_workers_have_a_limit_of_their_own(options, choice):
    assert options.memory(WILDCARDS, Resources(mem_mb=900, scatter=choice)) == ""


def test_snakemakes_own_memory_is_taken_off_in_a_batch_systems_job():
    options = JobOptions({}, False, True)
    assert options.memory_mb(WILDCARDS, Resources(mem_mb=900)) == 500
    assert options.scatter(WILDCARDS, 1, Resources(mem_mb=900)) == "local:processes=1,threads=1,memory=500MB"


def test_a_part_of_the_genome_is_an_option_and_the_whole_none(options):
    assert options.part(WILDCARDS) == ""
    assert options.part(SimpleNamespace(part="000-chr1")) == "--part 000-chr1"
