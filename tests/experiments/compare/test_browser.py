"""The page of a comparison in a real browser."""

import json
import os
import shutil

import pytest

from experiments.compare.__main__ import main

pytestmark = pytest.mark.services

FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SIZES = [(375, 800), (1280, 900)]
LOOKS = ["light", "dark"]
FIGURES = """
return [...document.querySelectorAll('figure svg')].map(svg => {
  const box = svg.getBoundingClientRect();
  const ink = svg.querySelector('text');
  return {left: box.left, right: box.right, width: box.width, height: box.height,
          size: ink ? ink.getBoundingClientRect().height : 0,
          colour: ink ? getComputedStyle(ink).fill : '',
          lines: [...svg.querySelectorAll('path')].filter(
            path => path.getBoundingClientRect().width > 0).length};
})
"""
INSIDE = """
const wide = document.documentElement.clientWidth;
return [...document.querySelectorAll('body *')].filter(one => {
  if (one.closest('.scroll') || one.closest('svg')) return false;
  const box = one.getBoundingClientRect();
  return box.width && (box.right > wide + 0.5 || box.left < -0.5);
}).map(one => one.outerHTML.slice(0, 120))
"""
CONTRAST = """
const channel = value => { value /= 255;
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4; };
const light = colour => { const [r, g, b] = colour.match(/[\\d.]+/g).map(Number);
  return 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b); };
const behind = one => { for (; one; one = one.parentElement) {
    const colour = getComputedStyle(one).backgroundColor;
    if (!/, 0\\)$/.test(colour) && colour != 'transparent') return colour; }
  return 'rgb(255, 255, 255)'; };
const words =
  'h1, h2, p, th, td, .note, .ci, figcaption, .tag, a, summary, svg text';
return Math.min(...[...document.querySelectorAll(words)].map(one => {
  const style = getComputedStyle(one);
  const ink = one.closest('svg') ? style.fill : style.color;
  const pair = [light(ink), light(behind(one))].sort((a, b) => b - a);
  return (pair[0] + 0.05) / (pair[1] + 0.05); }))
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    programs = shutil.which("chromium"), shutil.which("chromedriver")
    if not all(programs):
        message = "chromium and chromedriver are needed"
        if os.environ.get("DUCHENNE_SERVICES") == "required":
            pytest.fail(message)
        pytest.skip(message)
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = programs[0]
    profile = tmp_path_factory.mktemp("profile")
    for flag in [*FLAGS, f"--user-data-dir={profile}"]:
        options.add_argument(flag)
    logs = {"browser": "ALL", "performance": "ALL"}
    options.set_capability("goog:loggingPrefs", logs)
    driver = webdriver.Chrome(options=options, service=Service(programs[1]))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def page(every, tmp_path_factory):
    out = tmp_path_factory.mktemp("page")
    assert main([str(every), "--out", str(out)]) == 0
    return out / "compare.html"


def show(browser, page, size, look):
    """Opens the page; returns all addresses that the browser asked for."""
    width, height = size
    screen = {"width": width, "height": height, "deviceScaleFactor": 1}
    command = "Emulation.setDeviceMetricsOverride"
    browser.execute_cdp_cmd(command, {**screen, "mobile": width < 500})
    feature = {"name": "prefers-color-scheme", "value": look}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    browser.get_log("browser"), browser.get_log("performance")
    browser.get(page.as_uri())
    asked = []
    for entry in browser.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            asked.append(message["params"]["request"]["url"])
    return asked


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("look", LOOKS)
def test_the_page_can_be_read(browser, page, size, look):
    asked = show(browser, page, size, look)
    assert asked and set(asked) <= {page.as_uri(), "data:,"}
    assert browser.get_log("browser") == []
    root = "return document.documentElement."
    wide = browser.execute_script(f"{root}scrollWidth")
    assert wide <= size[0]
    assert browser.execute_script(f"{root}clientWidth") <= size[0]
    assert browser.execute_script(INSIDE) == []
    figures = browser.execute_script(FIGURES)
    assert len(figures) > 20
    for figure in figures:
        assert figure["width"] > 150 and figure["height"] > 80
        assert figure["left"] >= 0 and figure["right"] <= wide
        assert figure["size"] > 5 and figure["lines"] > 3
    # Every word is told from what is behind it, as WCAG AA has it.
    assert browser.execute_script(CONTRAST) >= 4.5


def test_tables_scroll_inside_their_own_box(browser, page):
    show(browser, page, SIZES[0], "light")
    script = (
        "const box = document.querySelector('.scroll');"
        "box.scrollLeft = 50;"
        "return [box.scrollWidth > box.clientWidth, box.scrollLeft, scrollX]"
    )
    assert browser.execute_script(script) == [True, 50, 0]


def test_light_and_dark_differ_in_figures_too(browser, page):
    script = "return getComputedStyle(document.body).backgroundColor"
    told = {}
    for look in LOOKS:
        show(browser, page, SIZES[1], look)
        ink = browser.execute_script(FIGURES)[0]["colour"]
        told[look] = browser.execute_script(script), ink
    (light, ink), (dark, white) = told["light"], told["dark"]
    brightness = [sum(map(int, c[4:-1].split(","))) for c in (light, dark, ink, white)]
    assert brightness[0] > 700 and brightness[1] < 120
    assert brightness[2] < 150 and brightness[3] > 600


def test_details_open_without_a_script(browser, page):
    show(browser, page, SIZES[1], "light")
    from selenium.webdriver.common.by import By

    details = browser.find_element(By.TAG_NAME, "details")
    words = details.find_element(By.TAG_NAME, "dl")
    assert not words.is_displayed()
    details.find_element(By.TAG_NAME, "summary").click()
    assert words.is_displayed() and "0123456789ab" in words.text
