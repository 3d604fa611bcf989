"""gVCFs of random people as DeepVariant writes them, on three small contigs."""

from random import Random

import pysam

from genocloud.regions import Contig

CONTIGS = (Contig("chr1", 70), Contig("chr2", 40), Contig("chr3", 20))
BASES = {contig.name: "".join(Random(contig.name).choices("ACGT", k=contig.length)) for contig in CONTIGS}


def line(random, contig, place, kind, length):
    ref = BASES[contig][place : place + length]
    depth, columns = random.randint(0, 30), [contig, str(place + 1), "."]
    if kind == "block":
        gt = random.choice(("0/0", "0/0", "./."))
        keys, values = "GT:GQ:MIN_DP:PL", f"{gt}:{depth}:{depth}:0,{depth},{30 * depth}"
        return "\t".join([*columns, ref[0], "<*>", ".", ".", f"END={place + length}", keys, values])
    alt = random.choice([ref[0], ref[0] + "TT", *("ACGT".replace(ref, "") if length == 1 else "")])
    alt = alt if alt != ref else ref + "G"
    gt = random.choice(("0/1", "0/1", "1/1", "0/0", "./."))
    likelihoods = [random.randint(0, 60) for _ in range(6)]
    likelihoods[{"0/1": 1, "1/1": 2}.get(gt, 0)] = 0
    pl = ",".join(map(str, likelihoods))
    values = f"{gt}:{random.randint(0, 99)}:{depth}:{depth // 2},{depth - depth // 2},0:{pl}"
    return "\t".join([*columns, ref, f"{alt},<*>", str(random.randint(0, 60)), "PASS", ".", "GT:GQ:DP:AD:PL", values])


def records(random, contig):
    place = random.randint(0, 3)
    while place < contig.length:
        length = min(random.choice((1, 1, 2, 4, 9)), contig.length - place)
        yield line(random, contig.name, place, random.choice(("variant", "block")), length)
        place += length if random.random() < 0.8 else max(1, length - 1)


def people(folder, seed, names):
    random = Random(seed)
    (folder / "ref.fa").write_text("".join(f">{name}\n{bases}\n" for name, bases in BASES.items()))
    pysam.faidx(str(folder / "ref.fa"))
    head = "##fileformat=VCFv4.2\n##DeepVariant_version=1.6.0\n"
    head += "".join(f"##contig=<ID={contig.name},length={contig.length}>\n" for contig in CONTIGS)
    urls = []
    for name in names:
        title = "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", name])
        body = [each for contig in CONTIGS for each in records(random, contig)]
        (folder / f"{name}.g.vcf").write_text(head + "\n".join([title, *body]) + "\n")
        urls.append(str(folder / f"{name}.g.vcf"))
    return urls
