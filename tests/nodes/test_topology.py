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
    topology_imsave,
    topology_svg,
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


def nodes_of(drawn):
    return {node["name"]: node for node in drawn["nodes"]}


# What is told


def test_inputs_tell_what_reads_them_and_what_they_take():
    inputs = {name: one for name, one in nodes_of(described()).items() if "reads" not in one}

    assert {name: one["use"] for name, one in inputs.items()} == {
        "X": "predict",
        "image": "predict",
        "sizes": "predict",
        "weight": "fit",
        "price": "fit",
        "seen": "evaluate",
    }
    assert inputs["price"]["kind"] == "target"
    assert inputs["X"]["shape"] == [None]
    assert inputs["image"]["shape"] == [8, 8]
    assert inputs["sizes"]["columns"] == ["height", 3]


def test_steps_tell_their_classes_and_what_they_read():
    nodes = nodes_of(described())

    model = nodes["linearregression"]
    assert model["layer"] == "skmegatron.layers.adapters.Sklearn"
    assert model["estimator"] == "sklearn.linear_model._base.LinearRegression"
    assert model["reads"] == ["features"]
    assert model["fit_only"] == {"y": "scaled", "sample_weight": "weight"}
    assert model["learns"]
    assert nodes["features"]["estimator"] is None
    assert not nodes["features"]["learns"]
    assert nodes["off"]["passthrough"]
    assert nodes["inverse"]["state_of"] == "scaled"
    assert not nodes["inverse"]["learns"]


def test_each_output_of_a_step_has_a_name_and_a_label():
    gives = nodes_of(described())["lambda"]["gives"]

    assert [(one["name"], one["which"]) for one in gives] == [
        ("lambda[0]", "[0]"),
        ("lambda[1]", "[1]"),
    ]


def test_ends_are_listed():
    drawn = described()

    assert drawn["outputs"] == ["inverse", "features"]
    assert nodes_of(drawn)["error"]["reads"] == ["price", "seen"]
    assert nodes_of(drawn)["largest"]["kind"] == "explorer"
    assert nodes_of(drawn)["largest"]["gives"] == []


def test_shapes_are_told_where_they_are_known():
    nodes = nodes_of(described({"pca": (2,), "X": (np.int64(5),), "image": (None, 8)}))

    assert nodes["pca"]["gives"][0]["shape"] == [2]
    assert [nodes[name]["fed"] for name in ("X", "image", "sizes")] == [[5], [None, 8], None]


def test_every_node_stands_behind_what_it_reads():
    names = list(nodes_of(described()))

    check_topology(described())
    for name, node in nodes_of(described()).items():
        for parent in node.get("reads", []):
            maker = parent.removesuffix("[0]").removesuffix("[1]")
            assert names.index(maker) < names.index(name)


def test_names_given_twice_are_told_apart():
    x, other = sm.Input("x"), sm.Input("x")
    pipe = sm.Pipeline([x, other], [sm.layers.Whiten()(x, "a"), sm.layers.Whiten()(other, "a")])

    drawn = topology(pipe.graph)

    check_topology(drawn)
    assert list(nodes_of(drawn)) == ["x", "a", "x (2)", "a (2)"]


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


@pytest.mark.parametrize(
    "part",
    ["X", "pca", "sklearn.decomposition._pca.PCA", "lambda[0]", "[0]", "PCA(n_components=2)"],
)
def test_a_hostile_text_is_only_a_text(part, tmp_path):
    drawn = renamed(described(), part, EVIL)
    assert drawn != described()

    svg = topology_svg(drawn)
    dot = topology_imsave(drawn, tmp_path / "evil.dot").read_text(encoding="utf-8")

    assert "<script" not in svg
    assert "\x00" not in svg + dot
    assert "/etc/passwd" not in dot or '\\"/etc/passwd' in dot


def test_a_huge_text_does_not_make_a_huge_picture(tmp_path):
    drawn = renamed(renamed(described(), "pca", "a" * 10**6), "PCA(n_components=2)", "b" * 10**6)

    assert len(topology_svg(drawn)) < 100_000
    assert topology_imsave(drawn, tmp_path / "huge.dot").stat().st_size < 100_000


def test_a_huge_graph_gives_a_note_or_an_error(tmp_path):
    drawn = described()
    step = {**nodes_of(drawn)["pca"], "reads": [], "gives": []}
    drawn["nodes"] += [{**step, "name": f"s{number}"} for number in range(20_000)]

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


LAMBDA = next(place for place, node in enumerate(described()["nodes"]) if node["name"] == "lambda")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (set_in(["nodes"], {}), r"'nodes' takes a list, got a dict"),
        (set_in(["nodes", 0], 5), r"'nodes\[0\]' takes a dict, got 5"),
        (set_in(["nodes", 0], {}), r"'nodes\[0\]\.name' is missing"),
        (set_in(["nodes", 0, "name"], None), r"'nodes\[0\]\.name' takes a name, got None"),
        (set_in(["nodes", 0, "name"], ""), r"takes a name, got ''"),
        (set_in(["nodes", 0, "shape"], ["9" * 50]), "takes a list of sizes"),
        (set_in(["nodes", 0, "shape"], [10**5000]), "takes a list of sizes"),
        (set_in(["nodes", 0, "shape"], [True]), "takes a list of sizes"),
        (set_in(["nodes", 0, "kind"], "x onload=evil"), "takes input or target"),
        (set_in(["nodes", 0, "kind"], ["input"]), "takes input or target"),
        (set_in(["nodes", LAMBDA, "kind"], "evil"), "takes step, metric or explorer"),
        (set_in(["nodes", LAMBDA, "fit_only"], {"y": 5}), "names of nodes by keyword"),
        (set_in(["nodes", LAMBDA, "reads"], ["features"]), "'features', not made before it"),
        (set_in(["nodes", LAMBDA, "reads"], ["lambda[0]"]), "not made before it"),
        (set_in(["nodes", LAMBDA, "state_of"], "nobody"), "'nobody', not made before it"),
        (set_in(["nodes", LAMBDA, "gives", 0], 5), r"gives' takes a dict, got 5"),
        (set_in(["nodes", LAMBDA, "gives", 1, "name"], "lambda[0]"), "two nodes are named"),
        (set_in(["nodes", LAMBDA, "passthrough"], "yes"), "true or false"),
        (set_in(["outputs"], ["nobody"]), "nothing makes the output 'nobody'"),
        (set_in(["outputs"], [5]), "'outputs' takes a text, got 5"),
    ],
)
def test_what_is_no_description_is_refused_with_the_place(change, words, tmp_path):
    drawn = described()
    change(drawn)

    with pytest.raises(GraphError, match=words):
        topology_svg(drawn)
    with pytest.raises(GraphError, match=words):
        topology_imsave(drawn, tmp_path / "none.dot")


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
