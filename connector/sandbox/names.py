"""Raw material of the sandbox's world: Japanese names with their romaji, places, titles, businesses."""

from __future__ import annotations

_SURNAMES = """
佐藤 sato 鈴木 suzuki 高橋 takahashi 田中 tanaka 伊藤 ito 渡辺 watanabe 山本 yamamoto 中村 nakamura 小林 kobayashi
加藤 kato 吉田 yoshida 山田 yamada 佐々木 sasaki 山口 yamaguchi 松本 matsumoto 井上 inoue 木村 kimura 林 hayashi
斎藤 saito 清水 shimizu 山崎 yamazaki 森 mori 池田 ikeda 橋本 hashimoto 阿部 abe 石川 ishikawa 山下 yamashita
中島 nakajima 石井 ishii 小川 ogawa 前田 maeda 岡田 okada 長谷川 hasegawa 藤田 fujita 後藤 goto 近藤 kondo
村上 murakami 遠藤 endo 青木 aoki 坂本 sakamoto 福田 fukuda 太田 ota 西村 nishimura 藤井 fujii 岡本 okamoto
金子 kaneko 藤原 fujiwara 中野 nakano 三浦 miura 原田 harada 中川 nakagawa 松田 matsuda 竹内 takeuchi 小野 ono
田村 tamura 髙﨑 takasaki 中山 nakayama 和田 wada 石田 ishida 森田 morita 上田 ueda 内田 uchida 柴田 shibata
"""

_GIVEN = """
大輔 daisuke 健太 kenta 翔太 shota 拓也 takuya 直樹 naoki 誠 makoto 学 manabu 亮 ryo 隆 takashi 浩 hiroshi
和也 kazuya 達也 tatsuya 裕介 yusuke 健一 kenichi 雄太 yuta 剛 tsuyoshi 修 osamu 哲也 tetsuya 豊 yutaka 陽介 yosuke
美咲 misaki 優子 yuko 恵 megumi 陽子 yoko 愛 ai 真由美 mayumi 由美子 yumiko 久美子 kumiko 香織 kaori 智子 tomoko
さくら sakura 葵 aoi 結衣 yui 彩 aya 舞 mai 千尋 chihiro 麻衣 mai 直子 naoko 典子 noriko 裕子 hiroko
"""

_STEMS = """
青葉 aoba 東和 towa 日進 nisshin 北斗 hokuto 大成 taisei 三栄 sanei 光洋 koyo 栄光 eikou 富士見 fujimi 桜 sakura
武蔵 musashi 相模 sagami 八千代 yachiyo 若葉 wakaba 旭 asahigaoka 銀河 ginga 太陽 taiyodo 明和 meiwa 昭栄 shoei
千歳 chitose 瑞穂 mizuhoda 飛鳥 asuka 大和田 owada 白鳥 hakucho 緑風 ryokufu 双葉 futaba 金剛 kongo 雷鳥 raicho
朝日野 asahino 丸山 maruyama 常盤 tokiwa 平和堂 heiwa 新星 shinsei 東洋光 toyoko 西海 saikai 南洋 nanyo 北陸 hokuriku
中央 chuo 共栄 kyoei 協和 kyowa 三和 sanwa 大東 daito 日興 nikkou 豊栄 hoei 信越 shinetsu 筑波 tsukuba
"""

_BUSINESSES = """
製作所 seisakusho MACHINERY 精機 seiki MACHINERY 工業 kogyo MECHANICAL_OR_INDUSTRIAL_ENGINEERING
自動車部品 auto AUTOMOTIVE
化学 chem CHEMICALS ソフトウェア soft COMPUTER_SOFTWARE システムズ systems INFORMATION_TECHNOLOGY_AND_SERVICES
ネットワーク net INTERNET コンサルティング consulting MANAGEMENT_CONSULTING 人材サービス hr STAFFING_AND_RECRUITING
商店 shop RETAIL ストア store RETAIL 食品 foods FOOD_PRODUCTION 物流 logi LOGISTICS_AND_SUPPLY_CHAIN
建設 kensetsu CONSTRUCTION 不動産 estate REAL_ESTATE 銀行 bank BANKING 保険 insurance INSURANCE
医療機器 medical MEDICAL_DEVICES 広告社 ad MARKETING_AND_ADVERTISING 電機 denki ELECTRICAL_ELECTRONIC_MANUFACTURING
"""

_PREFECTURES = """
東京都 03 100 大阪府 06 530 神奈川県 045 220 愛知県 052 460 埼玉県 048 330 千葉県 043 260 兵庫県 078 650 福岡県 092 810
北海道 011 060 京都府 075 600 広島県 082 730 宮城県 022 980 静岡県 054 420 茨城県 029 310 新潟県 025 950 長野県 026 380
岐阜県 058 500 岡山県 086 700 石川県 076 920 熊本県 096 860 沖縄県 098 900 栃木県 028 320 群馬県 027 371 三重県 059 514
"""

TITLES = (
    ("代表取締役", 3),
    ("代表取締役社長", 2),
    ("取締役", 4),
    ("執行役員", 3),
    ("本部長", 4),
    ("部長", 12),
    ("室長", 3),
    ("課長", 18),
    ("係長", 10),
    ("主任", 12),
    ("マネージャー", 8),
    ("担当", 21),
)
DEPARTMENTS = (
    "営業部",
    "マーケティング部",
    "情報システム部",
    "経営企画部",
    "総務部",
    "製造部",
    "人事部",
    "購買部",
    "DX推進室",
)
FREE_MAIL = ("gmail.com", "yahoo.co.jp", "outlook.jp", "icloud.com", "hotmail.com")
SIZES = ((5, 30), (30, 100), (100, 300), (300, 1000), (1000, 5000), (5000, 20000))
SIZE_WEIGHTS = (25, 25, 22, 15, 9, 4)


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    words = text.split()
    return tuple(zip(words[::2], words[1::2], strict=True))


def _triples(text: str) -> tuple[tuple[str, str, str], ...]:
    words = text.split()
    return tuple(zip(words[::3], words[1::3], words[2::3], strict=True))


#: (kanji, romaji)
SURNAMES = _pairs(_SURNAMES)
GIVEN_NAMES = _pairs(_GIVEN)
COMPANY_STEMS = _pairs(_STEMS)
#: (word, domain part, HubSpot industry)
BUSINESSES = _triples(_BUSINESSES)
#: (name, area code, first digits of the postcode)
PREFECTURES = _triples(_PREFECTURES)
