# Files with a URL. Snakemake sees neither their age nor whether they are there, so both are asked of the store: a URL
# that is read counts as changed by a parameter, and a URL that was written is vouched for by its step's receipt.

import hashlib
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from genocloud.pipeline.receipts import lost_outputs

STORES = (("ingest", "cohort"), ("genotype", "callset"))
ASKED_AT_ONCE = 32  # files: a bucket answers after some 30 ms, so that 10,000 take 10 s


def local(files):
    """Those files whose age Snakemake can see."""
    return [file for file in files if "://" not in file]


def remote(files):
    """All others."""
    return [file for file in files if "://" in file]


@cache
def modified(url):
    """When a file with a URL took its content, seconds since the epoch. Raises StoreError."""
    folder, name = stores.split(url)
    return stores.open_store(folder).modified(name)


def ages(files):
    """When files with a URL took their content, asked side by side. Raises StoreError."""
    with ThreadPoolExecutor(ASKED_AT_ONCE) as pool:
        return list(pool.map(modified, remote(files)))


def content_of(files):
    """What stands for the content of those files that have a URL: another text when one of them has changed."""
    return hashlib.sha256(repr([*zip(remote(files), ages(files))]).encode()).hexdigest()[:16]


def content(files):
    """This parameter for the files that `files(wildcards)` names; none where the run reads nothing that has a URL."""
    return {"content": lambda wildcards: content_of(files(wildcards))} if remote(READ) else {}


def drop_void_receipts():
    """Remove receipts of what has gone from a bucket or a store since, so that its step runs again; a dry run tells."""
    lost = {f"results/{step}/{step}.json": lost_store(step, config[store]) for step, store in STORES}
    for step, files in (("export", VCF_FILES), ("report", REPORT_FILES)):
        lost[f"results/{step}/{step}.json"] = lost_outputs(f"results/{step}/{step}.json", remote(files))
    for receipt, urls in lost.items():
        for url in urls:
            print(f"genocloud: {url} is not what {receipt} vouches for, and is made again", file=sys.stderr)
        if urls and not workflow.dryrun:
            Path(receipt).unlink()


def drop_other_parts():
    """Remove receipts of parts that this run does not have: the report would count their work twice."""
    for step in () if HYBRID or workflow.dryrun else STEPS_IN_PARTS:
        made = {GENOTYPED, *receipts_of(step)}
        for receipt in Path("results", step).glob("*.json"):
            if str(receipt) not in made:
                receipt.unlink()


def lost_store(step, url):
    """The store that a step's receipt speaks of, if it has no version."""
    told = Path(f"results/{step}/{step}.json").exists()
    return [url] if told and not stores.open_store(url).list("manifest/") else []
