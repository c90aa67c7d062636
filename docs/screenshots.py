"""The pictures of the studio in docs/images, from `headwater demo`.

    python docs/screenshots.py            needs '.[demo]', playwright, pillow and a Chromium

Chromium is looked for on this machine; nothing is downloaded.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx
from PIL import Image
from playwright.sync_api import sync_playwright

IMAGES = Path(__file__).parent / "images"
MOST = 300_000  # bytes of a picture
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SIZE = {"width": 1280, "height": 860}


def main():
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--days", type=int, default=5)
    asked.add_argument("--people", type=int, default=200)
    told = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        words = ["demo", "--stay", "--port", "0", "--days", told.days, "--people", told.people]
        words += ["--folder", f"{folder}/platform", "--save", f"{folder}/films.hw"]
        with subprocess.Popen(
            [sys.executable, "-m", "headwater.cli", *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "BROWSER": "true"},  # opens no other
        ) as demo:
            try:
                url = opened(demo)
                IMAGES.mkdir(exist_ok=True)
                take(url)
            finally:
                demo.terminate()


def opened(demo):
    """Where the pages are, once all days are over."""
    for line in demo.stdout:
        if found := re.search(r"(http://\S+/studio) stays open", line):
            return found[1]
    raise SystemExit("the demo ended before its pages were open")


def take(url):
    twin = httpx.get(f"{url}/home.json", timeout=60).json()
    user = twin["suggested"][0]
    pages = {
        "home": f"{url}/home?user={user}&k=7",
        "quality": f"{url}/quality",
        "satisfaction": f"{url}/satisfaction",
    }
    browser_at = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser_at is None:
        raise SystemExit(f"none of {', '.join(BROWSERS)} is installed")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=browser_at, args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE, color_scheme="light", reduced_motion="reduce")
        for name, address in pages.items():
            page.goto(address, wait_until="networkidle", timeout=120_000)
            if name == "home":
                page.locator("summary", has_text="Why this").first.click()
            kept(page.screenshot(), IMAGES / f"studio-{name}.png")
        browser.close()


def kept(png, file):
    """As few colours as it takes to be small: pages have few."""
    file.write_bytes(png)
    with Image.open(file) as picture:
        few = picture.convert("RGB").quantize(256, method=Image.Quantize.MEDIANCUT)
    few.save(file, optimize=True)
    if file.stat().st_size > MOST:
        raise SystemExit(f"{file} has {file.stat().st_size:,} bytes, and {MOST:,} are the most")
    print(f"{file}: {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
