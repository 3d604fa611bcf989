"""What leaves a site whose data stay there: sums of declared columns; no name, file, genotype or likelihoods."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest

from genocloud import storage
from genocloud.cohort import open_cohort, read_variants
from genocloud.errors import GenocloudError, InputError
from genocloud.federation import messages
from genocloud.pipeline.hybrid import clients, location_tasks, locations
from genocloud.regions import Region
from genocloud.scatter.progress import Silent
from tests.support.hybrid_studies import Study, deepvariant_study, differences, run_study, small, write_study
from tests.support.hybrid_wire import Wire, check, messages_in, runs_let_out
from tests.support.site_policies import obeying

pytestmark = pytest.mark.slow

CONTIGS = {"many": small("many", 12), "spanning": small("spanning", 24), "ploidies": small("ploidies", 10)}
COORDINATOR = "bern"
SETTINGS = {"window_bp": 20_000, "batch_size": 1, "intervals": ["chr1:60,000-82,000", "chrX:10,000-20,000"]}
hybrid_step = import_module("genocloud.steps.hybrid")  # the package has the function of that name


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    groups = ["StandardAnnotation", "AS_StandardAnnotation"]
    counts = {"aarau": 4, "bern": 3, "chur": 3}
    return write_study(tmp_path_factory.mktemp("study"), counts, CONTIGS, window_bp=400, batch_size=2,
                       annotation_group=groups)  # fmt: skip


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch, study: Study) -> Wire:
    """Every site but the coordinator's is at the other end of it."""
    recorded, open_scatter = Wire(), locations.open_scatter
    monkeypatch.setattr(
        locations,
        "open_scatter",
        lambda choice: recorded.scatter(choice) if choice in study.people else open_scatter(choice),
    )
    return recorded


def run(study: Study, name: str, policy_name: str) -> None:
    others = {site: site for site in study.people if site != COORDINATOR}
    run_study(study, study.config(name, dict.fromkeys(study.people, policy_name), COORDINATOR, **others))


def secrets(study: Study, name: str, site: str) -> list[str]:
    """What the site's own files say of its people besides their names: fingerprints of gVCFs, and their paths."""
    store = storage.open_store(str(study.folder / name / site / "cohort"))
    receipts = [store.read(each).decode() for each in store.list("batches/") if each.endswith("receipt.json")]
    prints = {word for text in receipts for word in re.findall(r"[0-9a-f]{32,}|(?:crc32c|md5|sha256):[^\"]+", text)}
    assert prints
    return [*prints, *(f"{one}.g.vcf" for one in study.people[site])]


def checked(study: Study, wire: Wire, name: str, policy_name: str) -> None:
    for site in study.people:
        if site != COORDINATOR:
            known = secrets(study, name, site) if (study.folder / name / site / "cohort").exists() else []
            check(wire, site, policy_name, study.names, study.people[site], known)


def likelihoods(study: Study, name: str, site: str) -> set[tuple[int, ...]]:
    """The site's likelihood vectors, but for those that other numbers may look like."""
    source = open_cohort(str(study.folder / name / site / "cohort"))
    vectors: set[tuple[int, ...]] = set()
    for number, contig in enumerate(source.contigs):
        for batch in source.batches:
            rows = read_variants(source, batch, Region(number, 0, contig.length))
            vectors |= {tuple(pl) for pl in rows["pl"].to_pylist() if pl and len(pl) > 2 and max(pl) >= 100}
    return vectors


def test_only_sums_leave_a_site_whose_data_stay(study: Study, wire: Wire) -> None:
    run(study, "stays", "stays")
    checked(study, wire, "stays", "stays")
    for site in ("aarau", "chur"):
        vectors = likelihoods(study, "stays", site)
        assert len(vectors) > 20
        assert not runs_let_out(wire, site, vectors)


def test_of_deepvariants_gvcfs_maxima_leave_a_site_whose_data_stay(
    tmp_path: Path, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = deepvariant_study(tmp_path / "dv", {"aarau": 2, "bern": 2, "chur": 2}, SETTINGS)
    others = {site: site for site in study.people if site != COORDINATOR}
    config = study.config("stays", dict.fromkeys(study.people, "stays"), COORDINATOR, **others)
    run_study(study, config)
    checked(study, wire, "stays", "stays")
    kinds = {message.kind for frame in wire.frames if frame.outward for message in messages_in(frame.value)}
    assert "maxima" in kinds
    assert not kinds & {"starts", "answers", "summary"}
    for site in ("aarau", "chur"):
        vectors = likelihoods(study, "stays", site)
        assert len(vectors) > 20
        assert not runs_let_out(wire, site, vectors)
    assert not differences(study, "stays", config, study.at_one_site())
    monkeypatch.setitem(messages.KINDS, "maxima", replace(messages.KINDS["maxima"], least="may_leave"))
    again = study.config("refused", dict.fromkeys(study.people, "stays"), COORDINATOR, **others)
    with pytest.raises(GenocloudError, match="maxima"):
        run_study(study, again)


def test_for_gnomads_table_counts_of_groups_leave_and_nothing_with_a_name(study: Study, wire: Wire) -> None:
    labels = study.folder / "labels.tsv"
    labels.write_text("sample\tsex\n" + "".join(f"{name}\t{'FM'[n % 2]}\n" for n, name in enumerate(study.names)))
    others = {site: site for site in study.people if site != COORDINATOR}
    config = study.config("table", dict.fromkeys(study.people, "stays"), COORDINATOR, **others)
    for path in study.policy_folder.glob("*-table-*.yaml"):
        path.write_text(f"{path.read_text()}gnomad_table: true\nlabels: {labels}\n")
    out = study.folder / "gnomad.parquet"
    with obeying(study.policy_folder):
        hybrid_step.hybrid(config, progress=Silent(), gnomad_table=str(out))
    assert out.exists()
    for site in others:
        check(wire, site, "stays", study.names, study.people[site], secrets(study, "table", site), table=True)


def test_under_summaries_key_tables_leave_and_nothing_with_a_name(study: Study, wire: Wire) -> None:
    run(study, "summaries", "summaries")
    checked(study, wire, "summaries", "summaries")
    with pytest.raises(AssertionError, match="lets out summary"):
        checked(study, wire, "summaries", "stays")
    assert runs_let_out(wire, "aarau", likelihoods(study, "summaries", "aarau"))


def _let_summaries_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(messages.KINDS, "summary", replace(messages.KINDS["summary"], least="stays"))
    monkeypatch.setattr("genocloud.pipeline.hybrid.coordinator.STAYS", "no policy")


def _name_people(monkeypatch: pytest.MonkeyPatch) -> None:
    fill = hybrid_step.fill

    def telling(request: location_tasks.FillRequest) -> location_tasks.FillResult:
        filled = fill(request)
        store = storage.open_store(request.context.store)
        filled.figures["sheet"] = store.read(location_tasks.SHEET_NAME).decode()
        return filled

    monkeypatch.setattr(hybrid_step, "fill", telling)


def _send_more_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow as pa

    people_kind = messages.KINDS["people"]
    more = replace(people_kind, columns=people_kind.columns.append(pa.field("name", pa.string())))
    monkeypatch.setitem(messages.KINDS, "people", more)
    people = hybrid_step.people_table
    monkeypatch.setattr(
        hybrid_step,
        "people_table",
        lambda source, rows: people(source, rows).append_column("name", pa.array(list(source.samples))),
    )


MUTATIONS = [
    (_let_summaries_out, "lets out summary"),
    (_name_people, "'aarau[0-9a-f]{12}' crosses"),
    (_send_more_columns, "people has"),
]


@pytest.mark.parametrize(("mutate", "seen"), MUTATIONS)
def test_the_check_sees_more_than_is_allowed(
    study: Study, wire: Wire, monkeypatch: pytest.MonkeyPatch, mutate: Callable[[pytest.MonkeyPatch], None], seen: str
) -> None:
    mutate(monkeypatch)
    name = mutate.__name__
    try:
        run(study, name, "stays")
    finally:
        with pytest.raises(AssertionError, match=seen):
            checked(study, wire, name, "stays")


@pytest.fixture
def damaged(study: Study) -> Iterator[Path]:
    """A gVCF of aarau with a record that cannot be."""
    import gzip

    path = study.gvcf(study.people["aarau"][1])
    before = path.read_bytes()
    text = gzip.decompress(before).decode()
    path.write_bytes(
        gzip.compress(re.sub(r"(\nmany\t\d+\t[^\n]*:)[0-9,]+(\n)", r"\g<1>secretPL\2", text, count=1).encode())
    )
    yield path
    path.write_bytes(before)


def test_an_error_leaves_its_words_at_the_site(study: Study, wire: Wire, damaged: Path) -> None:
    with pytest.raises(Exception, match="keeps the reason there") as caught:
        run(study, "damaged", "stays")
    checked(study, wire, "damaged", "stays")
    assert "secretPL" not in str(caught.value)
    (kept,) = (study.folder / "damaged" / "aarau" / "errors").glob("*.txt")
    assert damaged.name in kept.read_text()


def test_the_check_sees_the_words_of_an_error(
    study: Study, wire: Wire, damaged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "run_under_policy", lambda requester, function, task: function(task))
    with pytest.raises(InputError, match="malformed"):
        run(study, "told", "stays")
    with pytest.raises(AssertionError, match="crosses"):
        checked(study, wire, "told", "stays")
