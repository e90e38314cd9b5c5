"""Headers that count are there once."""

from __future__ import annotations

import pytest

from luftrom.api.http.headers import ONCE, check_headers
from luftrom.errors import BadInput


@pytest.mark.parametrize("name", sorted(ONCE))
def test_twice_is_refused_by_name(name: bytes) -> None:
    check_headers([(name, b"a"), (b"accept", b"b"), (b"accept", b"c")])
    with pytest.raises(BadInput, match="twice") as refusal:
        check_headers([(name, b"a"), (b"accept", b"b"), (name, b"a")])
    assert str(refusal.value.field).lower() == name.decode()
