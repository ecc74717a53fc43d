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
