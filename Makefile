# Two commands for people: `make demo` and `make test`. The rest is what CI adds.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
GVCFS ?= test_data/gvcf
REFERENCE ?= test_data/reference.fa
LARGE ?= $(firstword $(wildcard $(GVCFS)/*.g.vcf.gz))
REGION ?= chr1
SECONDS := 60
GATK := tests/anchors/gatk/lib/installed

.PHONY: demo test lint conformance programs bench kills fuzz clean

demo: $(INSTALLED)
	$(BIN)/snakemake --profile profiles/local

test: $(INSTALLED)
	$(BIN)/pytest -m 'not conformance'

lint: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

conformance: programs $(INSTALLED) $(GATK)
	$(BIN)/pytest -m conformance

programs:
	tests/anchors/install

# Against peers: make bench GVCFS=DIR REFERENCE=REF LARGE=ONE.g.vcf.gz GATK_PROGRAM=tests/anchors/gatk/gatk REGION=chr20:1-1000
bench: $(INSTALLED)
	$(BIN)/python tests/benchmarks/bench_reading.py $(LARGE) --folder $(GVCFS)
	$(BIN)/python -m tests.benchmarks.bench_import $(GVCFS) --reference $(REFERENCE) --region $(REGION) $(addprefix --gatk ,$(GATK_PROGRAM))
	$(BIN)/python -m tests.benchmarks.bench_ingest $(GVCFS) --reference $(REFERENCE)
	$(BIN)/python tests/benchmarks/bench_joint.py $(GVCFS) --reference $(REFERENCE)

# 200 kills (-9) at random moments of ingest and append, more all along compact, erase and collect; writers' races, 25 rounds of each.
kills: $(INSTALLED)
	GENOCLOUD_KILLS=100 GENOCLOUD_ROUNDS=25 $(BIN)/pytest -s tests/kills tests/unit/test_cohort_writers.py

# Atheris sees no compiled code, so the kernels run as plain Python; what it finds lands in results/fuzz.
fuzz: $(INSTALLED)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt --config-settings editable_mode=compat -e '.[fuzz]'
	@for target in header lines frames; do $(BIN)/python -W ignore -m tests.fuzz.fuzz $$target results/fuzz -max_total_time=$(SECONDS) || exit 1; done

clean:
	rm -rf results .snakemake

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("genocloud needs Python 3.11 or newer: make PYTHON=python3.12 ..." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt --config-settings editable_mode=compat -e '.[xarray,test,lint]'
	@touch $@

# The real GATK 4.6.2.0, about 140 MB of jars; needs Java 17 and Maven.
$(GATK): tests/anchors/gatk/pom.xml | programs
	cd tests/anchors/gatk && mvn -B -q dependency:copy-dependencies
	@touch $@
