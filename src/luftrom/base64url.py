"""Base64url without padding, bytes to text and back (RFC 4648, section 5; RFC 7515, section 2).

One value has one text: padding, other alphabets, spaces and stray last bits are refused.
"""

from __future__ import annotations

import binascii

from luftrom.errors import BadInput

_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_+/", b"+/!!")   # an exclamation mark is in neither alphabet


def encode_base64url(data: bytes) -> str:
    """Bytes to their text."""
    return binascii.b2a_base64(data, newline=False).rstrip(b"=").translate(_TO_URL).decode()


def parse_base64url(text: str | bytes, field: str | None = None) -> bytes:
    """Text to bytes; BadInput unless it is the one text of these bytes."""
    try:
        raw = text.encode("ascii") if isinstance(text, str) else text
        data = binascii.a2b_base64(raw.translate(_FROM_URL) + b"=" * (-len(raw) % 4),
                                   strict_mode=True)
    except ValueError:                     # binascii.Error and UnicodeEncodeError are ValueErrors
        raise BadInput("must be base64url without padding", field=field) from None
    if encode_base64url(data).encode() != raw:
        raise BadInput("must be base64url without padding", field=field)
    return data
