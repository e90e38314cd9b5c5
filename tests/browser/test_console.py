"""What a person does with the two consoles, done by a browser without a graphics card."""

from __future__ import annotations

import signal
import time
import uuid
from itertools import pairwise
from urllib.parse import urlsplit

import httpx
import pytest
from browser_names import ALFA, BRAVO, HOSTILE_NAME
from playwright.sync_api import expect
from pyproj import Geod

pytestmark = pytest.mark.browser
GONE_MS = 15_000                           # a lost peer or node is said within ten seconds


def sentences(page):
    """All conflicts of the list as sentences, in the list's order."""
    rows = page.locator("#list .row .sentence")
    expect(rows.first).to_be_visible()
    return sorted(rows.all_inner_texts())


def test_both_consoles_show_the_same_conflicts(console, tokens):
    pages = [console(party).open(f"token={tokens[party]}") for party in (ALFA, BRAVO)]
    shown = [sentences(each.page) for each in pages]
    assert shown[0] == shown[1]
    assert any("ALFA-12" in text and "BRAVO-7" in text and "has right of way" in text
               for text in shown[0])
    for each in pages:
        expect(each.page.locator("#channels .chip")).to_contain_text("fresh")
        each.picture(f"console-{each.node.party}.png")


def test_token_leaves_the_address_bar(console, tokens):
    page = console(ALFA).open(f"token={tokens[ALFA]}&units=ft").page
    assert "token" not in page.url and tokens[ALFA] not in page.url
    expect(page.locator("#units")).to_have_text("ft")
    page.reload()
    expect(page.locator("body[data-read]")).to_be_visible(timeout=45_000)


def test_without_a_token_a_form_asks_for_one(console, tokens):
    tab = console(ALFA)
    tab.page.goto(f"{tab.node.base_url}/console/")
    expect(tab.page.locator("#sign-in")).to_contain_text("no token yet")
    tab.page.locator("#sign-in-token").fill(tokens[ALFA])
    tab.page.keyboard.press("Enter")
    tab.wait_until_idle()


def test_a_token_of_the_other_node_is_refused_in_words(console, tokens):
    tab = console(ALFA)
    tab.page.goto(f"{tab.node.base_url}/console/#token={tokens[BRAVO]}")
    expect(tab.page.locator("#sign-in")).to_contain_text("does not accept the token")
    # The browser itself says that an answer was 401.
    tab.complaints[:] = [text for text in tab.complaints if "401" not in text]


def test_slider_moves_the_time_and_what_is_shown(console, tokens):
    tab = console(ALFA).open(f"token={tokens[ALFA]}&w=5")
    page = tab.page
    before = page.locator("#time strong").inner_text()
    slider = page.locator("#slider")
    slider.focus()
    for _ in range(6):
        slider.press("PageUp")
    expect(page.locator("#time strong")).not_to_have_text(before)
    assert slider.get_attribute("aria-valuetext").endswith("Z")
    page.wait_for_timeout(500)
    assert "t=20" in page.url
    slider.press("End")
    expect(page.locator("#shown")).to_contain_text("0 activities")
    page.locator("#now").click()
    expect(page.locator("#now")).to_have_attribute("aria-pressed", "true")


def test_altitude_filter_hides_what_is_outside(console, tokens):
    page = console(ALFA).open(f"token={tokens[ALFA]}&w=1440").page
    both = int(page.locator("#shown").inner_text().split()[0])
    page.locator("#altitude-lower").press("End")
    expect(page.locator("#altitude-text")).to_contain_text("W84")
    expect(page.locator("#altitude-text")).to_contain_text("FL")
    page.wait_for_timeout(500)
    assert int(page.locator("#shown").inner_text().split()[0]) < both
    page.locator("#altitude-all").click()
    expect(page.locator("#shown")).to_contain_text(f"{both} activities")


def test_a_conflict_opens_and_its_link_shows_the_same(console, tokens):
    tab = console(BRAVO).open(f"token={tokens[BRAVO]}")
    page = tab.page
    page.locator("#list .row", has_text="BRAVO-7").first.click()
    detail = page.locator("#detail")
    expect(detail).to_contain_text("Right of way")
    page.wait_for_timeout(1500)
    tab.wait_until_idle()
    tab.picture("console-conflict.png")
    fragment = urlsplit(page.url).fragment
    assert "sel=conflict:" in fragment and "t=" in fragment and "map=" in fragment
    again = console(BRAVO).open(f"token={tokens[BRAVO]}&{fragment}").page
    sentence = detail.locator(".sentence").inner_text()
    expect(again.locator("#detail .sentence")).to_have_text(sentence, timeout=10_000)
    assert again.locator("#time strong").inner_text() == page.locator("#time strong").inner_text()


def test_a_refused_declaration_is_listed_with_its_reason(console, tokens):
    page = console(ALFA).open(f"token={tokens[ALFA]}&tab=refused").page
    row = page.locator("#list .row").first
    expect(row).to_contain_text("refused")
    row.click()
    detail = page.locator("#detail")
    expect(detail).to_contain_text("Ruling")
    expect(detail).to_contain_text("/log #")


def box(lat, lng, start_s, name):
    """The body of a declaration, an hour in a square of 2 km."""
    corners = [{"lat": lat + a, "lng": lng + b} for a, b in
               ((0, 0), (0, 0.03), (0.02, 0.03), (0.02, 0))]
    times = {when: {"value": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(start_s + after_s)),
                    "format": "RFC3339"}
             for when, after_s in (("time_start", 0), ("time_end", 3600))}
    altitudes = {f"altitude_{side}": {"value": metres, "reference": "W84", "units": "M"}
                 for side, metres in (("lower", 8000), ("upper", 8100))}
    return {"name": name, "volumes": [{
        "volume": {"outline_polygon": {"vertices": corners}, **altitudes}, **times}]}


def test_a_refused_activity_says_what_is_free_instead(console, tokens, nodes):
    start_s = (time.time() // 3600 + 8) * 3600
    urls = {node.party: node.base_url for node in nodes}

    def put(party, entity_id, document):
        return httpx.put(f"{urls[party]}/v1/operational_intents/{entity_id}", json=document,
                         headers={"Authorization": f"Bearer {tokens[party]}"}, timeout=30,
                         trust_env=False)

    assert put(BRAVO, uuid.uuid4(), box(46.6, 8.2, start_s, "FIRST-1")).status_code == 201
    late, document = uuid.uuid4(), box(46.61, 8.21, start_s, "LATE-2")
    refused = put(ALFA, late, document)
    assert refused.status_code == 409
    sentences = [each["sentence"] for each in refused.json()["suggestions"]]
    tab = console(ALFA).open(f"token={tokens[ALFA]}&tab=refused&sel=activity:{late}")
    rows = tab.page.locator("#detail .suggestions .row")
    expect(rows.locator(".sentence")).to_have_text(sentences, timeout=15_000)
    before = tab.page.locator("#time strong").inner_text()
    rows.last.click()
    expect(tab.page.locator("#time strong")).not_to_have_text(before)
    tab.page.wait_for_timeout(1500)
    tab.wait_until_idle()
    tab.picture("console-suggestions.png")
    volumes = refused.json()["suggestions"][-1]["volumes"]
    assert put(ALFA, late, document | {"volumes": volumes}).status_code == 201
    expect(rows).to_have_count(0)


def test_only_the_own_node_is_asked_what_is_free(console, tokens):
    tab = console(BRAVO).open(f"token={tokens[BRAVO]}&tab=refused")
    tab.page.locator("#list .row", has_text=ALFA).first.click()
    expect(tab.page.locator("#detail")).to_contain_text("Ruling")
    assert not any(url.endswith("/suggestions") for url in tab.requests)


def test_a_hostile_name_stays_a_name(console, tokens):
    page = console(ALFA).open(f"token={tokens[ALFA]}&tab=activities&w=1440").page
    page.locator("#search").fill("onerror")
    row = page.locator("#list .row").first
    expect(row).to_contain_text(HOSTILE_NAME)
    row.click()
    expect(page.locator("#detail h2")).to_contain_text(HOSTILE_NAME)
    assert page.locator("#panel img").count() == 0
    assert page.evaluate("() => window.wasFooled === undefined")


def test_all_by_keyboard(console, tokens):
    page = console(ALFA).open(f"token={tokens[ALFA]}").page
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#help")).to_be_hidden()
    page.keyboard.press("j")
    expect(page.locator("#detail")).to_contain_text("Right of way")
    page.keyboard.press("Escape")
    expect(page.locator("#detail")).to_be_hidden()
    page.keyboard.press("4")
    expect(page.locator("#tab-notices")).to_have_attribute("aria-selected", "true")
    before = page.locator("#time strong").inner_text()
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator("#time strong")).not_to_have_text(before)
    page.keyboard.press("u")
    expect(page.locator("#units")).to_have_text("ft")


def test_dark_and_narrow(console, tokens):
    tab = console(BRAVO, viewport={"width": 1024, "height": 700}, color_scheme="dark",
                  reduced_motion="reduce").open(f"token={tokens[BRAVO]}&w=1440&tab=activities")
    assert tab.page.evaluate("() => document.documentElement.scrollWidth") <= 1024
    tab.picture("console-dark.png")


def test_a_silent_peer_and_a_lost_node_cannot_be_missed(console, tokens, nodes):
    tab = console(ALFA).open(f"token={tokens[ALFA]}")
    own, peer = nodes
    banner = tab.page.locator("#banners .banner")
    peer.process.send_signal(signal.SIGSTOP)
    try:
        expect(banner).to_contain_text(f"{BRAVO} has not been heard", timeout=GONE_MS)
        tab.picture("console-stale.png")
        own.process.send_signal(signal.SIGSTOP)
        try:
            expect(tab.page.locator("body[data-link=lost]")).to_be_visible(timeout=GONE_MS)
            expect(banner.first).to_contain_text("The link to your own node is lost")
            tab.picture("console-lost.png")
        finally:
            own.process.send_signal(signal.SIGCONT)
    finally:
        peer.process.send_signal(signal.SIGCONT)
    expect(tab.page.locator("body[data-link=live]")).to_be_visible(timeout=20_000)
    expect(banner).to_have_count(0, timeout=30_000)


def test_circles_are_geodesic_and_the_antimeridian_is_crossed(console, tokens):
    page = console(ALFA).open(f"token={tokens[ALFA]}").page
    rings = page.evaluate("""async () => {
      const { circleRing, outlineRing } = await import("/console/js/geometry.js");
      const corner = (lat, lng) => ({ lat, lng });
      return { circle: circleRing(60, 10, 50000), across: circleRing(10, 179.9, 50000),
        box: outlineRing({ outline_polygon: { vertices: [corner(0, 179), corner(0, -179),
          corner(1, -179), corner(1, 179)] } }) };
    }""")
    lngs, lats = zip(*rings["circle"], strict=True)
    distances = Geod(ellps="WGS84").inv([10] * len(lngs), [60] * len(lats), lngs, lats)[2]
    assert all(abs(distance - 50_000) < 200 for distance in distances)
    for ring in (rings["across"], rings["box"]):
        assert ring[0] == ring[-1]
        assert all(abs(a[0] - b[0]) < 2 for a, b in pairwise(ring))
        assert max(lng for lng, _ in ring) - min(lng for lng, _ in ring) < 3
