"""A seeded SaaS company, written as its source systems would deliver it.

`company.py` is the door. Same plan, same bytes: no clock, no global random state. The story of
a contract is in `life.py` and `episodes.py`, the providers' JSON in `stripe_present.py`,
`stripe_past.py` and `salesforce.py`, what goes wrong on the way in `faults.py` and
`delivery.py`. Nothing here knows the ledger's rules: amounts are made consistent here so that
the ledger can be tested against them.
"""
