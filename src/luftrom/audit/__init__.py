"""Audit: is every log whole, signed and receipted, as the bytes themselves prove it?

A narrow reader goes in (the rows of a database, or tiles over HTTP), a report comes out: the steps
that were taken for each log, and for the first failure of each what it was and at which leaf.
Nothing is believed because it is stored, and one failure does not hide the next. Whoever audits
needs the agreement and no private key. `equivocation` holds the proofs that a party lied.
"""
