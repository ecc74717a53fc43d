"""The printed agreement and manual: everything in them comes from the policy, in both languages, safe to open."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from connector.cli.main import main
from connector.domain.calendar import Calendar, Span
from connector.policy.documents.agreement import agreement
from connector.policy.documents.blocks import Bullets, Facts, Paragraph, Part, Printed, Signatures, Table
from connector.policy.documents.doings import Doings
from connector.policy.documents.manual import manual
from connector.policy.documents.render import as_html, as_markdown
from connector.policy.documents.speech import Speech
from connector.policy.loader import load_policy, load_policy_from
from connector.policy.model import Again, Event, EventKind, Policy
from connector.policy.source import read_folder
from tests.unit.policy.folders import MAPPINGS

TODAY = date(2026, 11, 20)
FILES = read_folder(MAPPINGS / "b2b-ja")
POLICY = load_policy_from(FILES)
LANGUAGES = ("ja", "en")
PRINTERS = {"sla": agreement, "manual": manual}
JAPANESE = re.compile(r"[぀-ヿ㐀-鿿]")


def changed(file: str, old: str, new: str) -> Policy:
    text = FILES[file].decode()
    assert text.count(old) == 1, (file, old)
    return load_policy_from({**FILES, file: text.replace(old, new).encode()})


def texts(document: Printed) -> list[str]:
    """Every text of a document."""
    found = [document.title, *(text for fact in document.facts for text in fact)]
    for part in document.parts:
        found += of_part(part)
    return found


def of_part(part: Part) -> list[str]:
    found = [part.title]
    for block in part.blocks:
        if isinstance(block, Paragraph):
            found.append(block.text)
        elif isinstance(block, Bullets):
            found += block.items
        elif isinstance(block, Table):
            found += [*block.heads, *(cell for row in block.rows for cell in row)]
        elif isinstance(block, Facts):
            found += [text for row in block.rows for text in row]
        elif isinstance(block, Signatures):
            found += [*block.parties, *block.lines]
    for below in part.parts:
        found += of_part(below)
    return found


def tables(document: Printed, title: str) -> list[Table]:
    """The tables of a part, or of a part below one."""
    parts = [one for part in document.parts for one in (part, *part.parts) if one.title == title]
    assert len(parts) == 1, (title, [part.title for part in document.parts])
    return [block for block in parts[0].blocks if isinstance(block, Table)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_promise_stands_in_the_agreement_with_its_limit_and_who_owes_it(language: str) -> None:
    speech, (table,) = (
        Speech(POLICY, language),
        tables(agreement(POLICY, language, TODAY), {"ja": "約束と期限", "en": "Promises and limits"}[language]),
    )
    assert len(table.rows) == len(POLICY.clocks)
    for row, clock in zip(table.rows, POLICY.clocks.values(), strict=True):
        assert row[1].startswith(speech.of(clock.label, clock.id))
        assert row[2] == speech.department(clock.owed_by)
        assert row[4] == speech.within(clock.limit)


def test_a_promise_reads_as_people_say_it() -> None:
    (table,) = tables(agreement(POLICY, "ja", TODAY), "約束と期限")
    assert table.rows[0][1:] == (
        "MQL発生から初回コンタクト(目標)\nMQLになった時から、「接触の試み」があった時まで",
        "インサイドセールス部",
        "マーケティング部",
        "営業時間で5分以内",
        "担当トラックがSDR(反響型)",
        "—",
    )
    (table,) = tables(agreement(POLICY, "en", TODAY), "Promises and limits")
    assert table.rows[1][1:] == (
        "From MQL to first contact (agreed)\nfrom when the lead enters MQL until “Attempt to reach” occurs",
        "Inside sales",
        "Marketing",
        "within 2 business days (closing time of the second working day after)",
        "—",
        "State of the work is waiting for the customer or BDR outbound is waiting for its turn",
    )
    assert "Mon–Fri 9:00–18:00 (Asia/Tokyo); closed: Japanese holidays" in "\n".join(
        texts(agreement(POLICY, "en", TODAY))
    )


def test_what_the_yaml_says_is_what_is_printed() -> None:
    policy = changed("sla.yaml", "limit: 5 business minutes", "limit: 10 business minutes")
    (table,) = tables(agreement(policy, "ja", TODAY), "約束と期限")
    assert table.rows[0][4] == "営業時間で10分以内"
    assert POLICY.hash[:12] in as_html(agreement(POLICY, "ja", TODAY))
    assert policy.hash[:12] in as_html(agreement(policy, "ja", TODAY))


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_department_finds_its_duties_and_signs(language: str) -> None:
    document, speech = agreement(POLICY, language, TODAY), Speech(POLICY, language)
    assert POLICY.agreement is not None
    duties = next(part for part in document.parts if part.title.startswith(("各部門", "Duties")))
    for party, below in zip(POLICY.agreement.parties, duties.parts, strict=False):
        said = "\n".join(of_part(below))
        assert below.title == speech.department(party)
        for duty in POLICY.agreement.duties[party]:
            assert duty[language] in said
        for clock in POLICY.clocks.values():
            if clock.owed_by == party:
                assert f"{speech.of(clock.label, clock.id)}: {speech.within(clock.limit)}" in said
    signatures = document.parts[-1].blocks[-1]
    assert isinstance(signatures, Signatures)
    assert signatures.parties == tuple(speech.department(party) for party in POLICY.agreement.parties)


def test_the_aims_follow_from_the_revenue_goal() -> None:
    (table,) = tables(agreement(POLICY, "ja", TODAY), "当事者と目標")
    assert [row[2].split("(")[0] for row in table.rows] == ["毎月200件", "毎月50件", "毎月10件"]


def test_every_warning_stands_in_the_agreement() -> None:
    (table,) = tables(agreement(POLICY, "ja", TODAY), "予告と、守れなかったとき")
    assert len(table.rows) == sum(len(clock.escalation) for clock in POLICY.clocks.values())
    assert (
        "MQL発生から初回コンタクト(合意)",
        "期限切れから営業時間で30分後",
        "「SDR」から手の空いている順に担当者を決める",
    ) in table.rows


def test_the_english_agreement_is_english_but_for_texts_that_people_get() -> None:
    for text in texts(agreement(POLICY, "en", TODAY)):
        assert not JAPANESE.search(re.sub(r"“[^”]*”", "", text)), text


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_manual_tells_every_rule_cadence_reason_and_field(language: str) -> None:
    speech, said = Speech(POLICY, language), set("\n".join(texts(manual(POLICY, language, TODAY))).split("\n"))
    for rule in POLICY.rules:
        assert speech.of(rule.label, rule.id) in said
        for line in Doings(speech).actions(rule.do):
            assert said.issuperset(line.split("\n"))
    for cadence in POLICY.cadences.values():
        assert cadence.label[language] in said
        for step in cadence.steps:
            assert speech.both(f"{step.day}日目", f"day {step.day}") in said
    for recall in POLICY.recalls:
        assert recall.label[language] in said
        for action in recall.again:
            assert Doings(speech).text(action.title) in said
    for script in POLICY.scripts:
        assert script.label[language] in said
        assert speech.joined(speech.name(name) for name in script.ask) in said
    for limit in POLICY.contact_limits:
        assert limit.label[language] in said
    assert POLICY.recycle is not None
    for reason in POLICY.recycle.reasons.values():
        assert reason.label[language] in said
        assert Doings(speech).again(reason.again) in said
    for definition in POLICY.computed:
        assert definition.label[language] in said
    for score in POLICY.scores.values():
        for score_rule in score.rules:
            assert f"{score_rule.points:+g}" in said


def test_a_condition_of_the_manual_is_the_conditions_own_words() -> None:
    (table,) = tables(manual(POLICY, "ja", TODAY), "段階")
    (row,) = [row for row in table.rows if row[0] == "SQL"]
    assert row == (
        "SQL",
        "フィールドセールス部",
        "SQL化(SALから): 課題・ニーズがわかっている、かつ導入時期がわかっている(「SQLの引き渡し条件」を満たすこと)",
    )


def test_what_a_person_fills_in_and_what_the_product_writes_are_apart() -> None:
    document = manual(POLICY, "ja", TODAY)
    (mine,), (products,) = tables(document, "人が書く項目"), tables(document, "製品が書く項目")
    people, product = {row[0] for row in mine.rows}, {row[0] for row in products.rows}
    assert {"課題・ニーズ", "差し戻し理由", "失注理由"} <= people
    assert product == {field.label["ja"] for field in POLICY.fields.values() if field.computed}
    assert not people & product


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", sorted(PRINTERS))
def test_a_document_needs_nothing_from_elsewhere_and_shows_texts_as_texts(name: str, language: str) -> None:
    policy = changed(
        "work.yaml", "label: {ja: 新しいMQLに電話, en: Call the new MQL}", "label: '<script>alert(1)</script>|*bold*'"
    )
    document = PRINTERS[name](policy, language, TODAY)
    html, markdown = as_html(document), as_markdown(document)
    assert html.startswith("<!doctype html>")
    assert f'<html lang="{language}">' in html
    assert not re.search(r"https?://|<script|<link|<img|@import|url\(", html)
    assert not re.search(r"(?<!\\)<(?!br>)", markdown)
    if name == "manual":
        assert "&lt;script&gt;alert(1)&lt;/script&gt;|*bold*" in html
        assert r"\<script\>alert(1)\</script\>\|\*bold\*" in markdown


@pytest.mark.parametrize("name", sorted(PRINTERS))
def test_every_table_row_of_the_markdown_has_the_cells_of_its_head(name: str) -> None:
    cells = 0
    for line in as_markdown(PRINTERS[name](POLICY, "ja", TODAY)).splitlines():
        found = len(re.findall(r"(?<!\\)\|", line))
        assert not (cells and found) or found == cells, line
        cells = found


def test_a_policy_of_two_files_has_a_manual_of_what_it_has() -> None:
    titles = [part.title for part in manual(load_policy(MAPPINGS / "small-team"), "ja", TODAY).parts]
    assert titles == ["自動で決まる評価と区分", "項目: 人が書くもの、製品が書くもの"]


@pytest.mark.parametrize(
    ("event", "ja", "en"),
    [
        (Event(kind=EventKind.ENTERS, name="deal.lost"), "商談が失注になった時", "the deal enters Lost"),
        (Event(kind=EventKind.LEAVES, name="sal"), "SALを出た時", "the lead leaves SAL"),
        (
            Event(kind=EventKind.MOVES, name="upsell"),
            "「既存顧客の追加案件」で移った時",
            "“Customer wants more” moves it",
        ),
        (Event(kind=EventKind.CHANGES, name="job_title"), "役職が変わった時", "Job title changes"),
        (
            Event(kind=EventKind.REACHES, name="deal.meeting_at", early=timedelta(days=1)),
            "初回商談日時の1日前",
            "1 day before Time of the first meeting",
        ),
        (
            Event(kind=EventKind.BREACHES, name="fs_answers"),
            "「FSの受け入れ判断」の期限切れの時",
            "“Decision of field sales” is overdue",
        ),
        (Event(kind=EventKind.DONE, name="mql_call"), "「新しいMQLに電話」が終わった時", "“Call the new MQL” is done"),
    ],
)
def test_events_in_words(event: Event, ja: str, en: str) -> None:
    assert Doings(Speech(POLICY, "ja")).event(event) == ja
    assert Doings(Speech(POLICY, "en")).event(event) == en


def test_lengths_rhythms_and_hours_in_words() -> None:
    ja, en = Speech(POLICY, "ja"), Speech(POLICY, "en")
    assert (ja.within(Span.parse("0 business days")), en.within(Span.parse("0 business days"))) == (
        "当日中(終業まで)",
        "the same working day (until closing time)",
    )
    assert [en.every(Span.parse(text)) for text in ("1d", "1w", "1mo", "3mo", "2w")] == [
        "daily",
        "weekly",
        "monthly",
        "quarterly",
        "every 2 weeks",
    ]
    office = Calendar.build(
        id="o",
        zone="Asia/Tokyo",
        hours={"mon": ["9:00-12:00", "13:00-18:00"], "tue": "0:00-24:00"},
        closed=["2026-08-14"],
    )
    assert ja.hours(office) == "月 9:00–12:00, 13:00–18:00、火 0:00–24:00(Asia/Tokyo)、休み: 2026-08-14"
    assert en.hours(office) == "Mon 9:00–12:00, 13:00–18:00, Tue 0:00–24:00 (Asia/Tokyo); closed: 2026-08-14"
    assert Doings(en).again(
        Again(after=None, on=Event(kind=EventKind.REACHES, name="next_fiscal_year"), at_latest=None)
    ) == ("the next fiscal year is reached")


def test_the_command_prints_a_folder(tmp_path: Path) -> None:
    run = CliRunner().invoke
    printed = run(main, ["print", "sla", "--policy", str(MAPPINGS / "b2b-ja"), "--format", "markdown"])
    assert printed.exit_code == 0
    assert printed.stdout.startswith("# 部門間SLA合意書\n")
    out = tmp_path / "manual.html"
    written = run(
        main, ["print", "manual", "--policy", str(MAPPINGS / "b2b-ja"), "--language", "en", "--out", str(out)]
    )
    assert (written.exit_code, written.stdout) == (0, f"{out}\n")
    assert "<h1>Operating manual</h1>" in out.read_text(encoding="utf-8")
    nothing = run(main, ["print", "sla", "--policy", str(MAPPINGS / "small-team")])
    assert nothing.exit_code == 3
    assert "sla.yaml" in nothing.stderr
