"""``python -m benchmarks.starts.browser ORIGINS``: a headless Chromium at the near end of the link, told by lines what to play.

Each line on standard input is a JSON object, each on standard output its answer:

    {"open": root, "player": name, "song": id, "grant": …}     a page for one start, ready to be pressed
    {"touch": true}                                             a small request, so that a connection is there
    {"press": true}                                             → {"total": ms, "spans": […]} or {"failed": why}; the page is gone then
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from playwright.async_api import BrowserContext, Page, async_playwright

PLAYERS = Path(__file__).resolve().parents[2] / "tests" / "players"
LIBRARIES = (
    "hls.js/dist/hls.min.js",
    "dashjs/dist/modern/umd/dash.all.min.js",
    "shaka-player/dist/shaka-player.compiled.js",
)
OURS = "our page"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
_PAGE = "<!doctype html><title>Starts</title><audio></audio>"
_MEASURE = (Path(__file__).parent / "measure.js").read_text()
_READY = "new Promise((done) => { const look = () => document.querySelector('.song') ? done() : setTimeout(look, 20); look(); })"
_PRESS_OURS = "(song) => pressed(() => document.querySelector(`[data-song='${song}'] button`).click(), () => document.querySelector('.problem:not([hidden]) .problem-text')?.textContent)"
# Of our servers, a standard player first asks for a grant: without its token there is nothing to play.
_PRESS_OTHER = """({ player, stream, token, grant }) => {
  const granted = async () => stream ? (await fetch(stream, { headers: { Authorization: `Bearer ${token}` } })).json() : grant;
  return pressed(() => granted().then((found) => start(player, { ...found, ...grant })), complaint);
}"""


def program() -> str | None:
    """The Chromium that TONEARM_CHROMIUM names, else the one on the PATH."""
    return os.environ.get("TONEARM_CHROMIUM") or shutil.which("chromium")


async def opened(context: BrowserContext, asked: dict[str, Any]) -> Page:
    page = await context.new_page()
    session = await context.new_cdp_session(page)
    await session.send("Network.enable")
    await session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    if asked["player"] == OURS:
        await page.goto(asked["open"])
        await page.evaluate(_READY)
    else:
        url = f"{asked['open']}/harness/"
        await page.route(url, lambda route: route.fulfill(content_type="text/html", body=_PAGE))
        await page.goto(url)
        await page.unroute(url)
        for library in LIBRARIES:
            await page.add_script_tag(path=PLAYERS / "node_modules" / library)
        await page.add_script_tag(path=PLAYERS / "harness.js")
    await page.evaluate(f"() => {{ {_MEASURE} }}")
    return page


async def answers(context: BrowserContext) -> None:
    loop = asyncio.get_running_loop()
    page: Page | None = None
    asked: dict[str, Any] = {}
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        told = json.loads(line)
        answer: dict[str, Any] = {}
        try:
            if "open" in told:
                asked = told
                page = await opened(context, asked)
            elif page is not None and "touch" in told:
                await page.evaluate(
                    "fetch(location.origin + '/touch', { cache: 'no-store' }).then((answer) => answer.text())"
                )
            elif page is not None:
                if asked["player"] == OURS:
                    answer = await page.evaluate(_PRESS_OURS, asked["song"])
                else:
                    answer = await page.evaluate(_PRESS_OTHER, asked)
        except Exception as error:
            answer = {"failed": str(error).splitlines()[0]}
        if page is not None and ("press" in told or "failed" in answer):
            await page.close()
            page = None
        print(json.dumps(answer), flush=True)


async def main(origins: list[str]) -> None:
    chromium = program()
    if chromium is None:
        raise SystemExit("no chromium on the PATH (TONEARM_CHROMIUM names one)")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium,
            headless=True,
            args=[
                *ARGUMENTS,
                "--ignore-certificate-errors",
                # Keys need a secure context, and the address of a link is none by itself.
                f"--unsafely-treat-insecure-origin-as-secure={','.join(origins)}",
            ],
        )
        context = await browser.new_context(viewport={"width": 1280, "height": 800}, ignore_https_errors=True)
        print("{}", flush=True)
        await answers(context)
        await browser.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
