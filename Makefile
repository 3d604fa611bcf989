# Three commands for people: `make demo`, `make check` and `make test`. The rest is what CI adds.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
GVCFS ?= test_data/gvcf
REFERENCE ?= test_data/reference.fa
LARGE ?= $(firstword $(wildcard $(GVCFS)/*.g.vcf.gz))
REGION ?= chr1
HOSPITAL ?= 10
PEOPLE ?= 1000,10000,100000
LENGTH ?= 20000
SECONDS := 60
SEED := 1
HERE := not conformance and not slurm and not stores and not buckets and not hybrid
# A worker a core; all tests of a file run in one worker, so that what the file sets up is set up once. The order of files is conftest.py's.
PARALLEL := -n logical --maxprocesses 8 --dist loadfile --no-loadscope-reorder
# What `make check` tests: the rooms that compute. Commands, processes, servers, kills, whole callsets and large files are for `make test`.
LEFT_OUT := cli kernels scatter steps test_library.py test_readme.py test_testing.py reads/test_sample_caller.py \
  $(addsuffix .py,$(addprefix report/test_,html page_sources receipts)) \
  $(addsuffix .py,$(addprefix qc/test_,contamination planted_faults sample_metrics)) filters/test_vets_training.py \
  $(addsuffix .py,$(addprefix callset/test_,arrays damage dense_files genotype_filters remote vcf_export writing)) \
  $(addsuffix .py,$(addprefix cohort/test_,erasing garbage writers)) \
  $(addsuffix .py,$(addprefix gvcf/test_,binary differential fingerprint kernels region)) \
  $(addsuffix .py,$(addprefix storage/test_,locks streams))
FAST := tests/unit $(addprefix --ignore tests/unit/,$(LEFT_OUT))
# What `make kills` does.
KILLS := tests/kills tests/unit/cohort/test_writers.py tests/unit/scatter/test_frozen.py
FLIPS := tests/unit/steps/test_damage.py::test_each_of_many_flips_is_said_or_changes_nothing
GATK := tests/anchors/gatk/lib/installed
GATK_PYTHON := .venv-gatk
MULTIQC := .venv-multiqc/installed
PACKAGING := .venv-packaging/bin

# As some containers set it: each of hundreds of processes would compile all of genocloud, each worker all tests.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo check test test-all coverage mutants lint conformance programs bench bench-contigs bench-scale plan kills fuzz slurm stores demo-gs demo-s3 hybrid bench-hybrid dist try-wheel try-conda try-modules image formats docs clean

demo: $(INSTALLED)
	$(BIN)/snakemake --profile profiles/local

# The demo with all its inputs, stores and outputs in a bucket, of fake-gcs-server or of moto; and what is seen when they change.
demo-gs demo-s3: demo-%: $(INSTALLED)
	$(BIN)/pytest -m buckets -k '[$*]' tests/contracts

# Lint, types and the fast tests.
check: lint
	$(BIN)/pytest -q $(PARALLEL) -m '$(HERE) and not slow' $(FAST)

# The proof.
test: $(INSTALLED)
	$(BIN)/pytest $(PARALLEL) -m '$(HERE) and not slow'

# With what takes long: all examples of properties, restarts, growth, queues, kills. WITHOUT=kills leaves out what `make kills` does
# at length.
test-all: $(INSTALLED)
	GENOCLOUD_ALL_EXAMPLES=1 $(BIN)/pytest $(PARALLEL) --durations=30 -m '$(HERE)' $(if $(filter kills,$(WITHOUT)),$(addprefix --deselect ,$(KILLS) $(FLIPS)))

# Which lines outside kernels `make test` runs; 90% must be (processes that tests start are not counted). Not in CI: it makes tests
# take half as long again.
coverage: $(INSTALLED)
	$(BIN)/pytest -q $(PARALLEL) --cov --cov-report=term:skip-covered -m '$(HERE) and not slow'

# How many of 100 one-token mutants of genocloud/ outside kernels the tests of `make test` kill: about an hour.
mutants: $(INSTALLED)
	rm -f .coverage .coverage.*
	$(BIN)/pytest -q $(PARALLEL) --cov --cov-context=test --cov-report= -m '$(HERE) and not slow'
	$(BIN)/python -m tests.support.mutants --seed $(SEED)

lint: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint
	$(BIN)/python -m tests.support.plain_words

conformance: programs $(INSTALLED) $(GATK) $(GATK_PYTHON)/installed $(MULTIQC)
	$(BIN)/pytest $(PARALLEL) -raP -m conformance

programs:
	tests/anchors/install

# Against peers: make bench GVCFS=DIR REFERENCE=REF LARGE=ONE.g.vcf.gz GATK_PROGRAM=tests/anchors/gatk/gatk REGION=chr20:1-1000
bench: $(INSTALLED)
	$(BIN)/python tests/benchmarks/bench_reading.py $(LARGE) --folder $(GVCFS)
	$(BIN)/python -m tests.benchmarks.bench_import $(GVCFS) --reference $(REFERENCE) --region $(REGION) $(addprefix --gatk ,$(GATK_PROGRAM))
	$(BIN)/python -m tests.benchmarks.bench_ingest $(GVCFS) --reference $(REFERENCE)
	$(BIN)/python tests/benchmarks/bench_joint.py $(GVCFS) --reference $(REFERENCE)

# What contigs cost: GRCh38 with alternates, decoys and HLA against its 25; 50,000 scaffolds; 200,000 contigs in a header.
bench-contigs: $(INSTALLED)
	$(BIN)/python -m tests.benchmarks.bench_contigs

# What a region costs for ever more invented people, from the store to the callset: make bench-scale PEOPLE=1000,10000 LENGTH=20000
bench-scale: $(INSTALLED)
	$(BIN)/python -m tests.benchmarks.bench_scale --people $(PEOPLE) --length $(LENGTH)

# 200 flipped bits in every kind of file of a cohort and a callset; 200 kills (-9) at random moments of ingest and append, more all along compact, erase and
# collect; writers' races, 25 rounds of each; and SIGTERM, SIGHUP, SIGINT and SIGKILL of the main process alone, in every kind of pool: nothing of the run is
# left 10 s later; and a frozen Dask worker.
kills: $(INSTALLED)
	GENOCLOUD_FLIPS=200 GENOCLOUD_KILLS=100 GENOCLOUD_ROUNDS=25 $(BIN)/pytest $(PARALLEL) -raP $(FLIPS) $(KILLS)

# Atheris sees no compiled code, so the kernels run as plain Python; what it finds lands in results/fuzz.
fuzz: $(INSTALLED)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt --config-settings editable_mode=compat -e '.[fuzz]'
	@for target in header lines frames; do $(BIN)/python -W ignore -m tests.fuzz.fuzz $$target results/fuzz -max_total_time=$(SECONDS) || exit 1; done

# A real Slurm with two nodes on this machine, installed by apt (as root) and stopped at the end; a node is lost in mid-run.
slurm: .venv-slurm/installed
	tests/slurm/install
	.venv-slurm/bin/pytest -m slurm tests/slurm

# Its own environment, as Snakemake loads whatever plugin is installed, and Slurm's takes a second of each start.
.venv-slurm/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check -c constraints.txt --config-settings editable_mode=compat -e '.[xarray,test,slurm]'
	@touch $@

# Two sites in two network namespaces (as root): every policy, a link cut for 30 s, 20 workers killed; the records of one site.
hybrid: $(INSTALLED)
	$(BIN)/pytest -m hybrid -o faulthandler_timeout=1100 tests/hybrid

# The same on generated cohorts, with what crossed: make bench-hybrid GVCFS=DIR REFERENCE=REF HOSPITAL=120
bench-hybrid: $(INSTALLED)
	$(BIN)/python -m tests.hybrid.bench_hybrid $(GVCFS) --reference $(REFERENCE) --hospital $(HOSPITAL)

# The laws of stores on the emulator of Azure, which npm brings; those of files, memory, gs:// and s3:// run in `make test`.
stores: $(INSTALLED)
	tests/anchors/azurite/install
	$(BIN)/pytest -m stores tests/contracts

# What genocloud plan foretells against what runs take: make plan COHORTS="A B", folders as shared/bench/simcohort.py
# writes them. Fails beyond 25%, as it may where others use the machine meanwhile.
plan: $(INSTALLED)
	$(BIN)/python -m tests.benchmarks.bench_plan $(COHORTS)

# The sdist, and the wheel that is built from it, in dist/; their description is checked as PyPI does.
dist: .venv-packaging/installed
	rm -rf dist build
	PIP_CONSTRAINT=constraints.txt $(PACKAGING)/python -m build
	$(PACKAGING)/twine check --strict dist/*

# Both installed outside of the repository with the pins of constraints.txt, by pip, uv and pipx; the demo run from them. Some minutes.
try-wheel: dist
	packaging/try_wheel $(PYTHON) $(PACKAGING)

# A conda package of the recipe and the wheel, made by rattler-build without any conda channel; its files and dependencies.
try-conda: dist
	$(PACKAGING)/python packaging/try_conda

# The modules for WDL and Snakemake pipelines, run on two people of the demo.
try-modules: $(INSTALLED) .venv-packaging/installed
	packaging/try_modules $(BIN) $(PACKAGING)

# The image, really built and the demo run in it, by buildah and podman; BASE=debootstrap where no registry of images is reached.
image:
	packaging/build_image

# The snippets of docs/formats.md for sgkit, vcztools and Hail, which the tests' environment has not, too; and Hail's cells. Needs Java 11 or 17.
formats: $(INSTALLED) .venv-formats/installed .venv-hail/installed
	PATH="$(CURDIR)/.venv-formats/bin:$$PATH" $(BIN)/pytest -q -rs tests/unit/steps/test_formats_page.py tests/unit/steps/test_export_zarr.py tests/unit/callset/test_local_alleles.py

# The documentation site, in docs/_build; a warning, or a link to a page or heading that is not there, fails.
docs: .venv-docs/installed
	$(<D)/bin/sphinx-build --fail-on-warning --keep-going --quiet -b html docs docs/_build

clean:
	rm -rf results .snakemake docs/_build

# With the extras whose modules the page of errors imports; the tests' environment has no Sphinx.
.venv-docs/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/pip install --no-compile --quiet --disable-pip-version-check -c constraints.txt --config-settings editable_mode=compat -e '.[docs,azure,filters,pgen,s3,xarray,zarr]'
	@touch $@

.venv-packaging/installed: packaging/requirements.txt
	$(PYTHON) -m venv $(@D)
	$(PACKAGING)/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("genocloud needs Python 3.11 or newer: make PYTHON=python3.12 ..." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt --config-settings editable_mode=compat -e '.[xarray,test,lint]'
	@touch $@

.venv-formats/installed:
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check sgkit vcztools
	@touch $@

.venv-hail/installed:
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check hail
	@touch $@

# The real GATK 4.6.2.0, about 140 MB of jars; needs Java 17 and Maven.
$(GATK): tests/anchors/gatk/pom.xml | programs
	cd tests/anchors/gatk && mvn -B -q dependency:copy-dependencies
	@touch $@

# What GATK's Python script imports; the scikit-learn is ours, as its forests depend on it.
$(GATK_PYTHON)/installed: tests/anchors/gatk/requirements.txt constraints.txt
	$(PYTHON) -m venv $(GATK_PYTHON)
	$(GATK_PYTHON)/bin/pip install --quiet --disable-pip-version-check -r $< $$(grep '^scikit-learn==' constraints.txt)
	@touch $@

# MultiQC itself, for the folders of qc and screen.
$(MULTIQC):
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check multiqc==1.35
	@touch $@
