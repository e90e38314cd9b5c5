"""What must hold when a peer's message is refused."""

from __future__ import annotations

from typing import Any

import httpx
from hosting import BRAVO
from liar import Liar, new_id, volume

from luftrom.api.http.problem import CODES
from luftrom.audit.equivocation import verify_equivocation
from luftrom.errors import Unverified
from luftrom.exchange.message import Message


def refused(liar: Liar, said: Message | bytes | httpx.Response, status: int, code: str,
            says: str = "", *, proof: str | None = None, proves: bool = True,
            breaks: bool | None = None) -> dict[str, Any]:
    """Alfa refuses with this status, code and reason, keeps this kind of proof, and is unchanged.

    A kept proof verifies offline where it `proves`, and breaks the channel unless `breaks` says
    otherwise. Returns the problem.
    """
    house = liar.house
    before = unrevised(house.digest())
    answer = said if isinstance(said, httpx.Response) else liar.post(said)
    assert answer.status_code == status, answer.text
    problem = answer.json()
    assert problem["code"] == code and code in CODES, problem
    assert says in problem["detail"], problem
    assert unrevised(house.digest()) == before
    kept = house.node.proofs()
    if proof is None:
        assert kept == []
        assert house.channel()["state"] != "broken"
    else:
        (party, kind, document), = kept
        assert (party, kind) == (BRAVO, proof)
        verifies(document, liar, proves)
        assert (house.channel()["state"] == "broken") == (proof != "statement"
                                                          if breaks is None else breaks)
    if status == 422:
        assert problem["detail"][:100] in house.channel()["last_error"]
    serves(liar)
    return problem


def unrevised(digest: tuple[Any, ...]) -> tuple[Any, ...]:
    """Whoever starts from the store goes on above every revision that was ever shown."""
    return digest[0] | {"revision": None}, *digest[1:]


def verifies(document: bytes, liar: Liar, proves: bool) -> None:
    """A stranger with the agreement alone is convinced, or told that it proves nothing."""
    try:
        assert verify_equivocation(document, liar.agreement).party == BRAVO
    except Unverified as error:
        assert not proves and error.code == "not_proven", error
    else:
        assert proves


def serves(liar: Liar) -> None:
    """Clients are answered: they read, and they can give a notice, which waits for nobody."""
    http = liar.house.http
    assert http.get("/v1/operational_intents").status_code == 200
    assert http.get("/v1/conflicts").status_code == 200
    answer = http.put(f"/v1/constraints/{new_id()}",
                      json={"name": "Closed", "volumes": [volume(lat=60.0)]})
    assert answer.status_code == 201, answer.text
