"""Headers that count are there once; gzip comes where it is asked for."""

from __future__ import annotations

import pytest

from luftrom.api.http.headers import ONCE, check_headers, takes_gzip
from luftrom.errors import BadInput


@pytest.mark.parametrize("name", sorted(ONCE))
def test_twice_is_refused_by_name(name: bytes) -> None:
    check_headers([(name, b"a"), (b"accept", b"b"), (b"accept", b"c")])
    with pytest.raises(BadInput, match="twice") as refusal:
        check_headers([(name, b"a"), (b"accept", b"b"), (name, b"a")])
    assert str(refusal.value.field).lower() == name.decode()


@pytest.mark.parametrize("asked", ["gzip", "GZIP", "x-gzip", "identity, gzip", "br, gzip;q=0.5",
                                   "gzip ; q=0.001", "*", "identity;q=0.5,*;q=0.1", "gzip,*;q=0"])
def test_gzip_that_is_asked_for(asked: str) -> None:
    assert takes_gzip(asked)


@pytest.mark.parametrize("asked", ["", "identity", "br", "gzip;q=0", "gzip;q=0.000", "gzip; q=0, *",
                                   "*;q=0", "gzipped", "br, zstd;q=0.5", ",", "gzip;q="])
def test_gzip_that_is_not(asked: str) -> None:
    assert not takes_gzip(asked)
