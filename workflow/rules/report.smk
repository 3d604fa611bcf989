# The run and its callset as one self-contained HTML page.


rule report:
    input:
        study.filtered,
        study.checked_samples,
        "results/export/export.json",
    output:
        local(study.report_files),
        receipt="results/report/report.json",
    log:
        "results/logs/report.log",
    conda:
        "../envs/genocloud.yaml"
    resources:
        mem_mb=4000,  # MB
        runtime=120,  # minutes
    params:
        callset=config["callset"],
        plan="--plan results/plan.json" if Path("results/plan.json").exists() else "",  # genocloud plan -o makes it
        checks=study.check_options,
        prices=study.price_options,
        page=lambda wildcards, output: config["report"] if remote(study.report_files) else output[0],
    shell:
        "genocloud report {params.callset:q} --receipts results {params.plan} {params.checks} {params.prices}"
        " -o {params.page:q} --receipt {output.receipt} 2>&1 | tee {log} >&2"
