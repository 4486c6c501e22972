"""Pictures for files and for Graphviz."""

import shutil
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.preprocessing import StandardScaler

import skmegatron as sm
from skmegatron.errors import MissingDependencyError
from skmegatron.layers import Explorer, Sklearn
from skmegatron.visuals import pipeline_imsave, pipeline_imshow, pipeline_to_dot


def drawn():
    x, y, w = sm.Input("X", shape=(None,)), sm.Target("label"), sm.Input("weight")
    scaled = Sklearn(StandardScaler())(x, "scaled")
    guess = Sklearn(LogisticRegression())(scaled, "guess", y=y, sample_weight=w)
    acc = sm.metrics.Metric(accuracy_score)([y, guess], "acc")
    look = Explorer(np.max)(scaled, "largest")
    return sm.Pipeline([x, y, w], guess, metrics=[acc], explorers=[look], name="flowers")


def test_dot_holds_every_box_once():
    dot = pipeline_to_dot(drawn())

    labels = [node.get_label() for node in dot.get_nodes() if node.get_label()]
    assert sorted(labels) == sorted(
        [
            '"X"',
            '"label"',
            '"weight"',
            '"scaled\\nStandardScaler"',
            '"guess\\nLogisticRegression"',
            '"acc\\nMetric"',
            '"largest\\nExplorer"',
            '"guess"',
        ]
    )


def test_dot_tells_fit_only_edges_apart():
    edges = pipeline_to_dot(drawn()).get_edges()

    dashed = {
        (edge.get_source(), edge.get_label()) for edge in edges if edge.get_style() == "dashed"
    }
    assert dashed == {('"input label"', '"y"'), ('"input weight"', '"sample_weight"')}


def test_dot_shows_whose_state_an_inverse_uses():
    x, y = sm.Input("x", shape=(None,)), sm.Target("y")
    scaled = Sklearn(StandardScaler())(y, "scaled")
    back = scaled.inverse(Sklearn(LogisticRegression())(x, y=scaled))

    edges = pipeline_to_dot(sm.Pipeline([x, y], back)).get_edges()

    dotted = [edge.get_source() for edge in edges if edge.get_style() == "dotted"]
    assert dotted == ['"step scaled"']


@pytest.mark.parametrize("rankdir", ["TB", "LR"])
def test_dot_takes_the_direction(rankdir):
    assert pipeline_to_dot(drawn(), rankdir).get_rankdir() == rankdir


@pytest.mark.parametrize(
    ("ending", "start"), [(".svg", b"<svg"), (".png", b"\x89PNG"), (".pdf", b"%PDF")]
)
def test_a_picture_is_saved_in_the_format_of_its_ending(ending, start, tmp_path):
    path = pipeline_imsave(drawn(), tmp_path / f"flowers{ending}")

    assert path.read_bytes().startswith(start)


def test_a_picture_without_an_ending_is_a_png(tmp_path):
    path = pipeline_imsave(drawn(), tmp_path / "flowers")

    assert path.name == "flowers.png"
    assert path.exists()


@pytest.mark.parametrize("name", ['"', "\\", "<b>", "a\nb", "ünï", "->", "{x|y}"])
def test_a_hostile_name_is_only_a_name(name, tmp_path):
    x = sm.Input(name)
    pipe = sm.Pipeline(x, x * 2)

    assert pipeline_imsave(pipe, tmp_path / "hostile.png").stat().st_size > 1000
    ET.fromstring(pipeline_imshow(pipe)._repr_svg_())


def test_without_graphviz_the_error_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(shutil, "which", lambda *args, **kwargs: None)

    with pytest.raises(MissingDependencyError, match=r"skmegatron\[viz\].*save as \.svg"):
        pipeline_imsave(drawn(), tmp_path / "flowers.png")
    assert not list(tmp_path.iterdir())


def test_a_notebook_shows_the_svg():
    assert pipeline_imshow(drawn())._repr_svg_() == sm.visuals.pipeline_svg(drawn())
