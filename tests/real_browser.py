"""A real Chromium without a network, for tests that open a report."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
    # Nothing can be reached: every name fails to resolve, and the proxy does not exist.
    "--proxy-server=127.0.0.1:9",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)


@contextmanager
def chromium(profile: Path) -> Iterator[Any]:
    """A browser with an empty profile; skips the test, or fails it where a browser is required."""
    if importlib.util.find_spec("selenium") is None:
        _absent("selenium is not installed")
    from selenium import webdriver

    binary = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if binary is None:
        _absent("there is no Chromium")
    if driver is None:
        _absent("there is no chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    opened = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        yield opened
    finally:
        opened.quit()


def open_page(browser: Any, page: Path, width: int) -> None:
    """Open a page in a viewport of exactly this width, the browser's logs emptied before."""
    for log in ("browser", "performance"):
        browser.get_log(log)
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(page.as_uri())
    assert browser.execute_script("return window.innerWidth") == width


def _absent(reason: str) -> NoReturn:
    """Skip loudly, or fail where a browser is required."""
    if os.environ.get("REPLICATOR_REQUIRE_BROWSER") == "1":
        pytest.fail(f"{reason}, and REPLICATOR_REQUIRE_BROWSER=1 requires one.")
    pytest.skip(f"{reason}: THE REPORT WAS NOT OPENED IN A BROWSER (Debian: apt install chromium chromium-driver).")
