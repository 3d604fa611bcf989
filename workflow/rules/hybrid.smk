# Samples that lie at several sites (`sites` in the config): one rule from their gVCFs to everybody's callset.
# It stands in the place of inputs, ingest, discover and genotype. Where each site's tasks run, its `workers` say; this
# job coordinates, and what it has finished stays finished when it is killed.

from dataclasses import replace as replaced

import yaml


rule hybrid_config:
    output:
        sheet="results/hybrid/samples.tsv",
        config="results/hybrid/config.yaml",
    params:
        config=lambda wildcards: {**config, "samples": "results/hybrid/samples.tsv"},
        sheet=lambda wildcards: samples.sheet_text(
            [
                replaced(person, gvcf=person.gvcf or f"results/call/{person.sample}.g.vcf.gz", reads=None)
                for person in PEOPLE.values()
            ],
            "results/hybrid",
        ),
    localrule: True
    run:
        Path(output.sheet).write_text(params.sheet)
        Path(output.config).write_text(yaml.safe_dump(params.config, sort_keys=False))


rule hybrid:
    input:
        config="results/hybrid/config.yaml",
        sheet="results/hybrid/samples.tsv",
        called=[f"results/call/{sample}.g.vcf.gz" for sample in CALLED],
        given=local(GIVEN),
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
