"""A node whose clock is an hour off agrees with its peer all the same, and the doctor says so."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from processes import PARTIES, Client, check_on_disk, luftrom, terms, wait_until_equal

from luftrom.cli.demo import twonodes
from luftrom.cli.demo.twonodes import PartyNode
from luftrom.config.settings import load_settings
from luftrom.config.token import mint_token

# Everything in this process that asks the time is told another one.
SERVE = """
import sys, time
real_s, real_ns, off_s = time.time, time.time_ns, int(sys.argv[1])
time.time = lambda: real_s() + off_s
time.time_ns = lambda: real_ns() + off_s * 10**9
sys.argv = ["luftrom", "serve", "--dir", sys.argv[2]]
from luftrom.cli.main import main
main()
"""


def serve(node: PartyNode, off_s: int) -> None:
    with open(node.directory / twonodes.LOG_NAME, "ab") as output:
        node.process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(off_s), str(node.directory)],
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)


def token(node: PartyNode) -> str:
    """A token that is valid an hour ago and in an hour."""
    scopes = ("luftrom.read", "luftrom.write", "utm.strategic_coordination")
    return mint_token(load_settings(node.directory), "uss1", scopes, 4 * 3600,
                      time.time_ns() - 2 * 3600 * 10**9)


@pytest.mark.parametrize("off_s", [3600, pytest.param(-3600, marks=pytest.mark.slow)])
def test_an_hour_off(tmp_path: Path, off_s: int) -> None:
    nodes, _ = twonodes.found(tmp_path, PARTIES, terms("hold", 5.0))
    alfa, bravo = (Client(node, token(node)) for node in nodes)
    try:
        serve(nodes[0], 0)
        serve(nodes[1], off_s)
        twonodes.wait_until_linked(nodes)
        wait_until_equal(alfa, bravo)
        for i in range(5):
            assert alfa.declare(10.0 + i).status_code == 201
        assert bravo.declare(30.0).status_code == 201
        assert bravo.declare(10.0).status_code == 409
        assert alfa.declare(30.0).status_code == 409
        with ThreadPoolExecutor(8) as pool:
            asked = [(pool.submit(alfa.declare, 50 + i), pool.submit(bravo.declare, 50 + i))
                     for i in range(8)]
            told = {(a.result().status_code, b.result().status_code) for a, b in asked}
        assert told <= {(201, 409), (409, 201)}
        digest = wait_until_equal(alfa, bravo)
        code, said = luftrom("doctor", "--dir", nodes[0].directory)
        clocks, = (check for check in said["checks"] if check["name"] == "clocks")
        assert (code, clocks["verdict"]) == (1, "fail") and "NTP" in clocks["mend"]
        # Its clock is put right: counters and times go on from where they were.
        twonodes.stop(nodes[1:])
        serve(nodes[1], 0)
        twonodes.wait_until_linked(nodes)
        assert alfa.declare(40.0).status_code == 201
        before, digest = digest, wait_until_equal(alfa, bravo)
        assert digest != before
        twonodes.stop(nodes)
        check_on_disk(nodes, digest)
    finally:
        for client in (alfa, bravo):
            client.http.close()
        twonodes.stop(nodes)

