"""Names and numbers that belong to nobody."""

from __future__ import annotations

CITY, CITY_CODE, REGION = "示例市", "SL", "990100"
DISTRICTS = (
    "东篱区",
    "南浦区",
    "西塘区",
    "北屿区",
    "中庭区",
    "临川区",
    "望湖区",
    "听涛区",
    "揽月区",
)
STREETS = (
    "青石",
    "长桥",
    "新苑",
    "古槐",
    "双井",
    "柳岸",
    "云台",
    "白沙",
    "红枫",
    "竹园",
    "石榴",
    "金桂",
)
#: Name and the sign in its case numbers.
BUREAUS = (
    ("市场监督管理局", "市监"),
    ("城市管理和综合执法局", "城管"),
    ("交通运输局", "交"),
    ("生态环境局", "环"),
    ("应急管理局", "应急"),
    ("卫生健康局", "卫"),
    ("住房和建设局", "住建"),
    ("文化广电旅游体育局", "文"),
    ("人力资源和社会保障局", "人社"),
    ("规划和自然资源局", "资规"),
    ("水务局", "水"),
    ("农业农村局", "农"),
)
# Nobody is called so: colours and things, and a number where the list runs out.
_FIRST = ("青", "白", "朱", "玄", "碧", "素", "苍", "丹", "翠", "墨", "霁", "岚")
_SECOND = (
    "松风",
    "竹影",
    "石泉",
    "云帆",
    "溪桥",
    "山月",
    "江雪",
    "林霜",
    "舟渡",
    "雁行",
    "荷露",
    "梅影",
)

_USCC_SIGNS = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def person(number: int) -> str:
    """The invented name of the officer with this number."""
    again, rest = divmod(number, len(_FIRST) * len(_SECOND))
    name = _FIRST[rest % len(_FIRST)] + _SECOND[rest // len(_FIRST)]
    return f"{name}{again}" if again else name


def credit_code(number: int) -> str:
    """A unified social credit code (GB 32100) whose check digit fits, in a region that is none."""
    body = f"11{REGION}{number:08d}X"
    total = sum(_USCC_SIGNS.index(sign) * pow(3, place, 31) for place, sign in enumerate(body))
    return body + _USCC_SIGNS[(31 - total % 31) % 31]
