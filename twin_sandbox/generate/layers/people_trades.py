"""Trades: their section, floor and hours, the buildings that they fit, where they are common, who supplies whom."""

from typing import NamedTuple


class Trade(NamedTuple):
    """A trade: Chinese name, sector letter of GB/T 4754-2017, floor a job [m²], hours, sales a job, hazard.

    Floor and sales a job are rules of this project in the order of urban practice; sales in 10,000 CNY a year.
    """

    zh: str
    sector: str
    m2_per_job: float
    opens_h: float
    closes_h: float
    sales: float
    hazard: str = ""


TRADES: dict[str, Trade] = {
    "grocery": Trade("粮油店", "F", 38, 7, 21, 60),
    "fruit shop": Trade("水果店", "F", 34, 8, 22, 55),
    "seafood shop": Trade("海鲜店", "F", 32, 6, 19, 70),
    "market": Trade("菜市场", "F", 26, 5, 15, 90),
    "pharmacy": Trade("药店", "F", 42, 8, 22, 70),
    "clothing shop": Trade("服装店", "F", 46, 10, 21, 50),
    "hardware shop": Trade("五金店", "F", 55, 8, 18, 55),
    "fishing gear shop": Trade("渔具店", "F", 60, 8, 18, 50),
    "wholesaler": Trade("批发商行", "F", 60, 8, 17, 220),
    "filling station": Trade("加油站", "F", 40, 6, 22, 400, "petrol"),
    "bakery": Trade("面包房", "H", 30, 7, 21, 35),
    "restaurant": Trade("餐馆", "H", 26, 10, 21.5, 28),
    "café": Trade("咖啡馆", "H", 28, 9, 21, 26),
    "hotel": Trade("旅馆", "H", 75, 0, 24, 30),
    "hairdresser": Trade("理发店", "O", 30, 10, 21, 22),
    "repair shop": Trade("维修店", "O", 36, 9, 19, 25),
    "bank branch": Trade("银行网点", "J", 32, 9, 17, 150),
    "fitness club": Trade("健身馆", "R", 75, 9, 22, 30),
    "bookshop": Trade("书店", "R", 55, 9, 20, 40),
    "training centre": Trade("培训中心", "P", 32, 9, 20, 28),
    "clinic": Trade("门诊部", "Q", 32, 8, 18, 40),
    "estate agent": Trade("房产中介", "K", 26, 9, 19, 35),
    "property manager": Trade("物业公司", "K", 34, 8, 18, 30),
    "law office": Trade("律师事务所", "L", 26, 9, 18, 60),
    "travel agency": Trade("旅行社", "L", 24, 9, 18, 45),
    "design studio": Trade("设计工作室", "M", 22, 9, 18.5, 45),
    "marine research office": Trade("海洋研究所", "M", 30, 8.5, 17.5, 40),
    "survey office": Trade("测绘院", "M", 26, 8.5, 17.5, 45),
    "software company": Trade("软件公司", "I", 18, 9, 18.5, 55),
    "telecom office": Trade("通信营业部", "I", 28, 8.5, 17.5, 90),
    "trading company": Trade("贸易公司", "F", 24, 9, 18, 180),
    "shipping agency": Trade("船务代理", "G", 24, 8.5, 18, 110),
    "insurance office": Trade("保险营业部", "J", 24, 9, 17.5, 120),
    "building contractor": Trade("建筑工程公司", "E", 28, 8, 17.5, 90),
    "utility office": Trade("公用事业营业厅", "D", 30, 8.5, 17.5, 110),
    "bus company": Trade("公交公司", "G", 24, 5.5, 22.5, 25),
    "taxi office": Trade("出租车公司", "G", 30, 0, 24, 20),
    "government hall": Trade("政务服务大厅", "S", 26, 8.5, 17.5, 0),
    "community office": Trade("社区居委会", "S", 28, 8.5, 17.5, 0),
    "police station": Trade("派出所", "S", 24, 0, 24, 0),
    "fire station": Trade("消防站", "S", 40, 0, 24, 0),
    "maritime office": Trade("海事处", "S", 28, 8, 18, 0),
    "kindergarten": Trade("幼儿园", "P", 60, 7.5, 17.5, 12),
    "school": Trade("学校", "P", 100, 7.3, 18, 0),
    "hospital": Trade("医院", "Q", 32, 0, 24, 45),
    "ambulance station": Trade("急救站", "Q", 60, 0, 24, 0),
    "care home": Trade("养老院", "Q", 45, 0, 24, 18),
    "data centre": Trade("数据机房", "I", 120, 0, 24, 150),
    "cold store": Trade("冷库", "G", 85, 6, 18, 90, "ammonia"),
    "warehouse": Trade("仓库", "G", 110, 7, 18, 80),
    "stevedore": Trade("装卸公司", "G", 45, 6, 18, 35),
    "fish processor": Trade("水产加工厂", "C", 30, 6, 18, 60),
    "boatyard": Trade("修船厂", "C", 50, 7, 17, 45),
    "fishing cooperative": Trade("渔业合作社", "A", 32, 4, 17, 40),
    "refuse depot": Trade("环卫站", "N", 30, 4, 18, 0),
    "drainage depot": Trade("排水管理所", "N", 36, 0, 24, 0),
}
SECTORS = "ABCDEFGHIJKLMNOPQRST"
"""Of GB/T 4754-2017, sections."""
FITS: dict[str, frozenset[str]] = {
    "port": frozenset({"cold store", "warehouse", "stevedore", "fish processor", "boatyard", "fishing cooperative"})
    | {"refuse depot", "maritime office", "market", "filling station", "bus company"},
    "school": frozenset({"school"}),
    "hospital": frozenset({"hospital", "ambulance station"}),
    "pumping station": frozenset({"drainage depot"}),
    "substation": frozenset(),
    "residential": frozenset(),
}
_NOT_IN_TOWN = frozenset({"school", "hospital", "ambulance station", "warehouse", "stevedore", "boatyard"}) | {
    "cold store", "fish processor", "drainage depot"
}  # fmt: skip
GROUND = {
    "restaurant": 20, "grocery": 14, "clothing shop": 9, "fruit shop": 7, "hairdresser": 8, "pharmacy": 5,
    "bakery": 6, "café": 6, "seafood shop": 6, "repair shop": 5, "hardware shop": 5, "bank branch": 3,
    "fishing gear shop": 2, "bookshop": 2, "wholesaler": 5,
}  # fmt: skip
UPPER = {
    "restaurant": 12, "training centre": 10, "design studio": 12, "clinic": 6, "fitness club": 5, "estate agent": 7,
    "law office": 6, "travel agency": 5, "clothing shop": 8, "trading company": 12, "hotel": 5, "property manager": 6,
    "software company": 6,
}  # fmt: skip
OFFICE = {
    "software company": 18, "trading company": 16, "shipping agency": 14, "design studio": 9, "insurance office": 7,
    "law office": 8, "building contractor": 8, "marine research office": 5, "property manager": 6, "survey office": 3,
    "telecom office": 3, "utility office": 3,
}  # fmt: skip
PORT = {"warehouse": 5, "cold store": 2, "fish processor": 4, "boatyard": 2, "stevedore": 3, "fishing cooperative": 3}
ALONE = {"school": "school", "hospital": "hospital", "pumping station": "drainage depot"}
"""Uses whose buildings hold one enterprise."""
MIX = {"shop": GROUND, "office": OFFICE, "port": PORT}
TALL_STOREYS = 8
"""From so many storeys on, the floors of a shopping house above the second are one hotel."""
UNIT_M2 = {"shop": 170.0, "office": 480.0, "port": 1500.0}
UPPER_UNIT_M2 = 330.0
VACANT_SHARE = 0.05
LEAST_PLAN_M2 = 60.0
"""Smaller buildings (a lighthouse) house no enterprise."""
WHOLE = frozenset({"kindergarten", "school", "hospital", "fire station", "police station", "filling station"}) | {
    "cold store", "market"
}  # fmt: skip
WHOLE_M2 = 2500.0
"""These trades take all of a building up to this floor area, others its ground floor."""
PUPIL_M2 = 8.0
"""Floor a place in a school. Rule of this project, in the order of the building standards for urban schools."""
PUPILS_PER_JOB = {"school": 14.0, "kindergarten": 9.0}
SALES_BANDS = (100.0, 500.0, 2000.0, 10000.0)
"""Upper ends [10,000 CNY a year] of bands 1 to 4; 5 is above, 0 a public body."""


def fits(use: str, trade: str) -> bool:
    """Whether a trade may be in a building of this use."""
    return trade in FITS[use] if use in FITS else trade not in _NOT_IN_TOWN


SUPPLIES: tuple[tuple[str, str, str, float], ...] = (
    ("fishing cooperative", "market", "fish", 1.0),
    ("fishing cooperative", "fish processor", "fish", 1.0),
    ("fishing cooperative", "seafood shop", "fish", 0.7),
    ("market", "restaurant", "fish", 0.5),
    ("market", "hotel", "fish", 0.6),
    ("fish processor", "cold store", "frozen fish", 0.9),
    ("fish processor", "trading company", "frozen fish", 0.15),
    ("cold store", "seafood shop", "frozen fish", 0.6),
    ("cold store", "restaurant", "frozen food", 0.3),
    ("wholesaler", "grocery", "groceries", 0.9),
    ("wholesaler", "restaurant", "groceries", 0.6),
    ("wholesaler", "café", "groceries", 0.6),
    ("wholesaler", "bakery", "flour", 0.9),
    ("wholesaler", "hotel", "household goods", 0.6),
    ("wholesaler", "hardware shop", "hardware", 0.5),
    ("fruit shop", "café", "fruit", 0.3),
    ("bakery", "café", "bread", 0.7),
    ("bakery", "hotel", "bread", 0.5),
    ("trading company", "wholesaler", "imported goods", 0.9),
    ("trading company", "clothing shop", "clothing", 0.7),
    ("trading company", "pharmacy", "medicines", 0.6),
    ("trading company", "clinic", "medical supplies", 0.5),
    ("trading company", "hospital", "medical supplies", 1.0),
    ("trading company", "fishing gear shop", "fishing gear", 0.8),
    ("fishing gear shop", "fishing cooperative", "fishing gear", 0.9),
    ("boatyard", "fishing cooperative", "boat repair", 0.9),
    ("hardware shop", "boatyard", "hardware", 0.8),
    ("hardware shop", "building contractor", "hardware", 0.5),
    ("warehouse", "trading company", "storage", 0.5),
    ("warehouse", "wholesaler", "storage", 0.7),
    ("stevedore", "shipping agency", "cargo handling", 0.6),
    ("stevedore", "warehouse", "cargo handling", 0.8),
    ("shipping agency", "trading company", "freight", 0.5),
    ("shipping agency", "fish processor", "freight", 0.7),
    ("software company", "bank branch", "software", 0.5),
    ("software company", "shipping agency", "software", 0.5),
    ("software company", "hospital", "software", 0.9),
    ("software company", "government hall", "software", 1.0),
    ("survey office", "building contractor", "surveys", 0.5),
    ("design studio", "building contractor", "designs", 0.6),
    ("building contractor", "property manager", "repairs", 0.5),
    ("building contractor", "hospital", "repairs", 0.6),
    ("property manager", "clinic", "cleaning", 0.3),
    ("property manager", "software company", "cleaning", 0.3),
    ("law office", "trading company", "advice", 0.3),
    ("insurance office", "shipping agency", "insurance", 0.6),
    ("insurance office", "fishing cooperative", "insurance", 0.7),
    ("telecom office", "software company", "network", 0.6),
    ("filling station", "taxi office", "fuel", 1.0),
    ("filling station", "building contractor", "fuel", 0.4),
    ("marine research office", "fishing cooperative", "forecasts", 0.5),
)
"""Which trade supplies which with what, and the chance that a buyer buys here. Rules of this project."""
