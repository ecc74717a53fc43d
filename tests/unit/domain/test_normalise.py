"""Tidying: the documented examples, and what must never happen to anybody's data."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connector.domain import normalise
from connector.domain.normalise import TIDIES

CASES = {
    "width": [
        ("ＡＢＣ　ｶﾞｲﾄﾞ", "ABC ガイド"),
        ("営業 \t 部\u00a0長", "営業 部 長"),
        ("カ\u3099イト\u3099", "ガイド"),
        ("Cafe\u0301", "Café"),
        ("１０～２０名", "10～20名"),
        ("一行目 \r\n 二行目", "一行目\n二行目"),
        ("\ufeff部長\u200b", "部長"),
        ("㎡①ⅱ", "㎡①ⅱ"),
        ("   ", ""),
    ],
    "name": [
        ("　髙﨑　　花子 ", "髙﨑 花子"),
        ("ﾔﾏﾀﾞ ﾀﾛｳ", "ヤマダ タロウ"),
        ("山田\n太郎", "山田 太郎"),
        ("\ufa19谷", "\ufa19谷"),
        ("葛\U000e0100城", "葛\U000e0100城"),
        ("O’Brien", "O’Brien"),
    ],
    "email": [
        ("Taro.Yamada＠Example.CO.JP", "taro.yamada@example.co.jp"),
        (" mailto:A@b.jp ", "a@b.jp"),
        ("山田 太郎 <Taro@Example.jp>", "taro@example.jp"),
        ("なし", "なし"),
        ("a@b@c.jp", "a@b@c.jp"),
        ("a@b.jp, c@d.jp", "a@b.jp, c@d.jp"),
    ],
    "phone_jp": [
        ("０３ー１２３４ー５６７８", "+81312345678"),
        ("03(1234)5678", "+81312345678"),
        ("090-1234-5678", "+819012345678"),
        ("TEL: 03-1234-5678", "+81312345678"),
        ("+1 (650) 253-0000", "+16502530000"),
        ("03-1234-5678 内線12", "+81312345678 ext. 12"),
        ("03-1234-5678(山田様直通)", "03-1234-5678(山田様直通)"),
        ("03-1234-5678 / 090-1234-5678", "03-1234-5678 / 090-1234-5678"),
        ("１２３", "123"),
        ("非公開", "非公開"),
    ],
    "postcode_jp": [
        ("〒100ー0005", "100-0005"),
        ("１０００００５", "100-0005"),
        ("100-0005", "100-0005"),
        ("SW1A 1AA", "SW1A 1AA"),
        ("100-000", "100-000"),
    ],
    "prefecture_jp": [
        ("東京", "東京都"),
        ("Tokyo", "東京都"),
        ("OSAKA-FU", "大阪府"),
        ("京都", "京都府"),
        ("北海道", "北海道"),
        ("JP-47", "沖縄県"),
        ("Kanagawa Prefecture", "神奈川県"),
        ("東京都千代田区", "東京都千代田区"),
        ("California", "California"),
    ],
    "company_jp": [
        ("㈱ サンプル", "株式会社サンプル"),
        ("（株）サンプル", "株式会社サンプル"),
        ("( 株 ) サンプル", "株式会社サンプル"),
        ("株式会社　サンプル", "株式会社サンプル"),
        ("サンプル ㈱", "サンプル株式会社"),
        ("サンプル㈱ 東京支店", "サンプル株式会社 東京支店"),
        ("㈲ｻﾝﾌﾟﾙ", "有限会社サンプル"),
        ("(同)サンプル", "合同会社サンプル"),
        ("Sample Co., Ltd.", "Sample Co., Ltd."),
        ("株式会社 ABC Japan", "株式会社ABC Japan"),
    ],
    "domain": [
        ("https://www.Example.jp/lp?a=1", "example.jp"),
        ("EXAMPLE.CO.JP.", "example.co.jp"),
        ("taro@example.jp", "example.jp"),
        ("example.jp:8080", "example.jp"),
        ("http://日本語.jp/", "日本語.jp"),
        ("www.jp", "www.jp"),
        ("準備中", "準備中"),
        ("example.jp と example.com", "example.jp と example.com"),
    ],
}


@pytest.mark.parametrize(
    ("tidy", "before", "after"), [(tidy, *case) for tidy, cases in CASES.items() for case in cases]
)
def test_examples(tidy: str, before: str, after: str) -> None:
    assert TIDIES[tidy](before) == after


def test_every_tidy_has_examples_and_stands_in_the_manual() -> None:
    assert set(CASES) == set(TIDIES)
    assert all(f"`{tidy}`" in (normalise.__doc__ or "") for tidy in TIDIES)


# What people paste: letters of several widths, forms, digits, dashes, spaces, marks, emoji, joiners.
TYPED = st.text(
    st.one_of(
        st.sampled_from(
            list("㈱㍿㈲(株)（）有同会社式 　\t\n〒０-ー−1@＠.w/:<>+ﾞｶ\u3099か\u0301é髙\ufa11\ufa19👩\u200d💻\u200b")
        ),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=40,
)
PIECES = st.lists(
    st.sampled_from(
        [
            "株式会社",
            "㈱",
            "(株)",
            " ",
            "サンプル",
            "www.",
            "http://",
            "a.jp",
            "@",
            "03-1234-5678",
            "内線1",
            "mailto:",
            "<",
            ">",
            "TEL",
        ]
    ),
    max_size=8,
).map("".join)


@given(st.one_of(TYPED, PIECES), st.sampled_from(sorted(TIDIES)))
@example("㈱ ㈱ a", "company_jp")
@example("カﾞ\u3099", "width")
def test_tidying_twice_changes_nothing_more(text: str, tidy: str) -> None:
    once = TIDIES[tidy](text)
    assert TIDIES[tidy](once) == once


@pytest.mark.fault("F34")
@given(
    st.lists(
        st.sampled_from(["髙", "\ufa11", "\ufa19", "👩\u200d💻", "🇯🇵", "葛\U000e0100", "が", "é", "山"]), min_size=1
    ).map("".join)
)
def test_names_keep_every_character(text: str) -> None:
    assert normalise.name(text) == text
    assert normalise.company_jp(text) == text


@given(TYPED)
def test_width_loses_nothing_that_can_be_seen(text: str) -> None:
    def seen(value: str) -> str:
        return "".join(c for c in unicodedata.normalize("NFKC", value) if c.isalnum())

    assert seen(normalise.width(text)) == seen(text)
