"""What visitors do: seeded form submissions and visits, to be sent to the sandbox by demo, tests and benchmarks."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from connector.sandbox import names
from connector.sandbox.dice import seeded
from connector.sandbox.world import COMPETITOR_DOMAINS, FORMS, STUDENT_DOMAIN, TARGET_DOMAINS

#: 資料請求, お問い合わせ, デモ依頼, ホワイトペーパーDL, 追加相談
FORM_WEIGHTS = (30, 25, 12, 28, 5)


@dataclass(frozen=True, kw_only=True)
class FormSubmission:
    """One person fills in one form; pass it to `SandboxHandle.submit`."""

    form: str
    values: dict[str, str]
    page_title: str
    page_url: str


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One person visits pages; `email` finds the contact."""

    email: str
    url: str
    times: int = 1


@dataclass(kw_only=True)
class _Crowd:
    rng: random.Random
    made: list[dict[str, str]] = field(default_factory=list)

    def someone(self, known: list[dict[str, str]]) -> dict[str, str]:
        """A newcomer, somebody from `known`, or somebody who came before."""
        roll = self.rng.random()
        if known and roll < 0.35:
            return self.rng.choice(known)
        if self.made and roll < 0.5:
            return self.rng.choice(self.made)
        made = self._newcomer(len(self.made))
        self.made.append(made)
        return made

    def _newcomer(self, number: int) -> dict[str, str]:
        rng = self.rng
        family, family_romaji = rng.choice(names.SURNAMES)
        given, given_romaji = rng.choice(names.GIVEN_NAMES)
        stem, stem_romaji = rng.choice(names.COMPANY_STEMS)
        word, part, _ = rng.choice(names.BUSINESSES)
        domain = rng.choices(
            (
                f"{stem_romaji}-{part}.example.co.jp",
                rng.choice(names.FREE_MAIL),
                STUDENT_DOMAIN,
                rng.choice(COMPETITOR_DOMAINS),
                rng.choice(TARGET_DOMAINS),
            ),
            (78, 8, 3, 3, 8),
        )[0]
        local = f"{family_romaji}.{given_romaji}.{number}"
        # people write their addresses as they like; HubSpot lower-cases them
        address = f"{local.title()}@{domain}" if rng.random() < 0.1 else f"{local}@{domain}"
        values = {"email": address, "lastname": family, "firstname": given}
        if domain.endswith("example.co.jp"):
            values["company"] = f"株式会社{stem}{word}"
        if rng.random() < 0.85:
            values["jobtitle"] = rng.choices([title for title, _ in names.TITLES], [n for _, n in names.TITLES])[0]
        if rng.random() < 0.7:
            _, area, _ = rng.choice(names.PREFECTURES)
            values["phone"] = f"{area}-{rng.randrange(1000):03d}-{rng.randrange(10000):04d}"
        return values


def submissions(n: int, seed: int, known: list[dict[str, str]] | None = None) -> Iterator[FormSubmission]:
    """`n` submissions; `known` are the values of people who are in the portal already (at least `email`)."""
    rng = seeded(seed)
    crowd = _Crowd(rng=rng)
    for _ in range(n):
        guid, name, title = rng.choices(FORMS, FORM_WEIGHTS)[0]
        values = dict(crowd.someone(known or []))
        if name in ("お問い合わせ", "デモ依頼", "追加相談"):
            values["message"] = rng.choice(
                (
                    "導入を検討しています。",
                    "見積をお願いします。",
                    "来月までに比較表がほしいです。",
                    "デモを見たいです。",
                )
            )
        yield FormSubmission(
            form=guid, values=values, page_title=title, page_url=f"https://www.example.com/forms/{guid[9:13]}"
        )


def visits(n: int, seed: int, emails: list[str]) -> Iterator[Visit]:
    """`n` visits of people with these addresses; one in six looks at the prices."""
    rng = seeded(seed)
    pages = ("/", "/blog/dx", "/cases/maker", "/cases/retail", "/product", "/pricing")
    for _ in range(n):
        yield Visit(email=rng.choice(emails), url="https://www.example.com" + rng.choice(pages))
