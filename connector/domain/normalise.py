"""Tidying of values as people type them (表記ゆれ): `tidy: phone_jp` in fields.yaml names one of these.

| name            | before                        | after                   |
| --------------- | ----------------------------- | ----------------------- |
| `width`         | `ＡＢＣ　ｶﾞｲﾄﾞ`                 | `ABC ガイド`             |
| `name`          | `　髙﨑　　花子 `               | `髙﨑 花子`              |
| `email`         | `Taro.Yamada＠Example.CO.JP`   | `taro.yamada@example.co.jp` |
| `phone_jp`      | `０３ー１２３４ー５６７８`           | `+81312345678`          |
| `postcode_jp`   | `〒100ー0005`                  | `100-0005`              |
| `prefecture_jp` | `東京`, `Tokyo`                | `東京都`                 |
| `company_jp`    | `㈱ サンプル`                   | `株式会社サンプル`         |
| `domain`        | `https://www.Example.jp/lp?a=1` | `example.jp`            |

Each is idempotent, and each leaves what it does not understand as it is, but for the spaces around it: a telephone
number with a remark stays readable, a foreign postcode stays itself. Nobody's name is changed: 髙 and 﨑, variation
selectors, emoji and their joiners pass through, because only width and spacing are touched, not whole NFKC.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from types import MappingProxyType

import phonenumbers

from connector.domain.prefectures import PREFECTURES

#: Full-width ASCII but for ～ (a Japanese range sign), half-width kana and their marks.
_WIDE = re.compile(r"[\uFF01-\uFF5D\uFF61-\uFF9F]+")
#: A letter and the combining marks behind it, as macOS file names have them. Compatibility ideographs are left out:
#: composing would replace U+FA19 by U+795E and so change a person's name.
_DECOMPOSED = re.compile(r"[^\W\uF900-\uFAFF\U0002F800-\U0002FA1F][\u0300-\u036F\u3099\u309A]+")
#: Characters that nobody can see and that no script needs (joiners and variation selectors are needed).
_INVISIBLE = re.compile(r"[\x00-\x08\x0B\x0C\x0E-\x1F\x7F-\x84\x86-\x9F\u200B\u2060\uFEFF]")
_SPACES = re.compile(r"[ \t\u00A0\u2000-\u200A\u202F\u3000]+")
_LINES = re.compile(r" ?(?:\r\n|[\n\r\x85\u2028\u2029]) ?")

#: Longer than any name or address: such a text is something else and is left as it is.
_LONGEST = 500
_DASHES = re.compile(r"(?<=[0-9)])\s*[‐‑‒–—―−ーｰ]\s*(?=[0-9(])")
_PHONE = re.compile(
    r"(?:TEL|電話)?\s*[:.]?\s*(\+?[0-9(][0-9()\-. /]{5,28})(?:\s*(?:内線|ext\.?|x)\s*:?\s*([0-9]{1,7}))?", re.I
)
_POSTCODE = re.compile(r"〒?\s*([0-9]{3})-?([0-9]{4})")
_MAIL = re.compile(r"(?:mailto:)?\s*(?:[^<>@]*<\s*)?([^\s<>@]+@[^\s<>@]+?)\s*>?", re.I)
_HOST = re.compile(r"(?:[^\s/@.:]+\.)+[^\s/@.:]{2,}")
_ADDRESS = re.compile(
    r"(?:[a-z][a-z0-9+.\-]*://|//|mailto:)?(?:[^/@\s]*@)?([^/?#:@\s]+)(?::[0-9]*)?(?:[/?#]\S*)?", re.I
)

_FORMS = {"株": "株式会社", "有": "有限会社", "同": "合同会社"}
_FORM_SIGNS = {"㈱": "株式会社", "㍿": "株式会社", "㈲": "有限会社"}
_SHORT_FORM = re.compile(r"\(\s*([株有同])\s*\)|([㈱㍿㈲])")
_LEADING_FORM = re.compile(r"^((?:株式会社|有限会社|合同会社)+) +")
_TRAILING_FORM = re.compile(r" +((?:株式会社|有限会社|合同会社)+)$")


def width(text: str) -> str:
    """Half-width letters, digits and signs, full-width kana, single spaces, nothing around."""
    narrow = _WIDE.sub(lambda found: unicodedata.normalize("NFKC", found[0]), _INVISIBLE.sub("", text))
    composed = _DECOMPOSED.sub(lambda found: unicodedata.normalize("NFC", found[0]), narrow)
    return _LINES.sub("\n", _SPACES.sub(" ", composed)).strip()


def name(text: str) -> str:
    """A person's name: one line, one space between its parts, the characters as the person writes them."""
    return width(width(text).replace("\n", " "))


def email(text: str) -> str:
    """An address in small letters, out of `mailto:` and `Name <address>`; anything else only loses its width."""
    tidy = width(text)
    found = _MAIL.fullmatch(tidy) if len(tidy) <= _LONGEST else None
    return found.group(1).lower() if found else tidy


def phone_jp(text: str) -> str:
    """E.164, with ` ext. 12` if there is one; a number without a country code is Japanese.

    What is no valid number, or holds more than a number, keeps its words and only loses its width.
    """
    tidy = _DASHES.sub("-", width(text))
    found = _PHONE.fullmatch(tidy)
    if found is None:
        return tidy
    try:
        number = phonenumbers.parse(found.group(1), "JP")
    except phonenumbers.NumberParseException:
        return tidy
    if not phonenumbers.is_valid_number(number):
        return tidy
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return f"{e164} ext. {found.group(2)}" if found.group(2) else e164


def postcode_jp(text: str) -> str:
    """`NNN-NNNN`; a text that is no Japanese postcode only loses its width."""
    tidy = _DASHES.sub("-", width(text))
    found = _POSTCODE.fullmatch(tidy)
    return f"{found.group(1)}-{found.group(2)}" if found else tidy


def prefecture_jp(text: str) -> str:
    """The full name (東京都, 大阪府) of a prefecture in short, Roman letters or ISO code; else the text as it is."""
    tidy = width(text)
    return PREFECTURES.get(tidy.lower(), tidy)


def company_jp(text: str) -> str:
    """The corporate form in full and without a space beside the name: ㈱, (株) and 株式会社 become one."""
    tidy = name(text)
    if len(tidy) > _LONGEST:
        return tidy
    full = _SHORT_FORM.sub(lambda found: _FORMS.get(found[1]) or _FORM_SIGNS[found[2]], tidy)
    while True:
        joined = _TRAILING_FORM.sub(r"\1", _LEADING_FORM.sub(r"\1", full))
        if joined == full:
            return full
        full = joined


def domain(text: str) -> str:
    """The bare host in small letters, out of an address, an e-mail address or a host; else the text as it is."""
    tidy = width(text)
    found = _ADDRESS.fullmatch(tidy) if len(tidy) <= _LONGEST else None
    if found is None:
        return tidy
    host = found.group(1).lower().rstrip(".")
    while host.startswith("www.") and host.count(".") > 1:
        host = host[4:]
    return host if _HOST.fullmatch(host) else tidy


TIDIES: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {
        "width": width,
        "name": name,
        "email": email,
        "phone_jp": phone_jp,
        "postcode_jp": postcode_jp,
        "prefecture_jp": prefecture_jp,
        "company_jp": company_jp,
        "domain": domain,
    }
)
"""What `tidy:` may name. Blank in, blank (`""`) out."""
