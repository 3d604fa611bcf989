"""Rates for plans that are simple to reckon with."""

from genocloud.costs.rates import Rates

STEPS = {"ingest": "record", "discover": "observation", "estimate": "cell", "estimate kept": "cell", "call": "cell"}
STEPS |= {"screen": "record", "filter": "site", "filter genotypes": "cell", "qc": "cell"}

STARTS = {"run": 3.0, "job": 0.25, "command": 0.5, "cluster": 2.0}

COSTS = {f"seconds {step}": {thing: 1e-6} for step, thing in (STEPS | {"render": "cell", "export": "cell"}).items()}
COSTS |= {f"memory {step}": {"one": 1e8} for step in (*STEPS, "render", "export")} | {"seconds start": STARTS}
COSTS |= {f"bytes {what}": {"cell": 1.0} for what in ("callset", "VCF", "derived")}
COSTS |= {"bytes cohort": {"gvcf_byte": 0.4}}

RATES = Rates(measured="2026-01-01", machine="a machine", cores=2, version="0", costs=COSTS)
