# From reads and gVCFs to one joint callset: the table of contents, in the order in which things flow.
#
#   reads --call--> gvcf --ingest--> cohort --discover--> sites --genotype--> genotypes --export--> callset --report--> page
#
# What to do is in config.yaml (workflow/schemas/config.schema.yaml says what may stand there); where and with how much,
# in profiles/. A rule runs one command of genocloud and keeps its receipt: receipts are the files that rules hang on.

if os.path.exists("config.yaml"):

    configfile: "config.yaml"


include: "workflow/rules/remote.smk"  # files with a URL: whether they have changed or gone
include: "workflow/rules/start.smk"  # config, sample sheet and files are checked before any job
include: "workflow/rules/call.smk"


if HYBRID:  # samples at several sites: one rule in the place of four

    include: "workflow/rules/hybrid.smk"


else:

    include: "workflow/rules/inputs.smk"
    include: "workflow/rules/ingest.smk"
    include: "workflow/rules/discover.smk"
    include: "workflow/rules/genotype.smk"


include: "workflow/rules/export.smk"
include: "workflow/rules/report.smk"


# Every receipt is asked for, not only the last files: a step that failed in an earlier run has none, and Snakemake would
# not miss it where what stands after it is still there.
rule all:
    default_target: True
    input:
        local(VCF_FILES),
        local(REPORT_FILES),
        expand("results/{step}/{step}.json", step=["export", "report"]),
        GENOTYPED,
        [] if HYBRID else expand("results/{step}/{step}.json", step=["inputs", "ingest"]),
        [] if HYBRID else [receipts_of(step) for step in STEPS_IN_PARTS],
        expand("results/call/{sample}.json", sample=CALLED),


onstart:
    hold_folder()


onsuccess:
    tell_summary()
