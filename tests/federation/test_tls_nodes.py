"""Two real nodes that end TLS themselves, under certificates of a closed network's authority."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from processes import PARTIES, Client, luftrom, start, terms, wait_for, wait_until_equal

from certificates import Authority
from luftrom.cli.demo import twonodes
from luftrom.cli.demo.twonodes import PartyNode
from luftrom.tls import client_context


def trust(node: PartyNode, authority: Path) -> None:
    """The node's certificate, and the authority that its calls trust, in its settings."""
    with open(node.directory / "config.toml", "a") as config:
        config.write(f'\n[tls]\ncertificate = "tls.crt"\nkey = "tls.key"\n'
                     f"authority = {json.dumps(str(authority))}\n")


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[list[PartyNode]]:
    """Two founded parties, whose base URLs begin with https: and are where they listen."""
    authority, found = Authority(tmp_path), []
    for party, port in zip(PARTIES, twonodes.free_ports(2), strict=True):
        base_url = f"https://localhost:{port}"
        made = luftrom("init", "--dir", tmp_path / party, "--party", party, "--base-url", base_url,
                       "--listen", f"127.0.0.1:{port}")[1]
        node = PartyNode(party, tmp_path / party, base_url, made["fingerprint"])
        issued = authority.issue("localhost", name=party)
        issued.certificate.rename(node.directory / "tls.crt")
        issued.key.rename(node.directory / "tls.key")
        found.append(node)
    (tmp_path / "terms.json").write_text(json.dumps(terms("hold", 2.0)))
    draft = tmp_path / "agreement.json"
    luftrom("agreement", "new", "--terms", tmp_path / "terms.json", "--out", draft,
            *(node.directory / "keycard.json" for node in found))
    for node in found:
        luftrom("agreement", "sign", "--dir", node.directory, "--yes", draft)
    for node in found:
        luftrom("agreement", "install", "--dir", node.directory, draft)
    try:
        yield found
    finally:
        twonodes.stop(found)
        for node in found:
            if (node.directory / twonodes.LOG_NAME).exists():
                assert "Traceback" not in node.last_lines(60)


def checks_of(node: PartyNode) -> dict[str, tuple[str, str]]:
    """What the doctor finds."""
    document = luftrom("doctor", "--dir", node.directory)[1]
    return {check["name"]: (check["verdict"], check["seen"]) for check in document["checks"]}


def test_a_declaration_over_tls(nodes: list[PartyNode], tmp_path: Path) -> None:
    for node in nodes:
        trust(node, tmp_path / "ca.pem")
    start(*nodes)
    clients = []
    for node in nodes:
        client = Client(node, twonodes.mint(node, "uss1", 3600))
        client.http.close()
        client.http = httpx.Client(base_url=node.base_url, headers=client.http.headers, timeout=30,
                                   trust_env=False, verify=client_context(tmp_path / "ca.pem"))
        clients.append(client)
    try:
        assert clients[0].declare(47).status_code == 201
        wait_until_equal(*clients)
    finally:
        for client in clients:
            client.http.close()
    checks = checks_of(nodes[0])
    assert {verdict for verdict, _ in checks.values()} == {"ok"}, checks
    assert "for localhost, until" in checks["certificate"][1]
    assert "our node answers" in checks["port"][1] and "ca.pem" in checks["authorities"][1]
    twonodes.stop(nodes)
    assert [node.process.returncode for node in nodes] == [0, 0]


def test_an_authority_that_is_not_trusted_is_told_at_both_ends(nodes: list[PartyNode],
                                                               tmp_path: Path) -> None:
    alfa, bravo = nodes
    other = Authority(tmp_path, "other")
    trust(alfa, other.path)
    trust(bravo, tmp_path / "ca.pem")
    start(alfa, bravo)
    said = "its certificate is from an authority that is not trusted here"
    wait_for(lambda: "TLS with 127.0.0.1 failed: it does not trust the authority of our "
             "certificate (unknown ca)" in bravo.last_lines(60), "bravo is told nothing")
    assert "authority of our certificate" not in alfa.last_lines(60)
    verdict, seen = checks_of(alfa)["bravo.example"]
    assert verdict == "fail" and said in seen
    channel = luftrom("status", "--dir", alfa.directory)[1]["channels"][0]
    assert channel["checks_missed"] > 0
