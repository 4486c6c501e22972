"""Graphs as plain data: what is in it, that it survives JSON, and what is refused."""

import copy
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_absolute_error
from sklearn.preprocessing import StandardScaler

import skmegatron as sm
from skmegatron.errors import GraphError
from skmegatron.nodes.topology import check_topology, topology
from skmegatron.visuals import (
    pipeline_svg,
    pipeline_to_dot,
    topology_imsave,
    topology_svg,
    topology_to_dot,
)


def halves(X):
    return X, X


def house_prices():
    X, image = sm.Input("X", shape=(None,)), sm.Input("image", shape=(8, 8))
    sizes = sm.Input("sizes", columns=["height", 3])
    weight, price, seen = sm.Input("weight"), sm.Target("price"), sm.Input("seen")
    left, right = sm.layers.Lambda(halves, n_outputs=2)(X)
    off = sm.layers.Sklearn("passthrough")(right, "off")
    pixels = sm.layers.Flatten()(image)
    both = [sm.layers.Sklearn(PCA(2))(left), off, pixels, sizes]
    features = sm.layers.Concatenate()(both, "features")
    scaled = sm.layers.Sklearn(StandardScaler())(price, "scaled")
    found = sm.layers.Sklearn(LinearRegression())(features, y=scaled, sample_weight=weight)
    back = scaled.inverse(found)
    error = sm.metrics.Metric(mean_absolute_error)([price, seen], "error")
    look = sm.layers.Explorer(np.max)(features, "largest")
    inputs = [X, image, sizes, weight, price, seen]
    return sm.Pipeline(inputs, [back, features], metrics=error, explorers=look)


def described(shapes=None):
    return topology(house_prices().graph, shapes)


def steps_of(drawn):
    return {step["name"]: step for step in drawn["steps"]}


# What is told


def test_inputs_tell_what_reads_them_and_what_they_take():
    drawn = described()

    kinds = {one["name"]: one["kind"] for one in drawn["inputs"]}
    assert kinds == {
        "X": "input",
        "image": "input",
        "sizes": "input",
        "weight": "fit-only",
        "price": "target",
        "seen": "metric-only",
    }
    assert drawn["inputs"][0]["shape"] == [None]
    assert drawn["inputs"][1]["shape"] == [8, 8]
    assert drawn["inputs"][2]["columns"] == ["height", 3]


def test_steps_tell_their_classes_and_what_they_read():
    steps = steps_of(described())

    model = steps["linearregression"]
    assert model["layer"] == "skmegatron.layers.adapters.Sklearn"
    assert model["estimator"] == "sklearn.linear_model._base.LinearRegression"
    assert model["inbound"] == ["features"]
    assert model["fit_only"] == {"y": "scaled", "sample_weight": "weight"}
    assert model["learns"]
    assert steps["features"]["estimator"] is None
    assert not steps["features"]["learns"]
    assert steps["off"]["off"]
    assert steps["inverse"]["state_of"] == "scaled"


def test_each_output_of_a_step_has_a_name_and_a_label():
    outputs = steps_of(described())["lambda"]["outputs"]

    assert [(one["name"], one["label"]) for one in outputs] == [
        ("lambda[0]", "[0]"),
        ("lambda[1]", "[1]"),
    ]


def test_ends_are_listed():
    drawn = described()

    assert drawn["outputs"] == ["inverse", "features"]
    assert drawn["metrics"][0]["inbound"] == ["price", "seen"]
    assert drawn["explorers"][0]["name"] == "largest"
    assert drawn["explorers"][0]["outputs"] == []


def test_shapes_are_told_where_they_are_known():
    drawn = described({"pca": (2,), "X": (np.int64(5),), "image": (None, 8)})

    assert steps_of(drawn)["pca"]["outputs"][0]["seen"] == [2]
    assert [one["seen"] for one in drawn["inputs"][:3]] == [[5], [None, 8], None]


def test_every_name_in_the_order_stands_behind_what_it_reads():
    drawn = described()

    check_topology(drawn)
    for name, step in steps_of(drawn).items():
        for parent in step["inbound"]:
            parent = parent.removesuffix("[0]").removesuffix("[1]")
            assert drawn["order"].index(parent) < drawn["order"].index(name)


def test_names_given_twice_are_told_apart():
    x, other = sm.Input("x"), sm.Input("x")
    pipe = sm.Pipeline([x, other], [sm.layers.Whiten()(x, "a"), sm.layers.Whiten()(other, "a")])

    drawn = topology(pipe.graph)

    check_topology(drawn)
    assert drawn["order"] == ["x", "a", "x (2)", "a (2)"]


def test_a_long_parameter_is_cut():
    x = sm.Input("x")
    pipe = sm.Pipeline(x, sm.layers.Lambda(np.add, text="a" * 100_000)(x))

    assert len(json.dumps(topology(pipe.graph))) < 3_000


# Drawing from what JSON made of it


@pytest.mark.parametrize("rankdir", [None, "TB", "LR"])
def test_a_picture_from_json_is_that_of_the_pipeline(rankdir):
    pipe = house_prices()

    drawn = json.loads(json.dumps(topology(pipe.graph)))

    assert topology_svg(drawn, rankdir) == pipeline_svg(pipe, rankdir)
    rankdir = rankdir or "TB"
    dot = topology_to_dot(drawn, rankdir)
    assert dot.to_string() == pipeline_to_dot(pipe, rankdir).to_string()


@pytest.mark.parametrize(
    ("ending", "start"),
    [(".svg", b"<svg"), (".png", b"\x89PNG"), (".pdf", b"%PDF"), (".dot", b"digraph")],
)
def test_a_description_is_saved_in_the_format_of_the_ending(ending, start, tmp_path):
    path = topology_imsave(described(), tmp_path / f"houses{ending}")

    assert path.read_bytes().startswith(start)


# Descriptions from strangers

EVIL = '</title><script>alert(1)</script>\x00\ud800"]; evil [image="/etc/passwd\\'


def renamed(value, old, new):
    if isinstance(value, dict):
        return {key: renamed(inner, old, new) for key, inner in value.items()}
    if isinstance(value, list):
        return [renamed(inner, old, new) for inner in value]
    return new if value == old else value


@pytest.mark.parametrize("part", ["X", "pca", "PCA", "lambda[0]", "[0]", "PCA(n_components=2)"])
def test_a_hostile_text_is_only_a_text(part):
    drawn = renamed(described(), part, EVIL)
    assert drawn != described()

    svg = topology_svg(drawn)
    dot = topology_to_dot(drawn).to_string()

    assert "<script" not in svg
    assert "\x00" not in svg + dot
    (svg + dot).encode()
    assert "/etc/passwd" not in dot or '\\"/etc/passwd' in dot


def test_a_huge_text_does_not_make_a_huge_picture():
    drawn = renamed(renamed(described(), "pca", "a" * 10**6), "PCA(n_components=2)", "b" * 10**6)

    assert len(topology_svg(drawn)) < 100_000
    assert len(topology_to_dot(drawn).to_string()) < 100_000


def test_a_huge_graph_gives_a_note_or_an_error(tmp_path):
    drawn = described()
    step = {**drawn["steps"][0], "inbound": [], "outputs": []}
    names = [f"s{number}" for number in range(100_000)]
    drawn["steps"] += [{**step, "name": name} for name in names]
    drawn["order"] += names

    assert "too many to draw" in topology_svg(drawn)
    with pytest.raises(GraphError, match=r"too many for a picture as \.png.*\.dot"):
        topology_imsave(drawn, tmp_path / "huge.png")
    assert not list(tmp_path.iterdir())


def set_in(path, value):
    def change(drawn):
        *way, last = path
        for key in way:
            drawn = drawn[key]
        drawn[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (set_in(["steps"], {}), r"'steps' takes a list, got a dict"),
        (set_in(["steps", 0], 5), r"'steps\[0\]' takes a dict, got 5"),
        (set_in(["steps", 0, "name"], None), r"'steps\[0\]\.name' takes a name"),
        (set_in(["steps", 0, "name"], ""), r"takes a name, got ''"),
        (set_in(["inputs", 0, "shape"], ["9" * 50]), "takes a list of sizes"),
        (set_in(["inputs", 0, "shape"], [10**5000]), "takes a list of sizes"),
        (set_in(["inputs", 0, "shape"], [True]), "takes a list of sizes"),
        (set_in(["inputs", 0, "kind"], "x onload=evil"), "takes one of"),
        (set_in(["inputs", 0, "kind"], ["input"]), "takes one of"),
        (set_in(["steps", 0, "fit_only"], {"y, image": "price"}), "names of nodes by keyword"),
        (set_in(["steps", 0, "inbound"], ["features"]), "not made before it"),
        (set_in(["steps", 0, "inbound"], ["lambda[0]"]), "not made before it"),
        (set_in(["metrics", 0, "inbound"], ["nobody"]), "'nobody', not made before it"),
        (set_in(["outputs"], ["nobody"]), "nothing makes the output 'nobody'"),
        (set_in(["order"], []), "'order' does not list each input and step once"),
        (set_in(["order", 0], "image"), "'order' does not list"),
        (set_in(["steps", 0, "outputs", 1, "name"], "lambda[0]"), "two nodes are named"),
        (set_in(["inputs", 0, "name"], "image"), "'order' does not list"),
        (set_in(["steps", 0, "off"], "yes"), "true or false"),
    ],
)
def test_what_is_no_description_is_refused_with_the_place(change, words):
    drawn = described()
    change(drawn)

    for draw in (topology_svg, topology_to_dot):
        with pytest.raises(GraphError, match=words):
            draw(drawn)


@pytest.mark.parametrize("given", [None, [], "text", 5])
def test_something_else_is_refused(given):
    with pytest.raises(GraphError, match="the whole takes a dict"):
        topology_svg(given)


DESCRIBED = described()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(data=st.data())
def test_whatever_is_changed_it_is_drawn_or_refused(data):
    drawn = copy.deepcopy(DESCRIBED)
    inner = drawn
    while isinstance(inner, dict | list) and inner:
        places = sorted(inner) if isinstance(inner, dict) else range(len(inner))
        place = data.draw(st.sampled_from(places))
        if data.draw(st.booleans()) or not isinstance(inner[place], dict | list):
            inner[place] = data.draw(JSON)
            break
        inner = inner[place]

    try:
        svg = topology_svg(drawn)
    except GraphError:
        return
    assert svg.startswith("<svg")
    assert "<script" not in svg
