"""Write bad/: what is refused, each file broken in the one way that its name says.

Statements start from one good statement by a key that tests know; where the signature is not what
is broken they are signed, so that nothing but the format can refuse them.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PLACE = Path(__file__).parent / "bad"
KEY = Ed25519PrivateKey.from_private_bytes(b"statements of alfa.example......")
HEAD = {"alg": "Ed25519", "kid": "alfa.example#statements",
        "typ": "vnd.luftrom.statement.v2+sd-jwt"}
DIGEST = "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0"
DIGESTS = [DIGEST, "Y" + DIGEST[1:], "Z" + DIGEST[1:]]
CLAIMS = {"iss": "alfa.example", "type": "declaration", "index": 7, "iat": 1790000000,
          "agreement": "ab" * 32,
          "seen": {"bravo.example": {"size": 3, "root": "A" * 43, "time": 1789999999}},
          "audience": ["bravo.example"], "size": -7, "_sd": DIGESTS, "_sd_alg": "sha-256"}
RULING = {"index": 5, "accepted": True, "unacknowledged": [], "against": []}
LINE = ("— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXm"
        "RKuwHjG1Yu72IneyaQM=")


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def dump(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def sign(payload: bytes, head: Any = HEAD) -> str:
    signed = f"{b64(dump(head))}.{b64(payload)}"
    return f"{signed}.{b64(KEY.sign(signed.encode()))}"


def changed(**claims: Any) -> str:
    return sign(dump({name: value for name, value in (CLAIMS | claims).items()
                      if value is not None}))


def of_kind(kind: str, **claims: Any) -> str:
    head = {name: CLAIMS[name] for name in ("iss", "index", "iat", "agreement", "seen")}
    return sign(dump({"iss": head.pop("iss"), "type": kind, **head, **claims}))


def ruling(*rulings: Any, **more: Any) -> str:
    return of_kind("ruling", rulings=rulings, **more)


def notice(**entity: Any) -> str:
    return of_kind("notice", entity={"id": "2f8343be", "version": 1} | entity, _sd=[DIGEST],
                   _sd_alg="sha-256")


def statements() -> dict[str, str]:
    good = sign(dump(CLAIMS))
    head, payload, signature = good.split(".")
    reordered = dict(reversed(CLAIMS.items()))
    seen = CLAIMS["seen"]["bravo.example"]
    return {
        "unknown-type": changed(type="greeting"), "no-type": changed(type=None),
        "claim-unknown": changed(colour="red"), "claim-of-another-type": changed(of=3),
        "claim-missing": changed(size=None), "no-digests": changed(_sd=None, _sd_alg=None),
        "no-digest-algorithm": changed(_sd_alg=None), "other-digest-algorithm": changed(
            _sd_alg="sha-512"),
        "digest-too-few": changed(_sd=DIGESTS[:2]),
        "digest-to-spare": changed(_sd=[*DIGESTS, "a" + DIGEST[1:]]),
        "digest-twice": changed(_sd=[*DIGESTS[:2], DIGEST]),
        "digest-short": changed(_sd=[*DIGESTS[:2], DIGEST[:-1]]),
        "digest-with-loose-bits": changed(_sd=[*DIGESTS[:2], DIGEST[:-1] + "1"]),
        "digests-of-none": of_kind("withdrawal", of=3, _sd=[DIGEST], _sd_alg="sha-256"),
        "identifier-in-the-clear": changed(entity={"id": "x", "version": 1}),
        "audience-empty": changed(audience=[]), "audience-twice": changed(
            audience=["bravo.example"] * 2), "audience-in-words": changed(audience="everybody"),
        "size-below-the-least": changed(size=-21), "size-beyond-the-earth": changed(size=128),
        "size-a-float": changed(size=-7.0),
        "withdrawal-with-an-entity": of_kind(
            "withdrawal", of=3, entity={"id": "2f8343be", "version": 1}),
        "withdrawal-of-nothing": of_kind("withdrawal"),
        "lost-nothing": of_kind("lost", leaves=[]),
        "lost-unsorted": of_kind("lost", leaves=[4, 3]),
        "lost-twice": of_kind("lost", leaves=[3, 3]),
        "lost-itself": of_kind("lost", leaves=[7]),
        "restored-on-nobodys-word": of_kind("restored", held=[], _sd=[DIGEST], _sd_alg="sha-256"),
        "restored-word-without-root": of_kind(
            "restored", held=[{"party": "b", "size": 3, "head": "A" * 43}], _sd=[DIGEST],
            _sd_alg="sha-256"),
        "restored-words-unsorted": of_kind(
            "restored", held=[{"party": name, "size": 3, "root": "A" * 43, "head": "A" * 43}
                              for name in ("c", "b")], _sd=[DIGEST], _sd_alg="sha-256"),
        "seen-without-time": changed(seen={"b": {"size": 3, "root": "A" * 43}}),
        "seen-time-negative": changed(seen={"b": {"size": 3, "root": "A" * 43, "time": -1}}),
        "seen-time-first": changed(seen={"b": {"time": 1, "size": 3, "root": "A" * 43}}),
        "index-negative": changed(index=-1), "index-a-float": changed(index=7.0),
        "index-true": changed(index=True), "index-huge": changed(index=2**53),
        "time-beyond-the-end": changed(iat=2**62), "version-zero": notice(version=0),
        "entity-with-spaces": notice(id="a b"), "entity-with-more": notice(name="y"),
        "agreement-no-digest": changed(agreement="AB" * 32),
        "seen-without-agreement": changed(agreement=None),
        "agreement-without-seen": changed(seen=None),
        "seen-root-with-padding": changed(seen={"b": seen | {"root": "A" * 43 + "="}}),
        "seen-a-list": changed(seen=[seen]), "author-upper-case": changed(iss="Alfa"),
        "two-authors": changed(iss="bravo.example"),
        "order-of-claims": sign(dump(reordered)), "spaces": sign(json.dumps(CLAIMS).encode()),
        "escaped": sign(dump(CLAIMS).replace(b"alfa", b"\\u0061lfa", 1)),
        "member-twice": sign(dump(CLAIMS)[:-1] + b',"index":7}'),
        "not-utf-8": sign(b'{"iss":"\xff"}'), "not-json": sign(b"index"), "list": sign(b"[]"),
        "deep": sign(b"[" * 20_000), "nan": sign(dump(CLAIMS).replace(b"790000000", b"NaN")),
        "trailing-space": sign(dump(CLAIMS) + b" "),
        "algorithm-eddsa": sign(dump(CLAIMS), HEAD | {"alg": "EdDSA"}),
        "algorithm-none": sign(dump(CLAIMS), HEAD | {"alg": "none"}),
        "type-of-another-version": sign(dump(CLAIMS), HEAD | {
            "typ": "vnd.luftrom.statement.v1+sd-jwt"}),
        "header-with-more": sign(dump(CLAIMS), HEAD | {"crit": ["x"]}),
        "key-of-another-role": sign(dump(CLAIMS), HEAD | {"kid": "alfa.example#log"}),
        "two-parts": f"{head}.{payload}", "four-parts": good + ".", "empty": "",
        "padding": f"{head}.{payload}=.{signature}", "signature-short": good[:-2],
        "standard-base64": f"{head}.{payload}.{'+' * 86}", "line-end": good + "\n",
        "with-its-disclosures": good + "~WyIyIl0~",
        "rulings-none": ruling(), "ruling-without-index": ruling(
            {n: RULING[n] for n in ("accepted", "unacknowledged", "against")}),
        "ruling-twice": ruling(RULING, RULING), "rulings-unsorted": ruling(
            RULING, RULING | {"index": 4}),
        "ruling-accepted-and-lost": ruling(RULING | {"against": [["b", 1, "turn"]]}),
        "ruling-head-no-jws": ruling(RULING, heads={"bravo.example": "head"}),
        "ruling-heads-a-list": ruling(RULING, heads=["a.b.c"]),
        "ruling-heads-empty": ruling(RULING, heads={}),
        "ruling-opened-empty": ruling(RULING, opened={}),
        "ruling-opened-negative": ruling(RULING, opened={"bravo.example": -1}),
        "ruling-opened-before-heads": ruling(
            RULING, opened={"bravo.example": 1}, heads={"bravo.example": "a.b.c"}),
        "ruling-in-words": ruling(RULING | {"accepted": "yes"}),
        "ruling-against-two": ruling(RULING | {"accepted": False, "against": [["b", 1]]}),
        "ruling-with-a-sentence": ruling(
            RULING | {"accepted": False, "against": [["b", 1, "It lost."]]})}


def notes() -> dict[str, bytes]:
    text = "This is an example message.\n"
    return {
        "no-signature": f"{text}\n".encode(), "no-empty-line": f"{text}{LINE}\n".encode(),
        "no-text": f"\n{LINE}\n".encode(), "no-last-line-end": f"{text}\n{LINE}".encode(),
        "hyphen-for-dash": f"{text}\n{LINE.replace('—', '-')}\n".encode(),
        "two-spaces": f"{text}\n{LINE.replace(' Uw', '  Uw')}\n".encode(),
        "no-name": f"{text}\n{LINE.replace('example.com/foo', '')}\n".encode(),
        "plus-in-name": f"{text}\n{LINE.replace('example.com/', 'a+b')}\n".encode(),
        "no-padding": f"{text}\n{LINE[:-1]}\n".encode(),
        "loose-bits": f"{text}\n{LINE.replace('QM=', 'QN=')}\n".encode(),
        "key-id-alone": f"{text}\n— example.com/foo Uw2QOg==\n".encode(),
        "line-ends-of-dos": f"{text}\n{LINE}\n".replace("\n", "\r\n").encode(),
        "tab-in-text": f"This\tis\n\n{LINE}\n".encode(), "not-utf-8": b"\xff\n\n" + LINE.encode()
        + b"\n", "text-behind": f"{text}\n{LINE}\nmore\n".encode(),
        "two-empty-lines-at-the-end": f"{text}\n{LINE}\n\n".encode()}


def main() -> None:
    """Write all files anew."""
    PLACE.mkdir(exist_ok=True)
    for old in PLACE.iterdir():
        old.unlink()
    for name, leaf in statements().items():
        (PLACE / f"statement-{name}.jws").write_text(leaf, newline="")
    for name, note in notes().items():
        (PLACE / f"note-{name}.txt").write_bytes(note)


if __name__ == "__main__":
    main()
