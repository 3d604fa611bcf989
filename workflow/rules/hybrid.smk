# Samples at several sites (`sites` in the config): one rule, in the place of inputs, ingest, discover and genotype, from
# gVCFs to the callset. Each site's tasks run on its `workers`; this job coordinates, and what it has finished is kept
# when it is killed.

import yaml


rule hybrid_config:
    output:
        sheet="results/hybrid/samples.tsv",
        config="results/hybrid/config.yaml",
    localrule: True
    params:
        config=lambda wildcards: {**config, "samples": "results/hybrid/samples.tsv"},
        sheet=lambda wildcards: called_sheet(study.samples.values(), "results/hybrid"),
    run:
        Path(output.sheet).write_text(params.sheet)
        Path(output.config).write_text(yaml.safe_dump(params.config, sort_keys=False))


rule hybrid:
    input:
        config="results/hybrid/config.yaml",
        sheet="results/hybrid/samples.tsv",
        called=study.called_gvcfs,
        gvcfs=local(study.gvcfs),
        alleles=local(study.alleles),
    output:
        receipt="results/hybrid/hybrid.json",
    log:
        "results/logs/hybrid.log",
    conda:
        "../envs/genocloud.yaml"
    threads: 4
    resources:
        mem_mb=8000,  # MB
        runtime=2880,  # minutes
    shell:
        "genocloud hybrid {input.config} --receipt {output.receipt} 2>&1 | tee {log} >&2"
