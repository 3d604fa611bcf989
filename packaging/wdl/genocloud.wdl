version 1.1

# Joint genotyping by genocloud: at once (joint), or into a cohort that grows by N+1 (add_to_cohort).

task joint {
  meta { description: "gVCFs to one jointly genotyped VCF" }
  parameter_meta {
    gvcfs: "one for each person"
    reference: "FASTA"
    reference_index: "its .fai"
    intervals: "chr1:1-2000, chr1, ...; everywhere if there are none"
  }
  input {
    Array[File]+ gvcfs
    Array[File]? gvcf_indexes
    File reference
    File reference_index
    Array[String] intervals = []
    Int cpu = 8
    Int memory_gb = 32
    Int disk_gb = 200
    String container = "genocloud:0.1.0"
  }
  command <<<
    set -euo pipefail
    ln -s "~{reference}" reference.fa
    ln -s "~{reference_index}" reference.fa.fai
    genocloud joint --quiet "~{sep('" "', gvcfs)}" -R reference.fa ~{if length(intervals) > 0 then "-L " + sep(" ", intervals) else ""} \
      --threads ~{cpu} --memory ~{memory_gb * 8 / 10}GB --receipt joint.json -o joint.vcf.gz
  >>>
  output {
    File vcf = "joint.vcf.gz"
    File vcf_index = "joint.vcf.gz.tbi"
    File receipt = "joint.json"
  }
  runtime {
    container: container
    cpu: cpu
    memory: "~{memory_gb} GB"
    disks: disk_gb
  }
}

task add_to_cohort {
  meta { description: "More people into a cohort, and everybody genotyped: ingest, discover, genotype, export" }
  parameter_meta {
    cohort: "URL (gs://, s3://, az://) or a path that every task sees; made if there is none"
    callset: "URL or path, as the cohort; what it holds is reused"
  }
  input {
    Array[File]+ gvcfs
    Array[File]? gvcf_indexes
    File reference
    File reference_index
    String cohort
    String callset
    Int cpu = 8
    Int memory_gb = 32
    Int disk_gb = 200
    String container = "genocloud:0.1.0"
  }
  command <<<
    set -euo pipefail
    ln -s "~{reference}" reference.fa
    ln -s "~{reference_index}" reference.fa.fai
    genocloud ingest --quiet "~{cohort}" "~{sep('" "', gvcfs)}" -R reference.fa --scatter processes:~{cpu} --receipt ingest.json
    genocloud discover --quiet "~{cohort}" --scatter processes:~{cpu} --receipt discover.json
    genocloud genotype --quiet "~{cohort}" "~{callset}" --scatter processes:~{cpu} --receipt genotype.json
    genocloud export --quiet "~{callset}" cohort.vcf.gz --receipt export.json
  >>>
  output {
    File vcf = "cohort.vcf.gz"
    File vcf_index = "cohort.vcf.gz.tbi"
    Array[File] receipts = ["ingest.json", "discover.json", "genotype.json", "export.json"]
  }
  runtime {
    container: container
    cpu: cpu
    memory: "~{memory_gb} GB"
    disks: disk_gb
  }
}
