"""Customers whose stories the Stripe and Salesforce files do not tell, as canonical events.

Usage corrected and late, prepaid credit, amendments that billing follows or not, pauses, currencies
without decimals and with three, entities that sell, bill and collect for each other, several taxes,
money taken back at other rates, and what becomes known in a later month. `company.py` adds them
with `depth_rounds` in the plan: every round tells every story once, with amounts of its own.
"""
