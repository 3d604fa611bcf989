# What was done and what came of it, as one self-contained page.


rule report:
    input:
        GENOTYPED,
        "results/export/export.json",
    output:
        local(REPORT_FILES),
        receipt="results/report/report.json",
    params:
        callset=config["callset"],
        plan="--plan results/plan.json" if Path("results/plan.json").exists() else "",  # genocloud plan -o makes it
        page=lambda wildcards, output: config["report"] if remote(REPORT_FILES) else output[0],
    log:
        "results/logs/report.log",
    conda:
        "../envs/genocloud.yaml"
    resources:
        mem_mb=4000,  # MB
        runtime=120,  # minutes
    shell:
        "genocloud report {params.callset:q} --receipts results {params.plan} -o {params.page:q}"
        " --receipt {output.receipt} 2>&1 | tee {log} >&2"
