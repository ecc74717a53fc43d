"""What a policy means once it is loaded, and that nothing can break the loader."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.domain.calendar import Span
from connector.domain.normalise import TIDIES
from connector.policy.build.fields import TIDY_WORDS
from connector.policy.document import DocumentFault, read
from connector.policy.loader import check, check_files, load_policy, load_policy_from
from connector.policy.model import EventKind, FieldType, Policy, TaskAction
from connector.policy.source import FILES, FolderError, read_folder
from tests.unit.policy.folders import FIELDS, LIFECYCLE, MAPPINGS, SAMPLES, SCORING, SMALL, checked, shipped
from tests.unit.policy.views import FakeView


@pytest.fixture(scope="module")
def b2b() -> Policy:
    return load_policy(MAPPINGS / "b2b-ja")


@pytest.mark.parametrize("name", ["b2b-ja", "small-team"])
def test_shipped_policies_load(name: str) -> None:
    policy, problems = check(MAPPINGS / name)
    assert policy is not None
    assert [problem.reason for problem in problems if problem.reason != "cannot_unenrol"] == []


@pytest.mark.parametrize("name", ["b2b-ja", "small-team"])
def test_the_paper_samples_load(name: str) -> None:
    if not SAMPLES.is_dir():
        pytest.skip("the paper sample does not stand beside this project")
    assert load_policy(SAMPLES / name).hash


@pytest.mark.parametrize("name", ["b2b-ja", "small-team"])
def test_the_shipped_policies_hold_all_of_the_paper_samples(name: str) -> None:
    """A shipped policy may grow beyond the sample but loses nothing of it."""
    if not SAMPLES.is_dir():
        pytest.skip("the paper sample does not stand beside this project")
    paper, ours = load_policy(SAMPLES / name), load_policy(MAPPINGS / name)
    for part in ("fields", "signals", "scores", "stages"):
        assert set(getattr(paper, part)) <= set(getattr(ours, part))
    for part in ("transitions", "rules", "never"):
        assert {rule.id for rule in getattr(paper, part)} <= {rule.id for rule in getattr(ours, part)}


def test_an_inquiry_makes_an_mql_with_a_call(b2b: Policy) -> None:
    act = next(transition for transition in b2b.transitions if transition.id == "to_mql_act")
    assert (act.sources, act.target, act.when.names) == (("lead",), "mql", {"signal.inquiry"})
    call = next(rule for rule in b2b.rules if rule.id == "mql_call")
    assert [(event.kind, event.name) for event in call.on] == [(EventKind.ENTERS, "mql")]
    task = call.do[0]
    assert isinstance(task, TaskAction)
    assert (task.kind, task.to, task.priority, task.due) == ("call", "owner", "high", Span.parse("5 business minutes"))
    assert task.title.names == ("company_name", "last_name")
    assert task.slot == "task"


@pytest.mark.parametrize(
    ("title", "executive"),
    [
        ("代表取締役", True),
        ("取締役CTO", True),
        ("VP, Sales", True),
        ("ｃｅｏ", False),
        ("Sales Director", False),
        ("Coordinator", False),
    ],
)
def test_an_abbreviation_within_a_word_makes_no_executive(b2b: Policy, title: str, executive: bool) -> None:
    """Full width is tidied before scoring (`tidy: width`), so the pattern need not know it."""
    assert b2b.fields["job_title"].tidy == "width"
    when = next(rule.when for rule in b2b.scores["fit"].rules if rule.id == "title_executive")
    assert when is not None
    assert when.test(FakeView(values={"job_title": title})) is executive


def test_ratings_are_computed_fields_after_what_they_read(b2b: Policy) -> None:
    order = list(b2b.order)
    assert order.index("track") < order.index("band")
    assert order.index("score.total") < order.index("band") < order.index("score.priority") < order.index("priority")
    names = [definition.name for definition in b2b.computed]
    assert set(names) == {"channel", "track", "account", "phase", "interests", "band", "grade"}
    assert names.index("channel") < names.index("track") < names.index("band")
    assert b2b.fields["band"].type is FieldType.CHOICE
    assert b2b.fields["band"].homes[0].name == "tasuki_band"


def test_values_of_the_sample_arrive(b2b: Policy) -> None:
    assert (b2b.check_every, b2b.hold_edits, b2b.fresh_for) == (
        timedelta(minutes=15),
        timedelta(days=7),
        timedelta(hours=24),
    )
    assert b2b.total == ("fit", "behaviour", "rep_view")
    assert b2b.scores["behaviour"].decay is not None
    assert b2b.scores["behaviour"].decay.half_life == timedelta(days=30)
    assert (b2b.scores["fit"].floor, b2b.scores["fit"].cap) == (0.0, 50.0)
    industry = b2b.fields["industry"].homes[0]
    assert industry.values["software"] == "COMPUTER_SOFTWARE"
    assert industry.read_also["INTERNET"] == "software"
    assert b2b.fields["industry"].wins == "salesforce"
    assert b2b.fields["source"].keep_first
    assert set(b2b.fields["recycle_reason"].choices) >= {"timing", "price", "no_reply"}
    assert "competitor_company" not in b2b.fields["recycle_reason"].choices
    assert set(b2b.answers) >= {"rep_decision", "deal.fs_decision"}
    assert b2b.recycle is not None
    price = b2b.recycle.reasons["price"].again
    assert price is not None
    assert price.on is not None
    assert (price.on.kind, price.on.name, price.at_latest) == (
        EventKind.SIGNAL,
        "new_price_plan",
        timedelta(days=365),
    )


def test_where_the_stage_is_stored(b2b: Policy) -> None:
    first, second, third, _ = b2b.stored_as
    assert first.create == {"sal": "SAL", "recycled": "リサイクル"}
    assert first.values["mql"] == "marketingqualifiedlead"
    assert (first.read_back, second.read_back) == (True, False)
    assert third.labels
    assert [home.object_type for home in third.homes] == ["Lead", "Contact"]


def test_a_reason_may_be_a_field(b2b: Policy) -> None:
    reasons = {rule.id: (rule.reason, rule.reason_field) for rule in b2b.transitions}
    assert reasons["drop_competitor"] == ("competitor_company", None)
    assert reasons["lost"] == (None, "deal.lost_reason")


def test_what_is_not_run_yet_is_listed(b2b: Policy) -> None:
    assert "kpi.yaml" in b2b.later
    assert load_policy(MAPPINGS / "small-team").later == ()


def test_two_short_files_make_a_policy() -> None:
    policy, problems = checked(SMALL)
    assert policy is not None, problems
    assert (policy.name, policy.language, policy.zone.key, policy.currency) == ("policy", "ja", "Asia/Tokyo", "JPY")
    assert (policy.stages, policy.transitions, policy.recycle) == ({}, (), None)
    assert policy.total == ("fit",)


def test_the_hash_names_the_content_lists_included() -> None:
    files = {path: text.encode() for path, text in shipped("b2b-ja").items()}
    policy = load_policy_from(files)
    assert policy.hash == load_policy(MAPPINGS / "b2b-ja").hash
    assert policy.hash == load_policy_from({**files, "README.md": b"x", "lists/unused.csv": b"a\n1\n"}).hash
    for path in ("work.yaml", "lists/competitors.csv"):
        assert load_policy_from({**files, path: files[path] + b"\n"}).hash != policy.hash


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
def test_lists_are_read_in_either_encoding(encoding: str) -> None:
    rows = "会社名,ドメイン\n競合,rival.example\n髙島,\n重複,rival.example\n".replace("髙", "高")
    lists = "lists: {rivals: {file: lists/r.csv, column: ドメイン}}\n"
    rule = "when: {email: {domain_in: rivals}}"
    files = {path: text.encode() for path, text in SMALL.items()} | {
        "policy.yaml": lists.encode(),
        "scoring.yaml": SCORING.replace("when: {employees: {at_least: 100}}", rule).encode(),
        "lists/r.csv": rows.encode(encoding),
    }
    policy = load_policy_from(files)
    when = policy.scores["fit"].rules[0].when
    assert when is not None
    assert when.describe("en") == "the domain of メール is one of rivals"


@pytest.mark.parametrize(
    ("spec", "content", "reason"),
    [
        ("file: lists/none.csv", b"", "unknown_reference"),
        ("file: ../../etc/passwd", b"", "list_outside"),
        ("file: /etc/passwd", b"", "list_outside"),
        ("file: lists/r.csv, column: ドメイン", b"domain\nx\n", "unknown_column"),
        ("file: lists/r.csv", b"\x81\x20", "list_encoding"),
        ("values: [a], file: lists/r.csv", b"", "list_source"),
    ],
)
def test_broken_lists(spec: str, content: bytes, reason: str) -> None:
    files = {path: text.encode() for path, text in SMALL.items()}
    files |= {"policy.yaml": f"lists: {{rivals: {{{spec}}}}}\n".encode(), "lists/r.csv": content}
    assert [problem.reason for problem in check_files(files)[1]] == [reason]


def test_a_folder_that_is_none_and_one_with_links(tmp_path: Path) -> None:
    with pytest.raises(FolderError):
        read_folder(tmp_path / "nowhere")
    (tmp_path / "outside.yaml").write_text("secret")
    folder = tmp_path / "policy"
    folder.mkdir()
    (folder / "fields.yaml").symlink_to(tmp_path / "outside.yaml")
    assert read_folder(folder) == {}


def test_the_ways_to_tidy_are_those_of_the_domain() -> None:
    assert set(TIDY_WORDS) == set(TIDIES)


def test_long_chains_are_no_trouble() -> None:
    """Neither a chain of computed fields nor one of unions grows the stack."""
    count = 1500
    rules = "".join(
        f"  f{index}: {{type: choice, choices: [a], rules: [{{id: r{index}, when: {{f{index + 1}: a}}, value: a}}]}}\n"
        for index in range(count)
    )
    fields = f"{FIELDS}".replace("company:", f"{rules}  f{count}: {{type: choice, choices: [a]}}\ncompany:")
    unions = "".join(f"  u{index}: {{of: [u{index + 1}]}}\n" for index in range(count))
    scoring = SCORING.replace("signals:\n", f"signals:\n{unions}  u{count}: {{announced: true}}\n")
    policy, problems = checked({"fields.yaml": fields, "scoring.yaml": scoring})
    assert policy is not None, problems[:3]
    assert policy.order.index(f"f{count - 1}") < policy.order.index("f0")


@settings(max_examples=100)
@given(
    content=st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
)
def test_any_bytes_are_a_document_or_a_fault(content: bytes) -> None:
    with suppress(DocumentFault):
        assert read("any.yaml", content).file == "any.yaml"


@pytest.mark.parametrize("escape", [r"\ud800", r"\0", r"\x1b", r"\b"])
def test_what_cannot_be_stored_is_refused(escape: str) -> None:
    _, problems = checked({**SMALL, "policy.yaml": f'label: "a{escape}"\n"{escape}": 1\n'})
    assert [(problem.line, problem.reason) for problem in problems] == [(1, "unprintable"), (2, "bad_key")]
    assert all(problem.text().encode() for problem in problems)


yamlish = st.text(alphabet="{}[]:,-&*!|>'\"%@`#?ab1 \n\t~", max_size=120)


@settings(max_examples=60)
@given(file=st.sampled_from(FILES), content=yamlish)
def test_yaml_like_noise_gives_problems_never_a_traceback(file: str, content: str) -> None:
    files = {**SMALL, "lifecycle.yaml": LIFECYCLE, file: content}
    policy, problems = checked(files)
    assert (policy is None) is any(not problem.warning for problem in problems)


SHIPPED = shipped("b2b-ja")
PIECES = st.sampled_from(
    ["", "~", "x", "[]", "{}", "[x]", "{x: y}", "-1", "1e999", "known", "{at_least: 1}", "2 business days", "[[[]]]",
     "{id: x}", "owner", "score.total", "no", "{known: yes}", "'{'", "2026-11-20"]
)  # fmt: skip


@settings(max_examples=20)
@given(data=st.data())
def test_a_shipped_policy_with_any_value_replaced_never_breaks_the_loader(data: Any) -> None:
    """Replace one value of a flow mapping, or cut a line away, somewhere in a real policy."""
    file = data.draw(st.sampled_from([path for path in SHIPPED if path.endswith(".yaml")]))
    lines = SHIPPED[file].splitlines()
    index = data.draw(st.integers(0, len(lines) - 1))
    head, colon, _ = lines[index].partition(data.draw(st.sampled_from([": ", "{", "["])))
    lines[index] = data.draw(st.sampled_from(["", head + colon + data.draw(PIECES)]))
    policy, problems = checked({**SHIPPED, file: "\n".join(lines)})
    assert (policy is None) is any(not problem.warning for problem in problems)
