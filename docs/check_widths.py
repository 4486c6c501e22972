"""Look at every page of the built site in a real browser, whether it scrolls sideways.

``python docs/check_widths.py docs/_build/html`` opens each page as wide as a phone and as a
desktop window, and fails with the names of those whose content is wider than the window, with
what sticks out. It needs Chromium.

All pages are loaded one after another into one frame of one page: a media query sees the width of
the frame, and Chromium, which has no window as narrow as a phone, is started once.
"""

import html
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

WIDTHS = {"phone": 390, "tablet": 820, "desktop": 1280}
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--allow-file-access-from-files",  # so that the frame's content may be measured
    "--virtual-time-budget=100000000",
]
DRIVER = """
<!doctype html><meta charset="utf-8">
<iframe id="frame" height="844" style="border: 0"></iframe>
<script>
const frame = document.getElementById("frame"), found = [];
// What may scroll by itself: code, what was printed, tables and pictures.
const MAY = "pre, table, svg, .highlight, .pst-scrollable-table-container, .skm-scroll";
const side = element => frame.contentWindow.getComputedStyle(element).overflowX;
const name = element => element.tagName + "." + element.className;
const within = (element, width) => [...element.querySelectorAll("*")].filter(
  one => !one.closest(MAY) && one.getBoundingClientRect().right > width + 1);
const look = (page, width) => new Promise(done => {
  frame.width = width;
  frame.onload = () => {
    const inside = frame.contentDocument;
    for (const one of [inside.documentElement, ...inside.querySelectorAll("body, body *")]) {
      const page_itself = one === inside.documentElement || one === inside.body;
      if (one.scrollWidth <= one.clientWidth + 1 || one.clientWidth === 0) continue;
      if (!page_itself && (one.matches(MAY) || !["auto", "scroll"].includes(side(one)))) continue;
      const right = one.getBoundingClientRect().right;
      const out = within(one, right).slice(-2).map(name);
      found.push([page, width, `${name(one)} is ${one.scrollWidth} wide, not `
        + `${one.clientWidth}: ${out.join(", ")}`]);
    }
    done();
  };
  frame.src = page;
});
(async () => {
  for (const width of WIDTHS) for (const page of PAGES) await look(page, width);
  document.body.setAttribute("data-found", JSON.stringify(found));
})();
</script>
"""


def too_wide(site: Path, widths: list[int]) -> list[tuple[str, int, str]]:
    """Give the pages that are wider than their window.

    Parameters
    ----------
    site : Path
        The folder that ``sphinx-build -b html`` has filled.
    widths : list of int
        Of the windows, in CSS pixels.

    Returns
    -------
    list of (str, int, str)
        Address, width of the window, and what scrolls sideways because of what.

    Raises
    ------
    FileNotFoundError
        If there is no Chromium, or no page.
    """
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        raise FileNotFoundError("No Chromium: apt-get install chromium")
    # Folders that begin with _ hold no pages but sources, pictures and Sphinx' own.
    pages = sorted(
        path.resolve().as_uri()
        for path in site.rglob("*.html")
        if not any(part.startswith("_") for part in path.relative_to(site).parts)
    )
    if not pages:
        raise FileNotFoundError(f"No pages in {site}: sphinx-build -b html docs {site}")
    with TemporaryDirectory() as folder:
        driver = Path(folder) / "driver.html"
        driver.write_text(
            DRIVER.replace("WIDTHS", json.dumps(widths)).replace("PAGES", json.dumps(pages)),
            encoding="utf-8",
        )
        run = subprocess.run(
            [browser, *FLAGS, f"--user-data-dir={folder}/profile", "--dump-dom", driver.as_uri()],
            capture_output=True,
            text=True,
            timeout=600,
            check=True,
        )
    answer = re.search(r'data-found="([^"]*)"', run.stdout)
    if answer is None:
        raise RuntimeError(f"Chromium has not looked at all pages:\n{run.stderr[-2000:]}")
    print(f"{len(pages)} pages looked at, {' '.join(map(str, widths))} pixels wide")
    return [tuple(one) for one in json.loads(html.unescape(answer.group(1)))]


def main() -> int:
    """Print the pages that are too wide, and tell whether there are any."""
    found = too_wide(Path(sys.argv[1]), list(WIDTHS.values()))
    for page, width, what in found:
        print(f"{page} in a window of {width} pixels: {what}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
