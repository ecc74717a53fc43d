"""policy.yaml: the zone, the calendars, the named lists, the channels."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Mapping
from zoneinfo import ZoneInfo

from connector.domain.calendar import Calendar
from connector.domain.drift import DriftClass, Handling
from connector.domain.holidays import holidays_of
from connector.domain.hours import parse_day, parse_hours
from connector.domain.zones import zone_names
from connector.policy.build.context import Context, label_of
from connector.policy.document import Where
from connector.policy.files.settings import CalendarModel, ListModel, PolicyFile
from connector.policy.model import Channel
from connector.policy.operands import warn_of_commas
from connector.policy.problems import Report
from connector.policy.vocabulary import NamedList
from connector.texts import said, say

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def zone_of(model: PolicyFile, where: Where, report: Report) -> ZoneInfo:
    """The policy's time zone; UTC after noting that it does not exist."""
    if model.time_zone in zone_names():
        return ZoneInfo(model.time_zone)
    report.error(
        where / "time_zone",
        say("there is no time zone `{time_zone}`; write one such as Asia/Tokyo", time_zone=model.time_zone),
        reason="unknown_zone",
        got=model.time_zone,
        allowed=sorted(zone for zone in zone_names() if "/" in zone or zone == "UTC"),
    )
    return ZoneInfo("UTC")


def calendars_of(
    model: PolicyFile, zone: ZoneInfo, where: Where, report: Report
) -> tuple[Calendar, Mapping[str, Calendar]]:
    """The default calendar and all by id; without any, a calendar that is always open."""
    found: dict[str, Calendar] = {}
    for key, spec in model.calendars.items():
        calendar = _calendar(key, spec, zone, where / "calendars" / key, report)
        if calendar is None:
            report.hidden |= {key}  # told where it stands, and not once more wherever it is used
        else:
            found[key] = calendar
    chosen = [key for key, spec in model.calendars.items() if spec.default]
    if len(chosen) > 1:
        report.error(where / "calendars" / chosen[1], say("only one calendar is the default"), reason="two_defaults")
    if len(model.calendars) > 1 and not chosen:
        report.error(where / "calendars", say("say `default: true` in one calendar"), reason="no_default")
    default = found.get(chosen[0]) if chosen else next(iter(found.values()), None)
    return default or _always_open(zone), found


def _always_open(zone: ZoneInfo) -> Calendar:
    return Calendar.build(id="always", zone=zone, hours=dict.fromkeys(WEEK, "0:00-24:00"))


def _calendar(key: str, spec: CalendarModel, zone: ZoneInfo, where: Where, report: Report) -> Calendar | None:
    try:
        return Calendar.build(
            id=key,
            zone=zone,
            hours={str(day): list(hours) for day, hours in spec.hours.items()},
            label=label_of(spec.label, key),
            holidays=spec.holidays,
            closed=spec.closed,
            open=spec.open,
        )
    except ValueError as error:
        report.error(_fault_of(spec, where), said(error), reason="bad_calendar")
        return None


def _fault_of(spec: CalendarModel, where: Where) -> Where:
    """The place of the hours or days that cannot be read; the calendar's own where it is something else."""
    place = where
    try:
        for day, hours in spec.hours.items():
            place = where / "hours" / str(day)
            parse_hours(list(hours))
        for index, closed in enumerate(spec.closed):
            place = where / "closed" / index
            parse_day(closed)
        if spec.holidays is not None:
            place = where / "holidays"
            holidays_of(spec.holidays, 2026)
    except ValueError:
        return place
    return where


def lists_of(model: PolicyFile, tables: Mapping[str, bytes], where: Where, report: Report) -> dict[str, NamedList]:
    """Every named list, those in CSV files read."""
    found: dict[str, NamedList] = {}
    for key, spec in model.lists.items():
        spot = where / "lists" / key
        values = spec.values if spec.values is not None else _column(spec, tables, spot, report)
        if values is None:
            report.hidden |= {key}  # told where it stands, and not once more wherever it is used
            continue
        if spec.values is not None:
            warn_of_commas(spec.values, spot / "values", report)
        found[key] = NamedList(label=label_of(spec.label, key), values=tuple(values))
    return found


def _column(spec: ListModel, tables: Mapping[str, bytes], where: Where, report: Report) -> tuple[str, ...] | None:
    """The values of a list in a file; None when they cannot be read, after noting why."""
    content = tables.get(spec.file or "")
    if content is None:
        return None  # the missing file is noted where files are gathered
    text = _text(content)
    if text is None:
        report.error(
            where / "file",
            say("the list is neither UTF-8 nor Shift_JIS; save it as CSV in UTF-8"),
            reason="list_encoding",
        )
        return None
    try:
        rows = list(csv.reader(io.StringIO(text, newline="")))
    except csv.Error as error:
        report.error(where / "file", say("the list is no CSV file: {error}", error=error), reason="list_csv")
        return None
    if not rows:
        report.error(where / "file", say("the list is empty; its first row names its columns"), reason="list_empty")
        return None
    header = [cell.strip() for cell in rows[0]]
    column = spec.column if spec.column is not None else next(iter(header), "")
    if column not in header:
        report.error(
            where / "column",
            say("the list has no column `{column}`", column=column),
            reason="unknown_column",
            got=column,
            allowed=header,
        )
        return None
    index = header.index(column)
    cells = (row[index].strip() for row in rows[1:] if len(row) > index)
    found = tuple(dict.fromkeys(cell for cell in cells if cell))
    if not found:
        message = say("the list holds no value: its first row, which names the columns, is none")
        report.warn(where / "file", message, reason="list_without_values")
    return found


def _text(content: bytes) -> str | None:
    if content.startswith(_UTF16):
        return None  # Shift_JIS would read it as other characters
    for encoding in ("utf-8-sig", "cp932"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def channels_of(model: PolicyFile) -> dict[str, Channel]:
    """The places for notices by id."""
    return {
        key: Channel(id=key, label=label_of(channel.label, key), kind=channel.kind)
        for key, channel in model.channels.items()
    }


def records_in_of(model: PolicyFile) -> dict[str, str]:
    """What is created in which CRM, as far as the policy says."""
    return {what: place for what, place in model.records_in if place is not None}


def tell_of(context: Context) -> tuple[str, ...]:
    """The channels that hear of a connection that was paused."""
    found = context.files.policy.sync.tell
    where = context.at("policy") / "sync" / "tell"
    for index, name in enumerate(found):
        context.known(name, context.vocabulary.channels, "channel", where / index)
    return found


def drift_of(model: PolicyFile) -> dict[DriftClass, Handling]:
    """What is done about each class of drift."""
    return {DriftClass(name): Handling(response) for name, response in model.drift}
