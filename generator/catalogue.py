"""What the company sells, through which legal entities, and to whom.

Prices are minor units per seat and month, per currency; a year costs ten months. Tax rates are
in hundredths of a percent. Invented names only.
"""

from __future__ import annotations

import msgspec


class Entity(msgspec.Struct, frozen=True, kw_only=True):
    """A legal entity that sells."""

    code: str
    currency: str
    """Functional currency."""
    country: str
    tax_hundredths_percent: int
    tax_inclusive: bool
    tax_name: str
    jurisdiction: str
    fee_hundredths_percent: int
    """What the processor keeps of a payment …"""
    fee_fixed_minor: int
    """… plus this."""
    dispute_fee_minor: int


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """Something on the price list."""

    code: str
    name: str
    product_id: str
    crm_product_id: str
    monthly_minor: dict[str, int]


class Metered(msgspec.Struct, frozen=True, kw_only=True):
    """Something billed by use; the price of one unit is below a minor unit."""

    code: str
    name: str
    product_id: str
    unit_thousandths: dict[str, int]
    """Thousandths of a minor unit per unit."""


ENTITIES = (
    Entity(
        code="US01", currency="USD", country="US", tax_hundredths_percent=888,
        tax_inclusive=False, tax_name="Sales tax", jurisdiction="US-NY",
        fee_hundredths_percent=290, fee_fixed_minor=30, dispute_fee_minor=1_500,
    ),
    Entity(
        code="DE01", currency="EUR", country="DE", tax_hundredths_percent=1_900,
        tax_inclusive=False, tax_name="VAT", jurisdiction="DE",
        fee_hundredths_percent=150, fee_fixed_minor=25, dispute_fee_minor=2_000,
    ),
    Entity(
        code="JP01", currency="JPY", country="JP", tax_hundredths_percent=1_000,
        tax_inclusive=True, tax_name="Consumption tax", jurisdiction="JP",
        fee_hundredths_percent=360, fee_fixed_minor=0, dispute_fee_minor=1_300,
    ),
)  # fmt: skip
ENTITY_WEIGHTS = (55, 33, 12)
FOREIGN_CURRENCY = {"US01": "EUR", "DE01": "USD", "JP01": "USD"}

PRODUCTS = (
    Product(
        code="TEAM-SEAT", name="Team seat", product_id="prod_1TTeamSeat",
        crm_product_id="01t4H000004TeAmQAK",
        monthly_minor={"USD": 1_200, "EUR": 1_100, "JPY": 1_800},
    ),
    Product(
        code="PRO-SEAT", name="Pro seat", product_id="prod_1TProSeat",
        crm_product_id="01t4H000004PrOsQAK",
        monthly_minor={"USD": 2_900, "EUR": 2_700, "JPY": 4_300},
    ),
    Product(
        code="ENTERPRISE-SEAT", name="Enterprise seat", product_id="prod_1TEnterpriseSeat",
        crm_product_id="01t4H000004EnTpQAK",
        monthly_minor={"USD": 6_500, "EUR": 5_999, "JPY": 9_700},
    ),
    Product(
        code="SUPPORT", name="Premium support", product_id="prod_1TSupport",
        crm_product_id="01t4H000004SuPpQAK",
        monthly_minor={"USD": 19_900, "EUR": 18_900, "JPY": 29_000},
    ),
)  # fmt: skip
SUPPORT = PRODUCTS[3]
SEATS = PRODUCTS[:3]
SEAT_WEIGHTS = (5, 4, 1)
USAGE = Metered(
    code="API-CALLS", name="API calls", product_id="prod_1TApiCalls",
    unit_thousandths={"USD": 125, "EUR": 115, "JPY": 190},
)  # fmt: skip

CITIES = {
    "US": (("Springfield", "IL", "62701"), ("Dayton", "OH", "45402"), ("Portland", "OR", "97201")),
    "DE": (("Hamburg", "HH", "20457"), ("Bremen", "HB", "28195"), ("Leipzig", "SN", "04109")),
    "JP": (("Osaka", "27", "530-0001"), ("Nagoya", "23", "450-0002"), ("Sendai", "04", "980-0811")),
}
COUNTRY_NAMES = {"US": "United States", "DE": "Germany", "JP": "Japan"}
STREETS = ("Harbour Road", "Mill Lane", "Station Square", "Orchard Way", "Canal Street")
FIRST_WORDS = (
    "Amber Birch Cedar Delta Ember Falcon Granite Harbor Indigo Juniper Keystone Lantern Meadow "
    "Northwind Opal Pioneer Quartz Raven Summit Tundra Umber Violet Willow Zephyr"
).split()
SECOND_WORDS = (
    "Logistics Foods Robotics Textiles Clinics Media Energy Optics Freight Tools Bakery Shipping "
    "Studios Analytics Furniture Chemicals"
).split()
LEGAL_FORMS = {"US": ("Inc.", "LLC"), "DE": ("GmbH", "AG"), "JP": ("K.K.", "G.K.")}
