"""The page of a comparison in a real browser."""

import json
import os
import shutil

import pytest

from experiments.compare import compare

pytestmark = pytest.mark.services

FLAGS = ["headless=new", "no-sandbox", "disable-gpu", "no-first-run"]
FLAGS += ["disable-background-networking", "disable-component-update", "disable-sync"]
OUTSIDE = """
const wide = document.documentElement.clientWidth;
return [...document.querySelectorAll('body *')].filter(one => {
  const box = one.getBoundingClientRect();
  return !one.closest('table') && (box.right > wide + 0.5 || box.left < -0.5);
}).map(one => one.outerHTML.slice(0, 120))
"""
FIGURES = "return [...document.images].map(one => [one.naturalWidth, one.width])"
DARK = "return getComputedStyle(document.body).color == 'rgb(255, 255, 255)'"
SENT = "Network.requestWillBeSent"
SCROLLED = "t = document.querySelector('table'); t.scrollLeft = 50; return t.scrollLeft"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    programs = shutil.which("chromium"), shutil.which("chromedriver")
    if not all(programs) and os.environ.get("DUCHENNE_SERVICES") != "required":
        pytest.skip("chromium and chromedriver are needed")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = programs[0]
    for flag in [*FLAGS, f"user-data-dir={tmp_path_factory.mktemp('profile')}"]:
        options.add_argument(f"--{flag}")
    logs = {"browser": "ALL", "performance": "ALL"}
    options.set_capability("goog:loggingPrefs", logs)
    service = webdriver.ChromeService(programs[1])
    driver = webdriver.Chrome(options=options, service=service)
    yield driver
    driver.quit()


@pytest.mark.parametrize("look", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280])
def test_the_page_can_be_read(browser, every, tmp_path, width, look):
    compare([every], tmp_path, "command")
    page = (tmp_path / "compare.html").as_uri()
    screen = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    feature = {"name": "prefers-color-scheme", "value": look}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    browser.get_log("browser"), browser.get_log("performance")
    browser.get(page)
    log = [json.loads(e["message"])["message"] for e in browser.get_log("performance")]
    params = [entry["params"] for entry in log if entry["method"] == SENT]
    addresses = {one["request"]["url"].partition(",")[0] for one in params}
    assert addresses <= {page, "data:", "data:image/png;base64"} and page in addresses
    assert browser.get_log("browser") == []
    assert browser.execute_script(OUTSIDE) == []
    figures = browser.execute_script(FIGURES)
    assert len(figures) == 5 and all(file >= shown > 300 for file, shown in figures)
    assert browser.execute_script(DARK) == (look == "dark")
    assert browser.execute_script(SCROLLED) == (50 if width == 375 else 0)
