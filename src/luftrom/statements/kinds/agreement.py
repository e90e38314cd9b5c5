"""`agreement`: the first statement under an agreement says that what follows rests on it."""

from __future__ import annotations

from luftrom.statements.kind import Kind, encode_nothing, read_nothing

KIND: Kind[None, None] = Kind("agreement", (), read_nothing, encode_nothing)
