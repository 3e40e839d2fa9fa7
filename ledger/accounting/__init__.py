"""Posting rules: from the events of one contract to the journal entries that should stand.

`build.fold_accounting` is the door. It sorts the events (`kinds`), joins those that tell the same
(`evidence`, `payment_evidence`, `totals`), gives them to their claims (`linking`), opens each claim
(`issue`, `accruals`, `usage`, `grants`) and works through what happened to it (`timeline`:
`payments`, `refunds`, `disputes`, `adjustments`, all taking revenue back through `takeback`, and
`wallets`) and recognises what is over (`recognise`). `poster` builds every entry. Which way
accountants differ is asked of the policy, never decided here.
"""
