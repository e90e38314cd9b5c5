"""A base URL with a path: everything works behind a proxy that strips it, one that does not, and
without a proxy."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from urllib.parse import urljoin

import httpx
import pytest

from conftest import House, new_id, running, volume
from luftrom.cli.client import NodeClient

PATH = "/luftrom"


class StrippingProxy:
    """A reverse proxy: what comes below PATH goes on to a port without it, the rest is a 404."""

    def __init__(self, strips: bool = True) -> None:
        self.strips = strips
        self.port_behind = 0
        self.door = socket.create_server(("127.0.0.1", 0))
        self.port = self.door.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                client, _ = self.door.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(client,), daemon=True).start()

    def _one(self, client: socket.socket) -> None:
        """One request a connection, as `Connection: close` says to both sides."""
        with client:
            head = b""
            while b"\r\n\r\n" not in head:
                part = client.recv(65_536)
                if not part:
                    return
                head += part
            line, _, rest = head.partition(b"\r\n")
            method, target, version = line.split(b" ")
            if target != PATH.encode() and not target.startswith(PATH.encode() + b"/"):
                client.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n"
                               b"Connection: close\r\n\r\n")
                return
            if self.strips:
                target = target[len(PATH):] or b"/"
            rest = re.sub(rb"(?i)\r\nconnection: [^\r]*", b"", b"\r\n" + rest)[2:]
            with socket.create_connection(("127.0.0.1", self.port_behind), timeout=20) as node:
                node.sendall(b" ".join((method, target, version)) + b"\r\nConnection: close\r\n"
                             + rest)
                length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
                left = int(length[1]) - len(head.partition(b"\r\n\r\n")[2]) if length else 0
                while left > 0:
                    part = client.recv(65_536)
                    left -= len(part)
                    node.sendall(part)
                while part := node.recv(65_536):
                    client.sendall(part)


@pytest.fixture(scope="module", params=[True, False], ids=["stripped", "passed on"])
def behind(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
           ) -> Iterator[tuple[House, str]]:
    """A node and the base URL at which its proxy answers."""
    proxy = StrippingProxy(request.param)
    base_url = f"http://127.0.0.1:{proxy.port}{PATH}"
    with contextlib.closing(proxy.door), running(
            tmp_path_factory.mktemp("behind"), base_url=base_url) as house:
        proxy.port_behind = house.settings.port
        yield house, base_url


@pytest.fixture
def client(behind: tuple[House, str]) -> Iterator[httpx.Client]:
    house, _ = behind
    with house.client() as direct, httpx.Client(headers=direct.headers, trust_env=False,
                                                timeout=30) as each:
        yield each


def test_the_console_and_all_it_needs(behind: tuple[House, str], client: httpx.Client) -> None:
    _, base_url = behind
    for start in (base_url, f"{base_url}/"):
        page = client.get(start, follow_redirects=True)
        assert page.status_code == 200 and str(page.url) == f"{base_url}/console/"
    named = re.findall(r'(?:src|href)="([^"#]+)"', page.text)
    assert "js/main.js" in named
    todo, seen = [urljoin(str(page.url), name) for name in named], set()
    while todo:
        url = todo.pop()
        answer = client.get(url)
        assert answer.status_code == 200, url
        seen.add(url)
        if url.endswith(".js") and "/js/" in url:
            todo += {urljoin(url, name) for name in
                     re.findall(r'from "([^"]+)"', answer.text)} - seen
    script = client.get(f"{base_url}/console/js/feed.js").text
    assert 'new URL("..", document.baseURI)' in script
    assert not re.search(r'["`]/v1', script), "a path from the root would pass by the proxy"


def test_the_description_and_health(behind: tuple[House, str], client: httpx.Client) -> None:
    _, base_url = behind
    page = client.get(f"{base_url}/docs")
    (document,) = re.findall(r"href='([^'#]+)'", page.text)
    found = client.get(urljoin(str(page.url), document)).json()
    assert found["servers"] == [{"url": base_url}]
    assert client.get(found["servers"][0]["url"] + "/healthz").json()["status"] == "ok"


def test_links_and_repeated_requests(behind: tuple[House, str], client: httpx.Client) -> None:
    house, base_url = behind
    made = client.put(f"{base_url}/v1/operational_intents/{new_id()}",
                      json={"volumes": [volume(47, 8)]})
    assert made.status_code == 201
    there = urljoin(str(made.url), made.headers["location"])
    assert there == str(made.url) and client.get(there).status_code == 200
    document = {"operational_intents": [{"volumes": [volume(46, 8)]}]}
    answers = [client.post(f"{url}/v1/operational_intents", json=document,
                           headers={"Idempotency-Key": f"again {base_url}"})
               for url in (base_url, base_url, house.url)]
    assert len({answer.text for answer in answers}) == 1 and answers[0].status_code == 200
    page = client.get(f"{base_url}/v1/operational_intents?limit=1")
    following = page.json()["next"]
    assert client.get(urljoin(str(page.url), following)).status_code == 200


def test_commands_follow_pages_with_and_without_the_proxy(behind: tuple[House, str]) -> None:
    house, base_url = behind
    for url in (base_url, house.url):
        reader = NodeClient(url, house.token())
        try:
            items = reader.pages("/v1/operational_intents?limit=1", "operational_intents")
            assert len(items) >= 2
        finally:
            reader.close()
