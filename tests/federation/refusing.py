"""What must hold when a peer's message is refused, or what it says counts for nothing."""

from __future__ import annotations

import contextlib
from typing import Any

import httpx
from hosting import BRAVO
from liar import Liar, Said, new_id, volume

from luftrom.api.http.problem import CODES
from luftrom.audit.equivocation import verify_equivocation
from luftrom.audit.holding import audit_holding
from luftrom.errors import Unverified
from luftrom.state.record import VOID, Record
from luftrom.store.sqlite import SqliteStore


def refused(liar: Liar, said: Said | bytes | httpx.Response, status: int, code: str,
            says: str = "", *, proof: str | None = None, proves: bool = True,
            breaks: bool | None = None, by: str = BRAVO) -> dict[str, Any]:
    """Alfa refuses with this status, code and reason, keeps this kind of proof, and is unchanged.

    A kept proof verifies offline where it `proves`, and breaks the channel unless `breaks` says
    otherwise; it is of what the party `by` signed. Returns the problem.
    """
    house = liar.house
    before = unrevised(house.digest())
    answer = said if isinstance(said, httpx.Response) else liar.post(said)
    assert answer.status_code == status, answer.text
    problem = answer.json()
    assert problem["code"] == code and code in CODES, problem
    assert says in problem["detail"], problem
    assert unrevised(house.digest()) == before
    if proof is None:
        assert house.node.proofs() == []
        assert house.channel()["state"] != "broken"
    else:
        keeps(liar, proof, proves, by)
        assert (house.channel(by)["state"] == "broken") == (proof != "statement"
                                                            if breaks is None else breaks)
    if status == 422:
        assert problem["detail"][:100] in house.channel(liar.name)["last_error"]
    serves(liar)
    return problem


def keeps(liar: Liar, kind: str, proves: bool = True, by: str = BRAVO) -> None:
    """Alfa holds exactly one proof, of this kind and against that party; it verifies offline, or
    says that it proves nothing."""
    (party, held, document), = (each for each in liar.house.node.proofs()
                                if each[1] == kind or each[1] != "void")
    assert (party, held) == (by, kind)
    verifies(document, liar, proves, by)


def void(liar: Liar, index: int, says: str = "", *, proof: bool = False, proves: bool = True,
         ) -> Record:
    """The leaf counts for nothing at alfa, and stops nothing: what follows it is applied, and
    alfa's audit verifies.

    Where its content is none, `proof` of that is kept.
    """
    record = liar.house.node.airspace.records[liar.name, index]
    assert record.status == VOID and says in record.void, record
    assert record.volumes == () and not record.met and record.entity_id == ""
    if proof:
        keeps(liar, "statement", proves, liar.name)
    else:
        assert liar.house.node.proofs() == []
    liar.append(liar.statement("agreement"))
    liar.talk()
    channel = liar.house.channel(liar.name)
    assert channel["applied_size"] == len(liar.leaves)
    assert (channel["state"], channel["last_error"]) == ("fresh", None)
    serves(liar)
    audits(liar)
    return record


def audits(liar: Liar) -> None:
    """What alfa holds verifies, whatever bravo has put into its own log."""
    house = liar.house
    own = liar.agreement.party(house.node.party)
    with contextlib.closing(SqliteStore(house.settings.directory / f"{own.name}.sqlite3",
                                        read_only=True)) as store:
        report = audit_holding(store, own, liar.agreement)
    assert report.verified, report.verdict


def unrevised(digest: tuple[Any, ...]) -> tuple[Any, ...]:
    """Whoever starts from the store goes on above every revision that was ever shown."""
    return digest[0] | {"revision": None}, *digest[1:]


def verifies(document: bytes, liar: Liar, proves: bool, by: str = BRAVO) -> None:
    """A stranger with the agreement alone is convinced, or told that it proves nothing."""
    try:
        assert verify_equivocation(document, liar.agreement).party == by
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
