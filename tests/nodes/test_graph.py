"""The graph: order, names, copies. Random drawings obey the laws that examples cannot show."""

import copy
import gc
import pickle
import warnings

import joblib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

import skmegatron as sm
from skmegatron.errors import DisconnectedError, GraphError, NamingError, UnusedInputWarning
from skmegatron.layers import (
    Concatenate,
    Explorer,
    Flatten,
    Lambda,
    Metric,
    ScalarMultiply,
    Sklearn,
    StatelessLayer,
    Whiten,
)
from skmegatron.nodes.core import MetricNode
from skmegatron.nodes.graph import Graph

ROWS = np.array([[1.0, 2.0], [3.0, 5.0], [5.0, 9.0], [7.0, 1.0]])


def table(name="X"):
    return sm.Input(name, shape=(None,))


def names_of(pipe):
    return [pipe.graph.node_names[node] for node in pipe.path]


# --- names ----------------------------------------------------------------------------


def test_step_is_named_after_the_lower_cased_class_of_its_layer():
    x = table()

    assert names_of(sm.Pipeline(x, Whiten()(Flatten()(x)))) == ["X", "flatten", "whiten"]


def test_sklearn_step_is_named_after_the_estimator_it_wraps():
    x = table()

    assert list(sm.Pipeline(x, Sklearn(PCA())(x)).graph.by_name) == ["pca"]


def test_steps_that_share_a_class_are_numbered_as_make_pipeline_does():
    estimators = [StandardScaler(), PCA(), StandardScaler(), MinMaxScaler(), StandardScaler()]
    node = x = table()
    for estimator in estimators:
        node = Sklearn(estimator)(node)

    assert list(sm.Pipeline(x, node).graph.by_name) == [
        name for name, _ in make_pipeline(*estimators).steps
    ]


def test_explicit_name_wins_and_generated_ones_step_aside():
    x = table()
    first = Sklearn(PCA())(x)
    named = Sklearn(PCA())(first, "pca-1")
    last = Sklearn(PCA())(named)

    assert names_of(sm.Pipeline(x, last)) == ["X", "pca-2", "pca-1", "pca-3"]


def test_explicit_name_wins_over_the_class_of_another_step():
    x = table()

    pipe = sm.Pipeline(x, Sklearn(PCA())(Whiten()(x, "pca")))

    assert names_of(pipe) == ["X", "pca", "pca-1"]


def test_input_named_like_a_class_keeps_its_name():
    flatten = sm.Input("flatten")

    assert names_of(sm.Pipeline(flatten, Flatten()(flatten))) == ["flatten", "flatten-1"]


def test_one_layer_called_twice_makes_two_steps():
    x, layer = table(), Whiten()

    assert names_of(sm.Pipeline(x, layer(layer(x)))) == ["X", "whiten-1", "whiten-2"]


def test_names_do_not_depend_on_what_was_drawn_before():
    def draw():
        x = table()
        return sm.Pipeline(x, Concatenate()([Whiten()(x), Sklearn(PCA())(Whiten()(x))]))

    first = names_of(draw())
    drawn = [draw() for _ in range(50)]

    assert names_of(drawn[-1]) == first
    assert first == ["X", "whiten-1", "whiten-2", "pca", "concatenate"]


def test_names_do_not_depend_on_siblings_outside_the_pipeline():
    x = table()
    others = [Whiten()(x) for _ in range(3)]
    pipe = sm.Pipeline(x, Whiten()(x))

    assert len(others) == 3
    assert names_of(pipe) == ["X", "whiten"]


def test_metric_is_named_as_a_step_is():
    x = table()

    pipe = sm.Pipeline(x, Flatten()(x), metrics=[Metric(np.sum)(x), Metric(np.max)(x)])

    assert pipe.evaluate(ROWS) == {"metric-1": 33.0, "metric-2": 9.0}


def test_replaced_step_keeps_its_name():
    x = table()
    pipe = sm.Pipeline(x, Sklearn(PCA())(Sklearn(PCA())(x)))

    pipe.set_params(**{"pca-1": StandardScaler()}, **{"pca-2__n_components": 1})

    assert names_of(pipe) == ["X", "pca-1", "pca-2"]
    assert pipe.get_params()["pca-2__n_components"] == 1


@pytest.mark.parametrize(
    "draw",
    [
        lambda x: Flatten()(Flatten()(x, "same"), "same"),
        lambda x: Flatten()(x, "X"),
        lambda x: Concatenate()(Lambda(np.modf, n_outputs=2)(x, name=["same", "same"])),
        lambda x: Flatten()(Lambda(np.modf, n_outputs=2)(x, name=["a", "same"])[0], "same"),
    ],
)
def test_two_nodes_with_one_name_are_refused(draw):
    x = table()

    with pytest.raises(NamingError, match=r"The name '(same|X)' is given to 2 nodes.*second arg"):
        sm.Pipeline(x, draw(x)).fit(ROWS)


def test_two_inputs_with_one_name_are_refused():
    a, b = table("a"), table("a")

    with pytest.raises(NamingError, match="'a' is given to 2 nodes"):
        sm.Pipeline([a, b], Concatenate()([a, b])).fit({"a": ROWS})


def test_one_input_listed_twice_is_one_input():
    x = table()

    assert_array_equal(sm.Pipeline([x, x], x + 1).transform(ROWS), ROWS + 1)


def test_metric_with_the_name_of_a_step_is_refused():
    x = table()
    node = Flatten()(x, "same")

    with pytest.raises(NamingError, match="'same' is given to 2"):
        sm.Pipeline(x, node, metrics=Metric(np.sum)(node, "same")).fit(ROWS)


@pytest.mark.parametrize("name", sorted(sm.Pipeline(None, None).get_params(deep=False)))
def test_step_cannot_have_the_name_of_a_parameter_of_the_pipeline(name):
    x = table()

    with pytest.raises(NamingError, match=rf"cannot be named '{name}'.*Name it '{name}_step'"):
        sm.Pipeline(x, Flatten()(x, name)).fit(ROWS)


def test_class_whose_name_has_two_underscores_needs_another_name():
    class My__Layer(StatelessLayer):
        def transform(self, X):
            return X

    x = table()

    with pytest.raises(NamingError, match=r"'my__layer' contains '__'.*Pass another name"):
        sm.Pipeline(x, My__Layer()(x)).fit(ROWS)
    assert_array_equal(sm.Pipeline(x, My__Layer()(x, "mine")).transform(ROWS), ROWS)


# --- what a pipeline spans ------------------------------------------------------------


def test_output_that_needs_an_unlisted_input_is_refused_with_what_to_add():
    a, b = table("a"), table("b")

    with pytest.raises(DisconnectedError, match=r"'concatenate' needs \['b'\].*\['a'\].*, b\]"):
        sm.Pipeline(a, Concatenate()([a, b])).fit(ROWS)


def test_an_input_drawn_twice_under_one_name_is_told_from_one_that_is_not_listed():
    drawn_on, listed = table("a"), table("a")

    with pytest.raises(DisconnectedError, match=r"'whiten' reads another Input\('a'.*cell"):
        sm.Pipeline(listed, Whiten()(drawn_on)).fit(ROWS)


@pytest.mark.parametrize("attach", [Metric(np.sum), Explorer(np.sum)])
def test_metric_that_needs_an_unlisted_input_is_refused(attach):
    a, b = table("a"), table("b")
    ends = {"metrics" if type(attach) is Metric else "explorers": attach([a, b], "end")}

    with pytest.raises(DisconnectedError, match=r"'end' needs \['b'\]"):
        sm.Pipeline(a, a + 1, **ends).fit(ROWS)


def test_unlisted_label_is_refused_too():
    x, y = table(), sm.Target("y")

    with pytest.raises(DisconnectedError, match=r"'linearregression' needs \['y'\]"):
        sm.Pipeline(x, Sklearn(LinearRegression())(x, y=y)).fit(ROWS, ROWS[:, 0])


def test_pipeline_without_inputs_or_outputs_is_refused():
    x = table()

    with pytest.raises(GraphError, match="needs outputs, got none"):
        sm.Pipeline(x, []).fit(ROWS)
    with pytest.raises(GraphError, match="needs inputs, got none"):
        sm.Pipeline([], x + 1).fit(ROWS)


def test_input_that_nothing_reads_is_warned_about_when_fitting():
    a, b = sm.Input("a"), sm.Input("b")
    pipe = sm.Pipeline([a, b], Whiten()(a))

    with pytest.warns(UnusedInputWarning, match="Input 'b' is read by no output"):
        pipe.fit({"a": [1.0, 2.0]})


def test_input_that_only_a_metric_reads_is_used():
    a, b = sm.Input("a"), sm.Input("b")
    pipe = sm.Pipeline([a, b], Whiten()(a), metrics=Metric(np.sum)(b, "total"))

    assert pipe.fit({"a": [1.0, 2.0], "b": [1.0, 2.0]}).graph.unused_inputs == []


def test_nodes_are_listed_by_type():
    x, y = table(), sm.Target("y")
    pred = Sklearn(LinearRegression())(Whiten()(x), y=y)
    error, look = Metric(np.sum)([y, pred], "error"), Explorer(np.max)(x, "look")

    nodes = sm.Pipeline([x, y], pred).nodes

    assert nodes["input"] == [x, y]
    assert nodes["transformation"] == [pred.traverse(-1), pred]
    assert nodes["metric"] == [error]
    assert nodes["explorer"] == [look]


def test_metrics_attached_to_the_nodes_are_found_unless_some_are_listed():
    x = table()
    out = x + 1
    first, second = Metric(np.sum)(out, "sum"), Metric(np.max)(out, "max")

    assert sm.Pipeline(x, out).nodes["metric"] == [first, second]
    assert sm.Pipeline(x, out, metrics=[second]).nodes["metric"] == [second]


def test_metric_attached_after_the_pipeline_was_made_is_found():
    x = table()
    out = x + 1
    pipe = sm.Pipeline(x, out)
    assert pipe.evaluate(ROWS) == {}

    Metric(np.sum)(out, "total")

    assert pipe.evaluate(ROWS) == {"total": (ROWS + 1).sum()}


def test_metric_of_another_branch_is_not_part_of_the_pipeline():
    x = table()
    out, other = x + 1, x * 2
    Metric(np.sum)([out, other], "both")

    assert sm.Pipeline(x, out).nodes["metric"] == []


def test_cycle_forced_into_a_graph_is_found():
    x = table()
    first = Flatten()(x)
    last = Whiten()(first)
    object.__setattr__(first.step, "inbound_nodes", (last,))

    with pytest.raises(GraphError, match="has a cycle"):
        sm.Pipeline(x, last).fit(ROWS)


def test_path_lists_parents_before_children_and_each_node_once():
    x = table()
    left, right = Whiten()(x), Flatten()(x)
    both = Concatenate()([left, right])

    assert sm.Pipeline(x, [right, both]).path == [x, right, left, both]


def test_path_is_a_list_of_ones_own():
    pipe = sm.Pipeline(x := table(), x + 1)

    pipe.path.clear()

    assert len(pipe.path) == 2


# --- finding nodes --------------------------------------------------------------------


def test_node_is_found_by_name_and_by_itself():
    x = table()
    node = Whiten()(x)
    graph = sm.Pipeline(x, node + 1).graph

    assert graph.find("whiten") is node
    assert graph.find(node) is node
    assert graph.find("X") is x


@pytest.mark.parametrize(
    "again",
    [
        clone,
        lambda pipe: clone(clone(pipe)),
        copy.deepcopy,
        lambda pipe: clone(pipe).set_params(standardscaler__with_mean=False),
    ],
)
def test_node_finds_its_copy_in_a_copied_pipeline(again):
    x = table()
    scaled = Sklearn(StandardScaler())(x)
    small, large = Lambda(np.modf, n_outputs=2)(scaled)
    pipe = sm.Pipeline(x, [small, large])

    twin = again(pipe)

    for node, name in [(x, "X"), (scaled, "standardscaler"), (large, "lambda[1]")]:
        found = twin.graph.find(node)
        assert found is not node
        assert twin.graph.node_names[found] == name


@pytest.mark.parametrize("wanted", ["nothing", sm.Input("stranger")])
def test_node_that_is_not_there_is_an_error_that_lists_the_names(wanted):
    x = table()

    with pytest.raises(GraphError, match=r"is not in this pipeline.*\['X', 'whiten'\]"):
        sm.Pipeline(x, Whiten()(x)).graph.find(wanted)


def test_names_listed_by_that_error_can_all_be_asked_for():
    x = table()
    graph = sm.Pipeline(x, Whiten()(x), metrics=Metric(np.sum)(x, "total")).graph

    with pytest.raises(GraphError, match="is not in this pipeline") as caught:
        graph.find("nothing")

    assert "total" not in str(caught.value)


# --- copies ---------------------------------------------------------------------------


def drawn_with_everything():
    x, y, w = table(), sm.Target("y"), sm.Input("w")
    shared = Whiten()
    first = shared(x)
    second = shared(first)
    scaled = Sklearn(StandardScaler())(y)
    pred = Sklearn(LinearRegression())([first, second], y=scaled, sample_weight=w)
    out = scaled.inverse(pred)
    error = Metric(np.subtract)([y, out], "error")
    return sm.Pipeline([x, y, w], [out, first], metrics=[error], name="all", version="1")


def test_clone_is_new_from_inputs_to_metrics():
    pipe = drawn_with_everything()
    twin = clone(pipe)

    old = {*pipe.path, *pipe.metrics}
    new = {*twin.path, *twin.metrics}
    assert len(new) == len(old)
    assert old.isdisjoint(new)


@pytest.mark.parametrize("again", [clone, copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))])
def test_copy_keeps_which_nodes_are_shared(again):
    twin = again(drawn_with_everything())

    out, first = twin.outputs
    (error,) = twin.metrics
    x, y, w = twin.inputs
    pred = out.traverse(-1)
    assert error.inbound_nodes == (y, out)
    assert pred.inbound_nodes[0] is first
    assert first.inbound_nodes == (x,)
    assert pred.step.fit_only["sample_weight"] is w
    assert out.step.state_of is pred.step.fit_only["y"]
    assert out.step.state_of.inbound_nodes == (y,)
    assert set(twin.inputs) == set(twin.nodes["input"])


@pytest.mark.parametrize("again", [clone, copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))])
def test_copy_keeps_which_steps_share_a_layer(again):
    pipe = drawn_with_everything()
    steps = again(pipe).graph.steps
    first, second = (step.layer for step in steps if isinstance(step.layer, Whiten))
    original = pipe.outputs[1].layer

    assert first is second
    assert first is not original


def test_clone_keeps_the_containers_of_its_parameters():
    x = table()
    twin = clone(sm.Pipeline((x,), [x + 1], metrics=()))

    assert isinstance(twin.inputs, tuple)
    assert isinstance(twin.outputs, list)
    assert twin.metrics == ()


def test_clone_keeps_metrics_that_were_only_attached():
    x = table()
    out = x + 1
    Metric(np.sum)(out, "total")
    twin = clone(sm.Pipeline(x, out))
    gc.collect()

    assert twin.evaluate(ROWS) == {"total": (ROWS + 1).sum()}


def test_clone_is_not_fitted_and_leaves_the_original_fitted():
    x = table()
    pipe = sm.Pipeline(x, Whiten()(x)).fit(ROWS)

    twin = clone(pipe)

    assert not hasattr(twin, "steps_")
    assert hasattr(pipe, "steps_")


@pytest.mark.parametrize(
    "again",
    [clone, copy.copy, copy.deepcopy, lambda pipe: pickle.loads(pickle.dumps(pipe))],
)
def test_copy_of_a_pipeline_learns_and_gives_the_same(again):
    pipe = drawn_with_everything()
    labels, weights = ROWS.sum(axis=1), np.arange(1.0, 5.0)
    expected = pipe.fit_transform(ROWS, labels, w=weights)

    assert again(pipe).fit_transform(ROWS, labels, w=weights) == expected


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda pipe: pickle.loads(pickle.dumps(pipe))]
)
def test_copy_of_a_fitted_pipeline_is_fitted(again):
    pipe = drawn_with_everything().fit(ROWS, ROWS.sum(axis=1), w=np.ones(4))

    assert again(pipe).transform(ROWS) == pipe.transform(ROWS)


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy])
def test_copy_of_a_lambda_layer_calls_the_same_function(again):
    assert_array_equal(again(Lambda(np.clip, a_min=0, a_max=3)).transform(ROWS), ROWS.clip(0, 3))


def test_deepcopy_of_one_node_copies_all_that_it_needs():
    x = table()
    layer = Whiten()
    node = Metric(np.sum)(layer(x) + 1, "total")

    twin = copy.deepcopy(node)

    assert isinstance(twin, MetricNode)
    assert twin.name == "total"
    assert twin.traverse(-1, -1).layer is not layer
    assert repr(twin.traverse(-1, -1, -1)) == repr(x)


def test_pickled_node_can_be_made_into_a_pipeline():
    x = table()
    node = pickle.loads(pickle.dumps(Whiten()(x) * 2))

    out = sm.Pipeline(node.traverse(-1, -1), node).fit_transform(ROWS)

    assert_allclose(out, 2 * (ROWS - ROWS.mean(0)) / ROWS.std(0))


@pytest.mark.parametrize("again", [copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))])
def test_nodes_copied_together_stay_connected(again):
    x = table()
    first = Whiten()(x)

    new_x, new_first, new_second = again((x, first, first + 1))

    assert new_first.inbound_nodes == (new_x,)
    assert new_second.inbound_nodes == (new_first,)


@pytest.mark.parametrize("again", [copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))])
def test_nodes_of_a_pipeline_and_of_its_clone_copied_together_stay_apart(again):
    x = table()
    pipe = sm.Pipeline(x, Whiten()(x))
    twin = clone(pipe).set_params(whiten__ddof=1)

    mine, theirs = again((pipe.outputs, twin.outputs))

    assert mine is not theirs
    assert (mine.layer.ddof, theirs.layer.ddof) == (0, 1)


@pytest.mark.parametrize("again", [copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))])
def test_copied_parameters_make_a_pipeline_that_works(again):
    pipe = drawn_with_everything()
    labels, weights = ROWS.sum(axis=1), np.arange(1.0, 5.0)

    twin = sm.Pipeline(**again(pipe.get_params(deep=False)))

    assert twin.fit_transform(ROWS, labels, w=weights) == pipe.fit_transform(
        ROWS, labels, w=weights
    )


# --- sharing --------------------------------------------------------------------------


def test_two_pipelines_over_one_graph_do_not_disturb_each_other():
    x, y = table(), sm.Target("y")
    white = Whiten()(x)
    pred = Sklearn(LogisticRegression())(white, y=y)
    scaler, classifier = sm.Pipeline(x, white), sm.Pipeline([x, y], pred)
    labels = [0, 1, 0, 1]

    scaler.fit(ROWS)
    before = scaler.transform(ROWS)
    classifier.fit(ROWS * 10 + 3, labels)
    predicted = classifier.predict(ROWS)
    scaler.fit(ROWS)
    clone(classifier).fit(-ROWS, labels)
    classifier.set_params(whiten__ddof=1)

    assert_array_equal(scaler.transform(ROWS), before)
    assert_array_equal(classifier.predict(ROWS), predicted)
    assert x.outbound_nodes == (white,)
    assert white.layer.get_params() == {"ddof": 0}


def test_two_pipelines_over_one_graph_may_give_different_names():
    x = table()
    first = Whiten()(x)
    second = Whiten()(first)

    assert names_of(sm.Pipeline(x, first)) == ["X", "whiten"]
    assert names_of(sm.Pipeline(x, second)) == ["X", "whiten-1", "whiten-2"]


def test_eager_nodes_keep_their_data_when_a_pipeline_is_built_on_them():
    x = table()(ROWS)
    white = Whiten()(x)
    value = white.output.copy()
    pipe = sm.Pipeline(x, white)

    other = pipe.fit(ROWS * 7 + 1).transform(ROWS)

    assert pipe.eager
    assert_array_equal(white.output, value)
    assert x.output is ROWS
    assert not np.allclose(other, value)


def test_copies_of_eager_nodes_carry_no_data():
    x = table()(ROWS)
    pipe = sm.Pipeline(x, Whiten()(x))

    for twin in (clone(pipe), copy.deepcopy(pipe), pickle.loads(pickle.dumps(pipe))):
        assert not twin.eager


# --- random drawings ------------------------------------------------------------------


def halves(x):
    return x / 2, -x


def draw_steps(recipe, inputs):
    """Draw the steps of a recipe on inputs, which may be eager; give all nodes."""
    nodes, layers = list(inputs), {}
    for kind, places, name in recipe:
        parents = [nodes[place % len(nodes)] for place in places]
        if kind == "lambda":
            nodes.append(Lambda(np.tanh)(parents[0], name=name))
        elif kind == "whiten":
            nodes.append(Whiten()(parents[0], name=name))
        elif kind == "shared":
            nodes.append(layers.setdefault("shared", Whiten(ddof=1))(parents[0], name=name))
        elif kind == "pca":
            nodes.append(Sklearn(PCA(1))(parents, name=name))
        elif kind == "halves":
            nodes.extend(Lambda(halves, n_outputs=2)(parents[0], name=name))
        else:
            nodes.append(Concatenate()(parents, name=name))
    return nodes


def ancestors(ends):
    found, stack = set(), list(ends)
    while stack:
        node = stack.pop()
        if node not in found:
            found.add(node)
            stack.extend(node.inbound_nodes)
    return found


class Drawing:
    """A recipe for a graph, the places of its outputs, and data for its inputs."""

    def __init__(self, n_inputs, recipe, outputs, seed):
        rng = np.random.default_rng(seed)
        self.data = {f"in{i}": rng.normal(size=(5, 2)) for i in range(n_inputs)}
        self.recipe, self.outputs = recipe, outputs

    def __repr__(self):
        return f"Drawing({len(self.data)}, {self.recipe}, {self.outputs})"

    def ends(self, nodes):
        return list(dict.fromkeys(nodes[place % len(nodes)] for place in self.outputs))

    def pipeline(self):
        inputs = [sm.Input(name, shape=(2,)) for name in self.data]
        ends = self.ends(draw_steps(self.recipe, inputs))
        used = ancestors(ends)
        return sm.Pipeline([node for node in inputs if node in used], ends)

    def eager_values(self):
        inputs = [sm.Input(name, shape=(2,))(array) for name, array in self.data.items()]
        return [node.output for node in self.ends(draw_steps(self.recipe, inputs))]


@st.composite
def drawings(draw):
    kinds = st.sampled_from(["lambda", "whiten", "shared", "pca", "halves", "concatenate"])
    steps = st.tuples(kinds, st.lists(st.integers(0, 99), min_size=1, max_size=3), st.booleans())
    recipe = [
        (kind, places, f"step {i}" if named else None)
        for i, (kind, places, named) in enumerate(draw(st.lists(steps, max_size=8)))
    ]
    outputs = draw(st.lists(st.integers(0, 99), min_size=1, max_size=3))
    return Drawing(draw(st.integers(1, 3)), recipe, outputs, draw(st.integers(0, 99)))


def as_list(result, pipe):
    return list(result.values()) if len(pipe.outputs) > 1 else [result]


def assert_same_values(left, right):
    assert len(left) == len(right)
    for mine, theirs in zip(left, right, strict=True):
        assert_allclose(mine, theirs, atol=1e-12)


some = settings(max_examples=150, deadline=None)


@some
@given(drawing=drawings())
def test_every_node_of_a_random_path_stands_after_its_parents(drawing):
    pipe = drawing.pipeline()
    path = pipe.path
    place = {node: position for position, node in enumerate(path)}

    assert len(place) == len(path)
    assert set(path) == ancestors(pipe.outputs)
    for node in path:
        assert all(place[parent] < place[node] for parent in node.inbound_nodes)


@some
@given(drawing=drawings())
def test_names_of_a_random_graph_are_distinct(drawing):
    names = names_of(drawing.pipeline())

    assert len(set(names)) == len(names)


@some
@given(drawing=drawings())
def test_random_graph_gives_what_its_eager_drawing_shows(drawing):
    pipe = drawing.pipeline()

    fitted = as_list(pipe.fit_transform(drawing.data), pipe)

    assert_same_values(fitted, drawing.eager_values())


@some
@given(drawing=drawings())
def test_clone_of_a_random_graph_has_equal_names_and_outputs(drawing):
    pipe = drawing.pipeline()
    twin = clone(pipe)

    assert names_of(twin) == names_of(pipe)
    assert_same_values(
        as_list(twin.fit(drawing.data).transform(drawing.data), twin),
        as_list(pipe.fit(drawing.data).transform(drawing.data), pipe),
    )


@some
@given(drawing=drawings())
def test_clone_of_a_clone_of_a_random_graph_has_an_equal_hash(drawing):
    pipe = drawing.pipeline()

    assert joblib.hash(clone(clone(pipe))) == joblib.hash(clone(pipe)) == joblib.hash(pipe)


@some
@given(drawing=drawings())
def test_pickled_random_graph_gives_equal_outputs(drawing):
    pipe = drawing.pipeline().fit(drawing.data)
    twin = pickle.loads(pickle.dumps(pipe))

    assert names_of(twin) == names_of(pipe)
    assert_same_values(
        as_list(twin.transform(drawing.data), twin), as_list(pipe.transform(drawing.data), pipe)
    )


@some
@given(drawing=drawings(), data=st.data())
def test_setting_a_parameter_of_a_random_graph_changes_no_name(drawing, data):
    pipe = drawing.pipeline()
    names = names_of(pipe)
    settable = [key for key in pipe.get_params() if key.endswith("__ddof")]

    if settable:
        pipe.set_params(**{data.draw(st.sampled_from(settable)): 1})

    assert names_of(pipe) == names


# --- depth ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def deep():
    """A chain of 10,000 steps, fitted."""
    node = x = sm.Input("x")
    for place in range(10_000):
        node = ScalarMultiply(2.0 if place % 2 else 0.5)(node)
    return sm.Pipeline(x, node).fit([1.0, 2.0])


def test_chain_of_ten_thousand_steps_runs(deep):
    assert_array_equal(deep.transform([1.0, 3.0]), [1, 3])


def test_chain_of_ten_thousand_steps_is_cloned_and_fitted(deep):
    assert_array_equal(clone(deep).fit_transform([1.0, 3.0]), [1, 3])


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda pipe: pickle.loads(pickle.dumps(pipe))]
)
def test_chain_of_ten_thousand_steps_is_copied(again, deep):
    assert_array_equal(again(deep).transform([1.0, 3.0]), [1, 3])


def test_one_node_of_a_deep_chain_is_copied(deep):
    for twin in (copy.deepcopy(deep.outputs), pickle.loads(pickle.dumps(deep.outputs))):
        assert twin.traverse(*[-1] * 10_000).name == "x"


def test_parameter_in_a_deep_chain_is_found_and_set(deep):
    twin = clone(deep).set_params(**{"scalarmultiply-5000__factor": 6.0})

    assert len(twin.get_params()) > 20_000
    assert_array_equal(twin.transform([1.0]), [3])


def test_deep_chain_computes_eagerly_and_goes_away_quietly():
    node = sm.Input("x")([1.0])
    for _ in range(10_000):
        node = node + 1

    assert_array_equal(node.output, [10_001])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del node
        gc.collect()


def test_wide_graph_is_sorted_in_the_order_it_was_drawn():
    x = table()
    branches = [x * number for number in range(2_000)]

    assert Graph(x, Concatenate()(branches)).path[1:-1] == branches


def test_graph_of_repeated_diamonds_is_walked_once_per_node():
    # Every level doubles the number of ways back to the input: 2**200 of them.
    node = x = sm.Input("x")
    for _ in range(200):
        node = (node + node) / 2

    assert_array_equal(sm.Pipeline(x, node).transform([1.0, 3.0]), [1, 3])
