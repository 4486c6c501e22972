"""Pictures, read back from the SVG: what stands where, and which line leads from what to what."""

import re
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_absolute_error
from sklearn.preprocessing import StandardScaler

import skmegatron as sm
from skmegatron.visuals import pipeline_html, pipeline_svg

NAMESPACE = "http://www.w3.org/2000/svg"
SVG = f"{{{NAMESPACE}}}"
HOSTILE = "<script>alert('1')</script> & \"co\""


# What is read out of a picture


@dataclass(frozen=True)
class Area:
    kind: str
    words: tuple[str, ...]
    hint: str
    left: float
    top: float
    right: float
    bottom: float

    @property
    def name(self):
        return self.words[0]

    def holds(self, points, margin=0.6):
        corner, opposite = (self.left, self.top), (self.right, self.bottom)
        inside = (np.add(corner, margin) < points) & (points < np.subtract(opposite, margin))
        return inside.all(axis=-1)

    def overlaps(self, other):
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )

    def touches(self, point):
        return self.holds(point, margin=-0.6) and not self.holds(point)


@dataclass(frozen=True)
class Drawn:
    boxes: list[Area]
    lines: list[tuple[str, np.ndarray]]  # style, points on the way
    labels: list[Area]
    legend: list[str]


def read(svg):
    root = ET.fromstring(svg)
    groups = [(group.get("class", ""), group) for group in root.iter(f"{SVG}g")]
    return Drawn(
        boxes=[box_of(kind, group) for kind, group in groups if kind.startswith("skm-box ")],
        lines=[line_of(kind, group) for kind, group in groups if kind.startswith("skm-edge ")],
        labels=[
            area_of(text) for text in root.iter(f"{SVG}text") if text.get("class") == "skm-label"
        ],
        legend=[
            text.text
            for kind, group in groups
            if kind == "skm-legend"
            for text in group.iter(f"{SVG}text")
        ],
    )


def box_of(kind, group):
    rect = group.find(f"{SVG}rect")
    x, y, wide, high = (float(rect.get(key)) for key in ("x", "y", "width", "height"))
    words = tuple(text.text for text in group.iter(f"{SVG}text"))
    kind = kind.removeprefix("skm-box skm-")
    return Area(kind, words, group.find(f"{SVG}title").text, x, y, x + wide, y + high)


def line_of(kind, group):
    way, arrow = (points_of(path.get("d")) for path in group.iter(f"{SVG}path"))
    return kind.removeprefix("skm-edge skm-"), np.concatenate([way, arrow[:1]])


def points_of(path):
    """Follow the moves, lines and curves of a path in small strides."""
    points = []
    strides = np.linspace(0, 1, 40)[:, None]
    for letter, numbers in re.findall(r"([MLC])([^MLCZ]*)", path):
        stops = np.array([pair.split(",") for pair in numbers.split()], dtype=float)
        if letter == "M":
            points.append(stops)
        elif letter == "L":
            for start, end in pairwise([points[-1][-1], *stops]):
                points.append(start + (end - start) * strides)
        else:
            a, (b, c, d), t = points[-1][-1], stops, strides
            curve = a * (1 - t) ** 3 + 3 * b * (1 - t) ** 2 * t + 3 * c * (1 - t) * t**2 + d * t**3
            points.append(curve)
    return np.concatenate(points)


def area_of(text):
    # The font has a fixed pitch of 0.6; the capitals of 10 px letters are about 8 px high.
    half, x, y = 0.3 * 10 * len(text.text), float(text.get("x")), float(text.get("y"))
    return Area("label", (text.text,), "", x - half, y - 8, x + half, y + 1)


# Graphs to draw


def halves(X):
    return X, X


def house_prices():
    X, image = sm.Input("X", shape=(None,)), sm.Input("image", shape=(8, 8))
    weight, price = sm.Input("weight"), sm.Target("price")
    left, right = sm.layers.Lambda(halves, n_outputs=2)(X)
    pixels = sm.layers.Flatten()(image)
    off = sm.layers.Sklearn("passthrough")(right, "off")
    features = sm.layers.Concatenate()([sm.layers.Sklearn(PCA(2))(left), off, pixels], "features")
    scaled = sm.layers.Sklearn(StandardScaler())(price, "scaled")
    found = sm.layers.Sklearn(LinearRegression())(features, y=scaled, sample_weight=weight)
    back = scaled.inverse(found)
    error = sm.metrics.Metric(mean_absolute_error)([price, back], "error")
    look = sm.layers.Explorer(np.max)(features, "largest")
    return sm.Pipeline(
        [X, image, weight, price],
        [back, features],
        metrics=error,
        explorers=look,
        name="houses",
        version="2",
    )


def fitted_house_prices():
    rng = np.random.default_rng(0)
    X, images = rng.normal(size=(20, 5)), rng.normal(size=(20, 8, 8))
    pipeline = house_prices()
    pipeline.fit_transform({"X": X, "image": images}, rng.normal(size=20), weight=np.ones(20))
    return pipeline


def chain(n_steps):
    node = start = sm.Input("x")
    for _ in range(n_steps):
        node = sm.layers.Whiten()(node)
    return sm.Pipeline(start, node)


def tangle(n_steps, seed=0):
    rng = np.random.default_rng(seed)
    start, labels = sm.Input("x", shape=(None,)), sm.Target("y")
    nodes = [start]
    for _ in range(n_steps):
        near = nodes[-15:]
        parents = [near[place] for place in rng.integers(len(near), size=rng.integers(1, 4))]
        if rng.random() < 0.2:
            nodes.append(sm.layers.Sklearn(LinearRegression())(parents, y=labels))
        else:
            nodes.append(sm.layers.Concatenate()(parents))
    return sm.Pipeline([start, labels], nodes[-1], metrics=sm.metrics.Metric(max)(nodes[1:]))


plain_names = st.text(alphabet="abcdef", min_size=1, max_size=30)


@st.composite
def pipelines(draw, names=plain_names):
    *names, label = draw(st.lists(names, min_size=2, max_size=5, unique=True))
    inputs = [*(sm.Input(name, shape=(None,)) for name in names), sm.Target(label)]
    nodes = list(inputs)
    some = st.lists(st.deferred(lambda: st.sampled_from(nodes)), min_size=1, max_size=4)
    kinds = st.sampled_from(["join", "learn", "halve", "undo", "measure", "explore"])
    ends = {"measure": [], "explore": []}
    for kind in draw(st.lists(kinds, max_size=20)):
        parents = draw(some)
        if kind == "join":
            nodes.append(sm.layers.Concatenate()(parents))
        elif kind == "learn":
            layer = sm.layers.Sklearn(LinearRegression())
            nodes.append(layer(parents, y=parents[0], sample_weight=draw(some)[0]))
        elif kind == "halve":
            nodes.extend(sm.layers.Lambda(halves, n_outputs=2)(parents))
        elif kind == "undo":
            scaled = sm.layers.Sklearn(StandardScaler())(parents)
            nodes.append(scaled.inverse(draw(some)[0]))
        else:
            layer = {"measure": sm.metrics.Metric, "explore": sm.layers.Explorer}[kind]
            ends[kind].append(layer(max)(parents))
    return sm.Pipeline(inputs, draw(some), metrics=ends["measure"], explorers=ends["explore"])


def lines_of(graph):
    """Count the lines that a picture must have: kind and name of both ends, and style."""
    kinds = {node.step: "metric" for node in graph.metrics}
    kinds |= {node.step: "explorer" for node in graph.explorers}

    def box(node):
        if isinstance(node, sm.Target):
            return "target", node.name
        if isinstance(node, sm.Input):
            return "input", node.name
        return "step", graph.names[node.step]

    lines = Counter()
    for step in {*graph.steps, *kinds}:
        reader = kinds.get(step, "step"), graph.names[step]
        lines.update((box(node), reader, "data") for node in step.inbound_nodes)
        lines.update((box(node), reader, "fit") for node in step.fit_only.values())
        lines.update((box(node), reader, "state") for node in [step.state_of] if node is not None)
    outputs = dict.fromkeys(graph.outputs)
    lines.update((box(node), ("output", graph.node_names[node]), "data") for node in outputs)
    return lines


def lines_in(drawn):
    def box(point):
        (found,) = [box for box in drawn.boxes if box.touches(point)]
        return found.kind, found.name

    return Counter((box(way[0]), box(way[-1]), style) for style, way in drawn.lines)


def boxes_of(pipeline):
    drawn = read(pipeline_svg(pipeline))
    return {box.name: box for box in drawn.boxes if box.kind != "output"}


# Layout


@pytest.mark.parametrize("rankdir", ["LR", "TB"])
@given(pipeline=pipelines())
def test_every_line_leads_from_what_is_read_to_what_reads_it(pipeline, rankdir):
    drawn = read(pipeline_svg(pipeline, rankdir))

    assert lines_in(drawn) == lines_of(pipeline.graph)


def assert_clear(svg):
    drawn = read(svg)
    for one, other in combinations([*drawn.boxes, *drawn.labels], 2):
        assert not one.overlaps(other)
    for box in drawn.boxes:
        assert not any(box.holds(way).any() for _, way in drawn.lines)
    for label in drawn.labels:  # stands on its own line, which is straight there
        middle = np.array([label.left + label.right, label.top + label.bottom]) / 2
        for _, way in drawn.lines:
            off = np.abs(way[label.holds(way)] - middle)
            assert (off.min(axis=1) < 1).all()


@pytest.mark.parametrize("rankdir", ["LR", "TB"])
@given(pipeline=pipelines())
def test_no_box_or_label_overlaps_another_and_no_line_runs_through_a_box(pipeline, rankdir):
    assert_clear(pipeline_svg(pipeline, rankdir))


@pytest.mark.parametrize("rankdir", ["LR", "TB"])
def test_a_picture_with_shapes_and_keywords_is_as_clear(rankdir):
    svg = pipeline_svg(fitted_house_prices(), rankdir)

    assert len(read(svg).labels) > 10
    assert_clear(svg)


@pytest.mark.parametrize("rankdir", ["LR", "TB"])
@given(pipeline=pipelines(names=st.text(min_size=1).filter(lambda name: "__" not in name)))
def test_texts_stay_within_their_boxes_and_boxes_within_the_picture(pipeline, rankdir):
    svg = pipeline_svg(pipeline, rankdir)

    root = ET.fromstring(svg)
    for box in read(svg).boxes:
        assert box.left >= 0 <= box.top
        assert box.right <= float(root.get("width"))
        assert box.bottom <= float(root.get("height"))
        assert max(map(len, box.words)) * 0.6 * 12 <= box.right - box.left


def test_lines_of_a_chain_are_straight():
    drawn = read(pipeline_svg(chain(20), "TB"))

    assert len({x for _, way in drawn.lines for x, _ in way}) == 1


def test_cells_and_the_lines_into_them_are_ordered_so_that_nothing_crosses():
    a, b, c = inputs = [sm.Input(name) for name in "abc"]
    joined = sm.layers.Concatenate()([c, a])
    steps = [sm.layers.Whiten()(node) for node in (a, b, c)]

    drawn = read(pipeline_svg(sm.Pipeline(inputs, [steps[0], joined, *steps[1:]]), "TB"))

    ends = [(way[0], way[-1]) for _, way in drawn.lines]
    for (start, end), (other_start, other_end) in combinations(ends, 2):
        if start[1] == other_start[1]:  # of the same layer
            assert (start[0] - other_start[0]) * (end[0] - other_end[0]) >= 0


def test_a_graph_is_drawn_the_same_way_every_time():
    assert pipeline_html(house_prices()) == pipeline_html(house_prices())


def test_rankdir_says_whether_layers_follow_each_other_down_or_to_the_right():
    down = {box.name: box for box in read(pipeline_svg(chain(3), "TB")).boxes}
    right = {box.name: box for box in read(pipeline_svg(chain(3), "LR")).boxes}

    assert down["x"].bottom < down["whiten-1"].top
    assert right["x"].right < right["whiten-1"].left


def test_a_picture_that_fits_a_notebook_goes_to_the_right_and_a_long_one_down():
    assert pipeline_svg(chain(3)) == pipeline_svg(chain(3), "LR")
    assert pipeline_svg(chain(30)) == pipeline_svg(chain(30), "TB")


def test_an_unknown_rankdir_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'TB', 'LR' or None, got 'BT'"):
        pipeline_svg(chain(1), "BT")


# What is told apart


def test_inputs_targets_steps_metrics_and_explorers_have_classes_of_their_own():
    kinds = {name: box.kind for name, box in boxes_of(house_prices()).items()}

    assert kinds["X"] == "input"
    assert kinds["price"] == "target"
    assert kinds["features"] == "step"
    assert kinds["error"] == "metric"
    assert kinds["largest"] == "explorer"


def test_outputs_are_drawn_as_ends_under_their_names():
    drawn = read(pipeline_svg(house_prices()))

    assert {box.name for box in drawn.boxes if box.kind == "output"} == {"features", "inverse"}


def test_fit_only_lines_are_dashed_and_carry_their_keyword():
    svg = pipeline_svg(house_prices())

    assert re.search(r"\.skm-fit path{stroke-dasharray:\d", svg)
    styles = Counter(style for style, _ in read(svg).lines)
    assert styles["fit"] == 2
    assert styles["state"] == 1
    assert {"y", "sample_weight", "state"} <= {label.name for label in read(svg).labels}


def test_a_step_shows_its_class_where_the_name_does_not_tell_it():
    words = {name: box.words for name, box in boxes_of(house_prices()).items()}

    assert words["scaled"] == ("scaled", "StandardScaler")
    assert words["pca"] == ("pca",)


def test_a_step_that_is_switched_off_says_passthrough():
    pipeline = house_prices().set_params(pca="passthrough")

    box = boxes_of(pipeline)["pca"]

    assert box.words == ("pca", "passthrough")
    assert box.kind == "step skm-off"


def test_hovering_shows_parameters():
    hints = {name: box.hint for name, box in boxes_of(house_prices()).items()}

    assert "PCA(n_components=2)" in hints["pca"]
    assert "inverse_transform of 'scaled'" in hints["inverse"]
    assert hints["image"] == "Input('image', shape=(8, 8))"


def test_long_parameters_are_cut():
    x = sm.Input("x")
    pipeline = sm.Pipeline(x, sm.layers.Lambda(np.add, text="a" * 5_000)(x))

    box = boxes_of(pipeline)["lambda"]

    assert len(box.hint) == 600


def test_inputs_show_the_declared_shape():
    words = {name: box.words for name, box in boxes_of(house_prices()).items()}

    assert words["image"] == ("image", "n\N{MULTIPLICATION SIGN}8\N{MULTIPLICATION SIGN}8")
    assert words["X"] == ("X", "n\N{MULTIPLICATION SIGN}?")
    assert words["weight"] == ("weight", "n")


def test_shapes_appear_once_fit_transform_has_seen_them():
    before = {label.name for label in read(pipeline_svg(house_prices())).labels}
    after = {label.name for label in read(pipeline_svg(fitted_house_prices())).labels}

    assert before == {"[0]", "[1]", "y", "sample_weight", "state"}
    assert {"n\N{MULTIPLICATION SIGN}64", "[1] n\N{MULTIPLICATION SIGN}5"} <= after


def test_the_legend_lists_only_what_occurs():
    small, large = read(pipeline_svg(chain(1))), read(pipeline_svg(house_prices()))

    assert small.legend == ["input", "step", "output"]
    assert large.legend == [
        "input",
        "target",
        "step",
        "output",
        "metric",
        "explorer",
        "only while fitting",
        "learned state",
    ]


# What users may write


@given(pipeline=pipelines(names=st.text(min_size=1).filter(lambda name: "__" not in name)))
def test_any_names_give_well_formed_xml(pipeline):
    root = ET.fromstring(pipeline_html(pipeline))

    assert root.tag == "div"


@given(pipeline=pipelines())
def test_every_name_appears(pipeline):
    names = {box.name for box in read(pipeline_svg(pipeline)).boxes}

    assert {*pipeline.graph.names.values(), *(node.name for node in pipeline.inputs)} <= names


def test_hostile_names_and_parameters_are_escaped():
    x = sm.Input(HOSTILE)
    step = sm.layers.Lambda(np.add, text=HOSTILE)(x, HOSTILE + " step")
    pipeline = sm.Pipeline(x, step, name=HOSTILE, version=HOSTILE)

    html = pipeline_html(pipeline)

    assert "<script" not in html
    texts = "".join(ET.fromstring(html).itertext())
    assert f"{HOSTILE}-{HOSTILE}" in texts
    assert f"{HOSTILE} step\nLambda(add, text={HOSTILE!r})" in texts


def test_characters_that_xml_cannot_hold_are_replaced():
    x = sm.Input("nul \x00, escape \x1b, surrogate \ud800, \ufffe")

    (box,) = [box for box in read(pipeline_svg(sm.Pipeline(x, x))).boxes if box.kind == "input"]

    assert box.name == "nul \ufffd, escape \ufffd, surrogate \ufffd, \ufffd"


def test_a_long_name_is_cut_in_the_box_and_whole_in_the_hint():
    name = "a_very_long_name_" * 10
    x = sm.Input("x")

    boxes = read(pipeline_svg(sm.Pipeline(x, sm.layers.Whiten()(x, name)))).boxes

    (box,) = [box for box in boxes if box.kind == "step"]
    assert box.name.endswith("\N{HORIZONTAL ELLIPSIS}")
    assert len(box.name) < 40
    assert name in box.hint


# Large graphs


def test_200_steps_are_drawn_clearly():
    pipeline = tangle(200)
    assert len(pipeline.graph.steps) > 100

    svg = pipeline_svg(pipeline)

    assert len(read(svg).boxes) > 200
    assert_clear(svg)


def test_a_chain_of_200_steps_is_drawn_without_recursion():
    assert len(read(pipeline_svg(chain(200))).boxes) == 202


def test_5000_steps_give_a_note_that_counts_them():
    svg = pipeline_svg(chain(5_000))

    assert not read(svg).boxes
    assert "5,000 steps" in svg
    assert len(svg) < 10_000


@pytest.mark.parametrize("reach", [3, 400])
def test_a_graph_with_too_many_lines_for_its_steps_gives_the_note(reach):
    nodes = [sm.Input("x")]
    for _ in range(250):
        read_ = nodes[-reach:] if reach < 250 else nodes[-1:]
        nodes.append(sm.layers.Concatenate()([*read_, nodes[0]]))
    nodes.append(sm.layers.Concatenate()(nodes))
    pipeline = sm.Pipeline(nodes[0], nodes[-1])

    assert "251 steps, " in pipeline_svg(pipeline)


def test_a_pipeline_of_nothing_still_has_a_picture():
    assert "nothing in this graph" in pipeline_svg(sm.Pipeline([], []))


# HTML


def test_the_html_is_one_element_without_scripts_and_references():
    html = pipeline_html(fitted_house_prices())

    assert ET.fromstring(html).tag == "div"
    assert "<script" not in html
    assert "url(" not in html
    assert "id=" not in html
    assert re.findall(r"https?://[^\"]*", html) == [NAMESPACE]


def test_the_header_tells_name_version_and_whether_the_pipeline_is_fitted():
    before = ET.fromstring(pipeline_html(house_prices()))[1]
    after = ET.fromstring(pipeline_html(fitted_house_prices()))[1]
    nameless = ET.fromstring(pipeline_html(chain(1)))[1]

    assert "".join(before.itertext()) == "Pipeline houses-2 not fitted"
    assert "".join(after.itertext()) == "Pipeline houses-2 fitted"
    assert "".join(nameless.itertext()) == "Pipeline not fitted"


def test_styles_are_scoped_to_the_picture():
    styles = "".join(re.findall(r"<style>(.*?)</style>", pipeline_html(house_prices())))
    flat = re.sub(r"@media[^{]*{(.*?}) *}", r"\1", styles)

    for selector in re.findall(r"([^{}]+){", flat):
        assert ".skm" in re.sub(r":is\([^)]*\)", "", selector)


@pytest.mark.parametrize(
    "hook",
    [
        "@media (prefers-color-scheme:dark)",
        '[data-theme="dark"]',
        '[data-jp-theme-light="false"]',
        ".vscode-dark",
        'html[theme="dark"]',
    ],
)
def test_the_picture_follows_dark_themes(hook):
    _, _, rule = pipeline_html(chain(1)).partition(hook)

    assert re.search(r"--skm-bg:(#\w+)", rule).group(1) == "#1b1f24"


def test_a_notebook_shows_the_picture():
    assert house_prices()._repr_html_() == pipeline_html(house_prices())
