"""The notebook's picture in a real browser: Debian's Chromium, headless."""

import html
import json
import os
import re
import shutil
import subprocess

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.preprocessing import StandardScaler

import skmegatron as sm
from skmegatron.layers import Lambda, Sklearn, Whiten

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(
    BROWSER is None and "CI" not in os.environ, reason="needs Chromium: apt-get install chromium"
)

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MEASURE = """
<script>
const out = {boxes: 0, outside: [], background: null, ink: null, errors: []};
for (const box of document.querySelectorAll("g.skm-box")) {
  out.boxes += 1;
  const edge = box.querySelector("rect").getBoundingClientRect();
  for (const text of box.querySelectorAll("text")) {
    const at = text.getBoundingClientRect();
    if (at.left < edge.left || at.right > edge.right || at.top < edge.top - 1
        || at.bottom > edge.bottom + 1) out.outside.push(text.textContent);
  }
}
const svg = document.querySelector(".skm-svg");
out.background = getComputedStyle(svg).backgroundColor;
out.ink = getComputedStyle(svg.querySelector(".skm-name")).fill;
document.body.setAttribute("data-measured", JSON.stringify(out));
</script>
"""


def house_prices():
    x, area = sm.Input("rooms", shape=(None,)), sm.Input("area")
    price, weight = sm.Target("price"), sm.Input("weight")
    scaled = Sklearn(StandardScaler())(price, "price_scaled")
    low, high = Lambda(lambda v: (v, v * 2), n_outputs=2)(x, name=["low", "high"])
    features = sm.layers.Concatenate()([Sklearn(PCA(2))(low), high, Whiten()(area)], "features")
    guess = Sklearn(Ridge())(
        features, "a_rather_long_name_of_a_step", y=scaled, sample_weight=weight
    )
    back = scaled.inverse(guess)
    r2 = sm.metrics.Metric(r2_score)([price, back], "r2")
    pipe = sm.Pipeline([x, area, price, weight], back, metrics=[r2], name="houses", version=1)
    rng = np.random.default_rng(0)
    data = sm.Dataset(rooms=rng.normal(size=(9, 3)), area=rng.normal(size=9))
    return pipe.fit(data, rng.normal(size=9), weight=np.ones(9))


def measured(tmp_path, theme="", *flags):
    page = tmp_path / "page.html"
    body = f"<body><div {theme}>{house_prices()._repr_html_()}</div>{MEASURE}</body>"
    page.write_text(f"<!doctype html><meta charset='utf-8'>{body}", encoding="utf-8")
    run = subprocess.run(
        [
            BROWSER,
            *FLAGS,
            *flags,
            f"--user-data-dir={tmp_path / 'profile'}",
            "--dump-dom",
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found = re.search(r'data-measured="([^"]*)"', run.stdout)
    assert found, run.stdout[-2000:]
    return json.loads(html.unescape(found.group(1)))


def brightness(color):
    return sum(int(part) for part in re.findall(r"\d+", color)[:3]) / 3


def test_every_text_stays_inside_its_box(tmp_path):
    result = measured(tmp_path)

    assert result["boxes"] == 13
    assert result["outside"] == []


@pytest.mark.parametrize(
    ("theme", "flags", "dark"),
    [
        ("", ["--blink-settings=preferredColorScheme=1"], False),
        ("", ["--blink-settings=preferredColorScheme=0"], True),
        ('data-theme="dark"', ["--blink-settings=preferredColorScheme=1"], True),
        ('data-theme="light"', ["--blink-settings=preferredColorScheme=0"], False),
        ('data-jp-theme-light="false"', ["--blink-settings=preferredColorScheme=1"], True),
    ],
)
def test_colours_follow_the_theme(theme, flags, dark, tmp_path):
    result = measured(tmp_path, theme, *flags)

    background, ink = brightness(result["background"]), brightness(result["ink"])
    assert (background < 80, ink > 180) == (dark, dark)
    assert abs(background - ink) > 120
