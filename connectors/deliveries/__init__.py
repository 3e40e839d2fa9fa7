"""Delivery of postings to the ERP: one small interface, three ways (Tryton, HTTP, files).

`draining` empties the outbox through any of them; `delivery` says what each must do. Nothing here
decides what is booked, and no pipeline waits for anything here.
"""

from connectors.deliveries.delivery import (
    Accepted,
    Delivery,
    ErpAway,
    ErpUnusable,
    Parcel,
    Refused,
    Shipment,
    Verdict,
)

__all__ = [
    "Accepted",
    "Delivery",
    "ErpAway",
    "ErpUnusable",
    "Parcel",
    "Refused",
    "Shipment",
    "Verdict",
]
