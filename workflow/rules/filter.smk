# Which of the callset's sites and alleles filters apply to: tables beside it, which export and report show.
if study.filter_options:

    rule filter:
        input:
            study.genotyped,
            local(study.filter_files),
        output:
            receipt="results/filter/filter.json",
        log:
            "results/logs/filter.log",
        conda:
            "../envs/genocloud.yaml"
        threads: 4
        resources:
            mem_mb=8000,  # MB
            runtime=1440,  # minutes
        params:
            **study.content(lambda wildcards: study.filter_files),
            callset=config["callset"],
            options=study.filter_options,
            scatter=options.scatter,
        shell:
            "genocloud filter {params.callset:q} {params.options} --scatter {params.scatter:q}"
            " --receipt {output.receipt} 2>&1 | tee {log} >&2"
