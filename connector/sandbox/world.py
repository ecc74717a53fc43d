"""A believable, seeded world of Japanese B2B companies, people and reps for the portal to hold.

Records are put in place silently: no ledger rows, no webhooks, no search lag. Every domain is reserved
(`.example`, `example.co.jp`, `example.ac.jp`) or a free-mail provider that is only ever a string.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from connector.errors import UsageError
from connector.sandbox import names
from connector.sandbox.clock import iso
from connector.sandbox.definitions import PropertyDefinition
from connector.sandbox.dice import seeded
from connector.sandbox.forms_data import FormDefinition
from connector.sandbox.lists_data import Sequence
from connector.sandbox.object_types import ObjectType, object_type
from connector.sandbox.owners_data import Owner, Team
from connector.sandbox.portal import Portal
from connector.sandbox.record import Record
from connector.sandbox.wire import Actor

IMPORTED = Actor(source="IMPORT", source_id="world", label="sandbox")
_DAY_MS = 86_400_000
#: (guid, name, title of the page that the form stands on)
FORMS = (
    ("5f0c1d7e-1111-4a6b-9d01-000000000001", "資料請求", "資料請求ページ"),
    ("5f0c1d7e-2222-4a6b-9d01-000000000002", "お問い合わせ", "お問い合わせページ"),
    ("5f0c1d7e-3333-4a6b-9d01-000000000003", "デモ依頼", "製品デモ"),
    ("5f0c1d7e-4444-4a6b-9d01-000000000004", "ホワイトペーパーDL", "製造業のDX白書"),
    ("5f0c1d7e-5555-4a6b-9d01-000000000005", "追加相談", "お客様サポート"),
)
#: team -> members as (family kanji, given kanji, romaji)
TEAMS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "インサイドセールスSDR": (
        ("佐藤", "美咲", "sato"),
        ("鈴木", "拓也", "suzuki"),
        ("高橋", "彩", "takahashi"),
        ("渡辺", "健太", "watanabe"),
    ),
    "インサイドセールスBDR": (("田中", "翔太", "tanaka"), ("山本", "葵", "yamamoto"), ("中村", "亮", "nakamura")),
    "ISマネージャー": (("小林", "浩", "kobayashi"),),
    "フィールドセールス": (("伊藤", "誠", "ito"), ("加藤", "優子", "kato"), ("吉田", "隆", "yoshida")),
    "FS_East": (("山口", "恵", "yamaguchi"),),
    "FS_West": (("松本", "大輔", "matsumoto"), ("井上", "真由", "inoue")),
    "FS_Enterprise": (("林", "直樹", "hayashi"), ("清水", "香織", "shimizu")),
    "カスタマーサクセス": (("斎藤", "由美", "saito"), ("石田", "智", "ishida")),
    "マネージャー補佐": (("木村", "隼人", "kimura"),),
}
#: team -> whom it has besides, by romaji
ALSO: dict[str, tuple[str, ...]] = {"FS_East": ("ito", "kato"), "FS_West": ("yoshida",), "ISマネージャー": ("kimura",)}
TARGET_DOMAINS = ("big-maker.example", "mega-bank.example", "dai-ichi-store.example")
COMPETITOR_DOMAINS = ("rival.example", "other-rival.example")
STUDENT_DOMAIN = "example.ac.jp"


@dataclass(frozen=True, kw_only=True)
class WorldSettings:
    """How big a world is."""

    contacts: int = 200
    #: None: one for every four contacts
    companies: int | None = None
    seed: int | None = None
    #: share of contacts that have an owner and a later stage
    worked_share: float = 0.25


def build_world(portal: Portal, settings: WorldSettings) -> None:
    """Fill an empty portal; owners, teams and forms are made once."""
    if settings.contacts < 0 or settings.contacts > 1_000_000:
        raise UsageError("The world holds between 0 and 1,000,000 contacts.", reason="world_size")
    builder = _Builder(portal, settings)
    builder.people_and_forms()
    builder.own_properties()
    builder.companies()
    builder.contacts()


def describe(portal: Portal) -> dict[str, Any]:
    """What the portal holds, in numbers."""
    contacts = portal.tables["contacts"].records.values()
    stages = Counter(one.props.get("lifecyclestage", "") for one in contacts)
    return {
        "objects": {name: len(table.records) for name, table in portal.tables.items()},
        "stages": dict(stages),
        "owners": len(portal.owners),
        "teams": [team.name for team in portal.teams.values()],
        "forms": [form.name for form in portal.forms.values()],
    }


class _Builder:
    def __init__(self, portal: Portal, settings: WorldSettings) -> None:
        self.portal = portal
        self.settings = settings
        self.rng = seeded(portal.settings.seed if settings.seed is None else settings.seed)
        self.now = portal.now()
        self.known_companies: list[Record] = list(portal.tables["companies"].records.values())

    # ---------------------------------------------------------------- people of the portal

    def people_and_forms(self) -> None:
        portal = self.portal
        if portal.owners:
            return
        number = 0
        for position, (team_name, members) in enumerate(TEAMS.items()):
            team = Team(id=str(5_100_001 + position), name=team_name)
            portal.teams[team.id] = team
            for family, given, romaji in members:
                number += 1
                self._owner(number, team, family, given, romaji)
        for team in portal.teams.values():
            for owner in portal.owners.values():
                if owner.email.partition("@")[0] in ALSO.get(team.name, ()):
                    owner.teams.append(team)
        portal.sequences["7000000"] = Sequence(id="7000000", name="資料請求お礼", user_id=0, created=self.now)
        for guid, name, title in FORMS:
            portal.forms[guid] = FormDefinition(guid=guid, name=name, page_title=title)

    def own_properties(self) -> None:
        """Custom properties that the company made long ago: HubSpot has no `department` of its own."""
        group = "contactinformation"
        made = PropertyDefinition(
            name="department",
            label="部署",
            type="string",
            field_type="text",
            group=group,
            form_field=True,
            hubspot_defined=False,
        )
        self.portal.definitions["contacts"].setdefault(made.name, made)

    def _owner(self, number: int, team: Team, family: str, given: str, romaji: str) -> None:
        created = self.now - 400 * _DAY_MS
        owner = Owner(
            id=str(76_000_100 + number * 37),
            user_id=12_000_000 + number * 11,
            email=f"{romaji}@tasuki-sales.example",
            first_name=given,
            last_name=family,
            teams=[team],
            created=created,
            updated=created,
        )
        self.portal.owners[owner.id] = owner
        values = {
            "hs_email": owner.email,
            "hs_given_name": given,
            "hs_family_name": family,
            "hs_internal_user_id": str(owner.user_id),
            "hs_deactivated": "false",
            "hubspot_owner_id": owner.id,
        }
        self._put(object_type("users"), values, created)

    # ---------------------------------------------------------------- companies

    def companies(self) -> None:
        wanted = self.settings.companies
        if wanted is None:
            wanted = max(1, self.settings.contacts // 4) if self.settings.contacts else 0
        if wanted and not self.portal.company_by_domain:
            for domain in (*TARGET_DOMAINS, *COMPETITOR_DOMAINS):
                self._special(domain)
        kind = object_type("companies")
        for number in range(wanted):
            self.known_companies.append(self._put(kind, self._company(number), self._past(700)))

    def _special(self, domain: str) -> None:
        target = domain in TARGET_DOMAINS
        values = {
            "name": f"株式会社{domain.split('.', maxsplit=1)[0]}",
            "domain": domain,
            "website": domain,
            "industry": "MACHINERY" if domain.startswith("big") else "BANKING" if "bank" in domain else "RETAIL",
            "numberofemployees": "12000" if target else "400",
            "annualrevenue": "900000000000" if target else "6000000000",
            "state": "東京都",
            "country": "Japan",
            "hs_is_target_account": str(target).lower(),
        }
        self.known_companies.append(self._put(object_type("companies"), values, self._past(700)))

    def _company(self, number: int) -> dict[str, str]:
        rng = self.rng
        stem, stem_romaji = rng.choice(names.COMPANY_STEMS)
        word, part, industry = rng.choice(names.BUSINESSES)
        form = rng.choice(("株式会社{}", "株式会社{}", "{}株式会社", "有限会社{}", "(株){}", "株式会社 {}"))
        low, high = rng.choices(names.SIZES, names.SIZE_WEIGHTS)[0]
        employees = rng.randrange(low, high)
        prefecture, area, postcode = rng.choice(names.PREFECTURES)
        domain = f"{stem_romaji}-{part}{number or ''}.example"
        values = {
            "name": form.format(stem + word),
            "domain": domain,
            "website": domain,
            "state": prefecture,
            "zip": f"{postcode}-{rng.randrange(1, 9999):04d}",
            "phone": self._phone(area),
            "country": "Japan",
        }
        # as in life: some companies are known by name only
        if rng.random() < 0.85:
            values["industry"] = industry
        if rng.random() < 0.9:
            values["numberofemployees"] = str(employees)
        if rng.random() < 0.6:
            values["annualrevenue"] = str(employees * rng.randrange(8, 40) * 1_000_000)
        return values

    # ---------------------------------------------------------------- contacts

    def contacts(self) -> None:
        kind = object_type("contacts")
        start = len(self.portal.tables["contacts"].records)
        owners = [owner.id for owner in self.portal.owners.values() if "セールス" in owner.teams[0].name]
        for number in range(start, start + self.settings.contacts):
            company = self._employer()
            values = self._contact(number, company)
            if self.rng.random() < self.settings.worked_share and owners:
                values["hubspot_owner_id"] = self.rng.choice(owners)
                values["lifecyclestage"] = self.rng.choice(("lead", "lead", "marketingqualifiedlead", "customer"))
                values["hs_lead_status"] = self.rng.choice(("NEW", "OPEN", "IN_PROGRESS"))
            record = self._put(kind, values, self._past(500))
            if company is not None:
                self._join(record, company)

    def _employer(self) -> Record | None:
        """None for free-mail and students; big companies have more people."""
        roll = self.rng.random()
        if roll < 0.08 or not self.known_companies:
            return None
        if roll < 0.12 and len(self.known_companies) >= 5:
            return self.known_companies[self.rng.randrange(5)]
        return self.rng.choice(self.known_companies)

    def _contact(self, number: int, company: Record | None) -> dict[str, str]:
        rng = self.rng
        family, family_romaji = rng.choice(names.SURNAMES)
        given, given_romaji = rng.choice(names.GIVEN_NAMES)
        if company is None:
            domain = STUDENT_DOMAIN if rng.random() < 0.25 else rng.choice(names.FREE_MAIL)
            local = f"{given_romaji}.{family_romaji}.{number}"
        else:
            domain = company.props["domain"]
            local = f"{family_romaji}-{given_romaji[0]}{number}"
        prefecture, area, postcode = rng.choice(names.PREFECTURES)
        visits = rng.choices((0, 1, 2, 5, 12), (30, 30, 20, 15, 5))[0]
        values = {
            "email": f"{local}@{domain}",
            "lastname": family,
            "firstname": given,
            "hs_email_domain": domain,
            "hs_analytics_num_visits": str(visits),
            "hs_analytics_source": rng.choice(("ORGANIC_SEARCH", "PAID_SEARCH", "DIRECT_TRAFFIC", "OFFLINE")),
        }
        if rng.random() < 0.8:
            values["jobtitle"] = rng.choices([title for title, _ in names.TITLES], [n for _, n in names.TITLES])[0]
        if rng.random() < 0.7:
            values["phone"] = self._phone(area)
        if rng.random() < 0.6:
            values |= {"state": prefecture, "zip": f"{postcode}{rng.randrange(1, 9999):04d}"}
        if rng.random() < 0.5:
            values["department"] = rng.choice(names.DEPARTMENTS)
        if company is not None:
            values["company"] = company.props["name"]
        if rng.random() < 0.04:
            values["hs_email_optout"] = "true"
        return values

    def _join(self, contact: Record, company: Record) -> None:
        contact.links["companies"] = {company.id: {1, 279}}
        company.links.setdefault("contacts", {})[contact.id] = {2, 280}
        contact.props["associatedcompanyid"] = str(company.id)

    # ---------------------------------------------------------------- inside

    def _phone(self, area: str) -> str:
        rng = self.rng
        middle = rng.randrange(10 ** (5 - len(area) + 1), 10 ** (5 - len(area) + 2)) % 10 ** (6 - len(area))
        digits = f"{area}-{middle:0{6 - len(area)}d}-{rng.randrange(10_000):04d}"
        return rng.choice(
            (digits, digits, digits.replace("-", ""), f"+81 {digits[1:]}", f"({area}){digits[len(area) + 1 :]}")
        )

    def _past(self, days: int) -> int:
        return self.now - self.rng.randrange(_DAY_MS, days * _DAY_MS)

    def _put(self, kind: ObjectType, values: dict[str, str], created: int) -> Record:
        record = Record(
            kind=kind, id=self.portal.new_id(kind), props=values, created=created, updated=created, origin=IMPORTED
        )
        stamp = iso(created)
        values |= {
            kind.created: stamp,
            kind.modified: stamp,
            "hs_object_id": str(record.id),
            "hs_object_source": IMPORTED.source,
            "hs_object_source_id": IMPORTED.source_id,
            "hs_object_source_label": IMPORTED.source,
        }
        if kind.name in ("contacts", "companies"):
            values.setdefault("lifecyclestage", "lead")
            values["hs_pipeline"] = f"{kind.name}-lifecycle-pipeline"
            stage = values["lifecyclestage"]
            values[f"hs_v2_date_entered_{stage}"] = stamp
            values[f"hs_lifecyclestage_{stage}_date"] = stamp
        self.portal.insert(record)
        return record
