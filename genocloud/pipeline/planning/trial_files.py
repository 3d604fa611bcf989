"""Write a synthetic cohort as files: gVCFs with their indexes, a sample map, a reference."""

from pathlib import Path

import numpy as np

from genocloud.callset import bgzf
from genocloud.callset.vcf_index import ContigIndex, VcfIndex, index_depth
from genocloud.costs.synthetic import CONTIG, SyntheticCohort
from genocloud.regions import Contig

SEED = 20261122


def write_synthetic(synthetic: SyntheticCohort, place: Path) -> int:
    """Write the cohort's files; bytes of the gVCFs."""
    (place / "reference.fa").write_bytes(synthetic.reference())
    (place / "reference.fa.fai").write_text(synthetic.index())
    total, rows = 0, []
    contig = Contig(CONTIG, synthetic.length)
    for person in synthetic.gvcfs(np.random.default_rng(SEED)):
        file = place / f"{person.name}.g.vcf.gz"
        blocks = bgzf.compress(person.text)
        total += file.write_bytes(blocks.data + bgzf.END)
        records = ContigIndex(index_depth([contig]))
        records.add(person.begins, person.ends, bgzf.virtual(blocks, person.places))
        index = VcfIndex([contig])
        index.follow(CONTIG, records, 0)
        file.with_name(f"{file.name}.tbi").write_bytes(index.encode())
        rows.append(f"{person.name}\t{file}\n")
    (place / "samples.map").write_text("".join(rows))
    return total
