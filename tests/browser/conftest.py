"""Two real nodes with the planned activities of the demo, and headless Chromium to look at them."""

from __future__ import annotations

import asyncio
import shutil
import time
import uuid
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from browser_names import HOSTILE_NAME
from playwright.sync_api import expect, sync_playwright

from luftrom.cli.demo.loading import Door, declare_activities
from luftrom.cli.demo.scenario import PARTIES, load_scenario
from luftrom.cli.demo.twonodes import found, mint, start, stop, wait_until_linked
from luftrom.clock import NS_PER_S, format_time

HOUR_NS = 3600 * NS_PER_S
TOKEN_S = 3600
# Software rendering: the machines that run this have no graphics card.
CHROMIUM_ARGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader",
                 "--enable-unsafe-swiftshader"]
PICTURES = Path(__file__).parents[2] / "build"


@pytest.fixture(scope="session")
def nodes(tmp_path_factory):
    """Two linked nodes; the scenario, a hostile name and two flights that may conflict."""
    start_ns = -(-time.time_ns() // HOUR_NS) * HOUR_NS
    story = load_scenario("switzerland", start_ns)
    pair, _ = found(tmp_path_factory.mktemp("two") / "nodes", PARTIES, story.terms)
    start(pair)
    try:
        wait_until_linked(pair)
        asyncio.run(_declare(pair, story, start_ns))
        yield pair
    finally:
        stop(pair)


async def _declare(pair, story, start_ns):
    async with AsyncExitStack() as stack:
        doors = {node.party: await stack.enter_async_context(Door(
            node.party, node.base_url, lambda manager, node=node: mint(node, manager, TOKEN_S)))
            for node in pair}
        await declare_activities(doors, story.activities, lambda done, refused: None)
        for party, name, lng in ((PARTIES[0], "ALFA-12", 7.30), (PARTIES[1], "BRAVO-7", 7.34)):
            await _declare_box(doors[party], name, 10, 46.30, lng, start_ns)
        await _declare_box(doors[PARTIES[1]], HOSTILE_NAME, 10, 47.8, 6.2, start_ns)


async def _declare_box(door, name, priority, lat, lng, start_ns):
    vertices = [{"lat": lat + a, "lng": lng + b} for a, b in
                ((0, 0), (0, 0.08), (0.06, 0.08), (0.06, 0))]
    times = {when: {"value": format_time(start_ns + hours * HOUR_NS), "format": "RFC3339"}
             for when, hours in (("time_start", 1), ("time_end", 2))}
    altitudes = {f"altitude_{side}": {"value": metres, "reference": "W84", "units": "M"}
                 for side, metres in (("lower", 9000), ("upper", 9300))}
    await door.put(f"/v1/operational_intents/{uuid.uuid4()}", "operator", {
        "name": name, "state": "Accepted", "priority": priority, "off_nominal_volumes": [],
        "remarks": "", "volumes": [{"volume": {"outline_polygon": {"vertices": vertices},
                                               **altitudes}, **times}]})


@pytest.fixture(scope="session")
def tokens(nodes):
    """A reader's token for each party's node."""
    return {node.party: mint(node, "operator", TOKEN_S) for node in nodes}


@pytest.fixture(scope="session")
def chromium(nodes):
    """Headless Chromium of this machine, started after the nodes: it brings a loop that runs."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    assert program, "the browser tests need Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM_ARGS)
        yield browser
        browser.close()


class Console:
    """A console in a browser tab of its own; every request and every complaint is kept."""

    def __init__(self, browser, node, **options):
        self.node = node
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.context = browser.new_context(
            **{"viewport": {"width": 1280, "height": 800}, **options})
        self.page = self.context.new_page()
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._hear)

    def _hear(self, message):
        # A lost link is said by the browser too; what counts is what the page refuses or breaks.
        if message.type == "error" and "net::" not in message.text:
            self.complaints.append(message.text)

    def open(self, fragment: str):
        """Open with a fragment and wait until all is read and the map is drawn."""
        self.page.goto(f"{self.node.base_url}/console/#{fragment}")
        self.wait_until_idle()
        return self

    def wait_until_idle(self):
        """Until everything was read and the map has nothing left to draw."""
        expect(self.page.locator("body[data-read] #map[data-idle=true]")).to_be_visible(
            timeout=45_000)

    def picture(self, name: str) -> Path:
        """Keep a picture under build/ for people to look at."""
        PICTURES.mkdir(exist_ok=True)
        path = PICTURES / name
        self.page.screenshot(path=path)
        return path


@pytest.fixture
def console(chromium, nodes):
    """Makes consoles; at the end none may have asked elsewhere or complained."""
    opened: list[Console] = []

    def make(party, **options):
        node = next(node for node in nodes if node.party == party)
        opened.append(Console(chromium, node, **options))
        return opened[-1]

    yield make
    for each in opened:
        each.context.close()
    for each in opened:
        elsewhere = [url for url in each.requests
                     if not url.startswith((each.node.base_url + "/", "blob:", "data:"))]
        assert elsewhere == []
        assert each.complaints == []
