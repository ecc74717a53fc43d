"""What a Japanese keyboard and a spreadsheet bring into a policy: pointed at, with what to write, in both languages."""

# ruff: noqa: E501  (a table of slips, one a line, of full-width signs)
from __future__ import annotations

import pytest

from connector.policy.loader import check_files
from connector.texts import shown
from tests.unit.policy.folders import LIFECYCLE, SMALL

POLICY = """\
policy: small
calendars:
  office:
    hours: {mon: 9:00-18:00, tue: 9:00-18:00}
    closed: [12-29]
    holidays: JP
"""
SLA = "clocks:\n  - {id: first, starts: {enters: mql}, stops: {leaves: mql}, limit: 2 business days}\n"
WORK = """\
rules:
  - id: call
    on: {enters: mql}
    do: [{task: {kind: call, to: owner, due: 1h, title: "{last_name}様に電話"}}]
"""
FILES = {**SMALL, "work.yaml": WORK, "lifecycle.yaml": LIFECYCLE, "policy.yaml": POLICY, "sla.yaml": SLA}

# file, text, what was written instead, line, what stands at the column, what is said in English and in Japanese
SLIPS = [
    ("policy.yaml", "policy: small", "policy：small", 1, "：", "`：` is full width", "「：」が全角です"),
    ("scoring.yaml", "    choices: {hot", "    choices：{hot", 9, "：", "`：` is full width", "「：」が全角です"),
    ("lifecycle.yaml", "stages:\n", "stages：\n", 1, "：", "`：` is full width", "「：」が全角です"),
    ("policy.yaml", "    hours:", "　　hours:", 4, "　", "`　` is full width", "全角です"),
    ("fields.yaml", "last_name: {label: 姓,", "last_name: ｛label: 姓,", 2, "｛", "`｛` is full width", "全角です"),
    ("fields.yaml", "label: 姓, type", "label: 姓、type", 2, ": text", "a comma, a closing bracket", "カンマ"),
    ("fields.yaml", "label: メール", "label: @メール", 3, "@", "begins with `@` goes in quotes", "「@」で始まる値は引用符"),
    ("fields.yaml", "label: メール", "label: *メール", 3, "*", "begins with `*` goes in quotes", "「*」で始まる値は引用符"),
    ("policy.yaml", "policy: small", "policy: small: one", 1, ": one", "put a text that holds `: ` in quotes", "引用符で囲んで"),
    ("lifecycle.yaml", "  mql: {label: MQL}", "   mql: {label: MQL}", 3, "mql", "indented like none", "字下げが"),
    ("lifecycle.yaml", "  - {id: to_mql, from", "  to_sql: {}\n  - {id: to_mql, from", 6, "- {id", "cannot stand side by side", "並べられません"),
    ("scoring.yaml", "points: 15", "points: １５", 6, "points", "(in half width: `15`)", "(半角では「15」)"),
    ("scoring.yaml", "points: 15", "points: −15", 6, "points", "(in half width: `-15`)", "(半角では「-15」)"),
    ("sla.yaml", "limit: 2 business", "limit: ２ business", 2, "limit", "(in half width: `2 business days`)", "(半角では"),
    ("work.yaml", '"{last_name}', '"｛last_name｝', 4, "title", "are full width; write them in half", "かっこが全角です"),
    ("work.yaml", '"{last_name}', '"｛last_name}', 4, "title", "are full width; write them in half", "かっこが全角です"),
    ("lifecycle.yaml", "to: mql", "to: MQL", 5, "to", "there is no stage `MQL`", "ステージ「MQL」はありません"),
    ("policy.yaml", "tue: 9:00-18:00", "tue: 9:00", 4, "tue", "write 9:00-18:00", "9:00-18:00か"),
    ("policy.yaml", "closed: [12-29]", "closed: [12/29]", 5, "12/29", "write 12-29", "12-29(毎年)"),
    ("policy.yaml", "holidays: JP", "holidays: 日本", 6, "holidays", "write a country such as JP", "JPのような国"),
    ("policy.yaml", "policy: small", "policy: 方針", 1, "policy", "a name of small letters", "英小文字"),
    ("scoring.yaml", "points: 15", "signal: inquiry, points: 15, up_to: {times: 0}", 6, "times", "from 1 to 10,000", "1から10,000まで"),
    ("policy.yaml", "policy: small", "policy: small\npolicy: two", 2, "policy", "stands here twice", "2つあります"),
    ("policy.yaml", "    hours:", "\thours:", 4, "\t", "a tab stands here: write spaces", "タブがあります"),
    ("policy.yaml", "policy: small", "policy:small", 1, ":small", "put an ordinary space behind `:`", "半角の空白を入れて"),
    ("policy.yaml", "policy: small", "policy:\u00a0small", 1, ":\u00a0small", "put an ordinary space behind `:`", "半角の空白を入れて"),
    ("scoring.yaml", "      - {id: large", "      -{id: large", 6, "-{id", "put an ordinary space behind `-`", "「-」の後ろに"),
    ("scoring.yaml", "points: 15}", "points:15}", 6, "points:15", "(put a space behind the colon)", "コロンの後ろ"),
    ("fields.yaml", "type: money", "type： money", 8, "type：", "(`：` is full width", "「：」が全角です"),
    ("scoring.yaml", "points: 15}", "points: 15}}", 6, "}", "a closing bracket too many", "閉じかっこが1つ多い"),
    ("work.yaml", 'title: "{last_name}', "title: “{last_name}", 4, "“", "no quote of YAML", "引用符ではありません"),
    ("scoring.yaml", "  fit:\n", "  fit:\n    <<: *base\n", 5, "<<", "a merge) is not used", "マージ)は使いません"),
    ("sla.yaml", "2 business days", "2営業日", 2, "limit", "(write `2 business days`)", "(`2 business days`と書きます)"),
    ("sla.yaml", "2 business days", "1 year", 2, "limit", "(write `12mo`)", "(`12mo`と書きます)"),
    ("scoring.yaml", "points: 15", "points: +15点", 6, "points", "(write `15`)", "(`15`と書きます)"),
    ("scoring.yaml", "{at_least: 100}", '">= 1,000"', 6, "employees", "(write `{at_least: 1000}`)", "(`{at_least: 1000}`と書きます)"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "line", "at", "english", "japanese"), SLIPS)
def test_a_slip_is_pointed_at_and_its_mend_is_told(
    file: str, old: str, new: str, line: int, at: str, english: str, japanese: str
) -> None:
    files = {path: text.encode() for path, text in FILES.items()}
    assert check_files(files)[1] == []
    assert FILES[file].count(old) == 1
    text = FILES[file].replace(old, new)
    problems = [one for one in check_files({**files, file: text.encode()})[1] if not one.warning]
    assert len(problems) == 1, [one.text() for one in problems]
    found = problems[0]
    assert (found.file, found.line) == (file, line)
    assert text.splitlines()[line - 1][found.column - 1 :].startswith(at)
    assert english in found.message
    assert japanese in shown(found.message, "ja")


def test_full_width_signs_within_texts_are_at_home() -> None:
    """A text of paragraphs and a label hold them; a slip in the next line is told as what it is."""
    label = "label: 件名、［重要］ ：電話\n  other: {label: {}"
    files = {path: text.encode() for path, text in FILES.items()}
    files["fields.yaml"] = ("lead:\n  last_name:\n    type: text\n    " + label).encode()
    problem = next(one for one in check_files(files)[1] if one.file == "fields.yaml")
    assert "full width" not in problem.message


def test_a_word_is_found_whatever_its_case_and_no_file_is_guessed_by_its_ending() -> None:
    files = {path: text.encode() for path, text in FILES.items()}
    files["lifecycle.yaml"] = LIFECYCLE.replace("to: mql", "to: MQL").encode()
    assert [one.nearest for one in check_files(files)[1] if one.reason == "unknown_reference"] == ["mql"]
    for name, nearest in (("項目.yaml", None), ("sla.yml", "sla.yaml"), ("JST.yaml", None)):
        strange = {path: text.encode() for path, text in FILES.items() if path != nearest} | {name: b""}
        assert [one.nearest for one in check_files(strange)[1] if one.reason == "unknown_file"] == [nearest]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the list is empty"),
        ("A社\n".encode("cp932"), "its first row, which names the columns"),
        ("会社名\nA社\n".encode("utf-16"), "save it as CSV in UTF-8"),
    ],
)
def test_a_list_that_a_spreadsheet_saved_in_another_way(content: bytes, said: str) -> None:
    files = {path: text.encode() for path, text in FILES.items()}
    files |= {"policy.yaml": (POLICY + "lists:\n  rivals: {file: r.csv}\n").encode(), "r.csv": content}
    (problem,) = check_files(files)[1]
    assert said in problem.message
    assert problem.line == 8


# file, text, the label that was written for the id, what was meant
LABELS = [
    ("lifecycle.yaml", "to: mql", "to: ＭＱＬ", "mql"),
    ("lifecycle.yaml", "from: [lead]", "from: [リード]", "lead"),
    ("work.yaml", "{enters: mql}", "{enters: リード}", "lead"),
    ("scoring.yaml", "value: hot", "value: ホット", "hot"),
    ("scoring.yaml", "when: {employees", "when: {従業員数", "employees"),
    ("scoring.yaml", "at_least: 100", "以上: 100", "at_least"),
    ("work.yaml", "{last_name}様", "{姓}様", "last_name"),
]


@pytest.mark.parametrize(("file", "old", "new", "meant"), LABELS)
def test_a_label_where_the_id_belongs_finds_the_id(file: str, old: str, new: str, meant: str) -> None:
    assert FILES[file].count(old) == 1
    files = {path: text.encode() for path, text in {**FILES, file: FILES[file].replace(old, new)}.items()}
    errors = [one for one in check_files(files)[1] if not one.warning]
    assert [one.nearest for one in errors] == [meant], [one.text() for one in errors]


def problems_of(**files: str | None) -> list[tuple[str, str]]:
    every = {**FILES, **{f"{stem}.yaml": text for stem, text in files.items()}}
    found = check_files({path: text.encode() for path, text in every.items() if text is not None})[1]
    return [(one.file, one.message) for one in found]


def test_of_a_file_that_is_missing_it_is_told_once() -> None:
    assert problems_of(scoring=None) == [("scoring.yaml", "scoring.yaml is missing")]
    message = "there is no stage `mql` (lifecycle.yaml, in which it would stand, is missing or empty)"
    assert problems_of(lifecycle=None, sla=None) == [("work.yaml", message)]
    assert len(problems_of(lifecycle=None)) == 1
    assert ("lifecycle.yaml", "the file is empty") in problems_of(lifecycle="")


def test_what_is_no_error_and_not_what_was_meant_is_warned_of() -> None:
    wide = POLICY + "lists: {mail: {label: Mail, values: [a.jp、b.jp]}}\n"
    message = "`a.jp、b.jp` is one value: values are separated by `,` in half width"
    assert problems_of(policy=wide) == [("policy.yaml", message)]
    message = "`{{last_name}}` prints a name in braces and no value: write `{last_name}`"
    assert problems_of(work=WORK.replace("{last_name}", "{{last_name}}")) == [("work.yaml", message)]


def test_working_time_without_a_calendar_is_told_once_and_not_of_one_that_is_broken() -> None:
    twice = WORK.replace("due: 1h", "due: 1 business day")
    told = [message for _, message in problems_of(policy="policy: small\n", work=twice)]
    assert told == ["without `calendars` in policy.yaml working time runs day and night"]
    broken = POLICY.replace("calendars:\n  office:", "calendars:\n  - office:")
    assert [file for file, _ in problems_of(policy=broken, work=twice)] == ["policy.yaml"]


def test_a_bracket_that_does_not_end_is_told_with_where_it_began() -> None:
    ((file, message),) = problems_of(scoring=FILES["scoring.yaml"].replace("points: 15}", "points: 15"))
    assert (file, "what begins in line 6 is not ended" in message) == ("scoring.yaml", True), message
