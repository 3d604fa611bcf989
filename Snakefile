# From reads and gVCFs to one joint callset: the table of contents, in the order of the flow.
#
#   reads --call--> gvcf --ingest--> cohort --discover--> sites --genotype--> genotypes --filter, qc, export--> callset --report--> page
#
# config.yaml says what to do (its keys: workflow/schemas/config.schema.yaml), profiles/ where and with which resources.
# A rule runs one command of genocloud, whose receipt is the rule's output and the next rule's input.

if os.path.exists("config.yaml"):

    configfile: "config.yaml"


include: "workflow/rules/common.smk"  # config, sample sheet and files are checked before any job
include: "workflow/rules/call.smk"


if study.federation:  # samples at several sites: one rule in the place of four

    include: "workflow/rules/hybrid.smk"

else:

    include: "workflow/rules/inputs.smk"
    include: "workflow/rules/ingest.smk"

    if config["screen"]:

        include: "workflow/rules/screen.smk"
    include: "workflow/rules/discover.smk"
    include: "workflow/rules/genotype.smk"


include: "workflow/rules/filter.smk"


if config["qc"]:

    include: "workflow/rules/qc.smk"


include: "workflow/rules/export.smk"
include: "workflow/rules/report.smk"


# Every receipt is a target, not only the last files: a step that failed in an earlier run has none, and Snakemake would
# not run it again while the files of later steps exist.
rule all:
    default_target: True
    input:
        local(study.vcf_files),
        local(study.report_files),
        expand("results/{step}/{step}.json", step=["export", "report"]),
        [each.receipt for each in study.exports.values()],
        study.genotyped,
        study.filtered,
        study.checked_samples,
        [] if study.federation else expand("results/{step}/{step}.json", step=["inputs", "ingest"]),
        study.screened,
        [] if study.federation else [study.receipts(step) for step in STEPS_IN_PARTS],
        expand("results/call/{sample}.json", sample=study.called),


onstart:
    hold_folder()


onsuccess:
    write_summary(study)
