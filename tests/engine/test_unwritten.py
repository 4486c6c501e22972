"""Values are left unwritten only where nobody can tell."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import skmegatron as sm
from skmegatron.engine.plan import plan
from skmegatron.engine.unwritten import leave_unwritten

L = sm.layers
NUMBERS = np.array([[1.0, 4.0], [2.0, 5.0], [9.0, 6.0]])
WORDS = np.array(["b", "a", "b"], dtype=object)


def methods(pipe, wanted=None):
    graph = pipe.graph
    planned = leave_unwritten(plan(graph, graph.outputs if wanted is None else wanted, fit=True))
    return {task.name: task.method for task in planned.tasks}


def draw(whiten=None, one_hot=None, concatenate=None):
    numbers, word = sm.Input("numbers", shape=(2,)), sm.Input("word")
    whitened = (whiten or L.Whiten())(numbers, "white")
    encoded = (one_hot or L.OneHotLabels())(word, "hot")
    joined = (concatenate or L.Concatenate())([whitened, encoded], "joined")
    return sm.Pipeline([numbers, word], joined)


def test_what_is_only_put_beside_others_is_left_unwritten():
    assert methods(draw()) == {"white": "unwritten", "hot": "unwritten", "joined": "transform"}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("strict", [False, True])
def test_the_value_is_that_of_the_layers_one_by_one(dtype, sparse, strict):
    pipe = draw(one_hot=L.OneHotLabels(strict=strict, sparse=sparse, dtype=dtype))
    numbers = NUMBERS.astype(dtype)
    white = L.Whiten().fit_transform(numbers)
    hot = L.OneHotLabels(strict=strict, sparse=sparse, dtype=dtype).fit_transform(WORDS)
    expected = L.Concatenate().transform(white, hot)

    given = pipe.fit_transform({"numbers": numbers, "word": WORDS})
    again = pipe.transform({"numbers": numbers, "word": WORDS})

    for value in (given, again):
        assert type(value) is type(expected)
        assert value.dtype == expected.dtype
        dense = value.toarray() if sparse else value
        assert_array_equal(dense, expected.toarray() if sparse else expected)


def test_a_value_that_is_asked_for_is_written():
    pipe = draw().fit({"numbers": NUMBERS, "word": WORDS})

    hot = pipe.transform({"numbers": NUMBERS, "word": WORDS}, outputs=["hot", "joined"])

    assert_array_equal(hot["hot"], [[0, 1], [1, 0], [0, 1]])
    assert_array_equal(hot["joined"][:, 2:], hot["hot"])


def test_a_value_that_another_step_reads_is_written():
    word = sm.Input("word")
    hot = L.OneHotLabels()(word, "hot")
    both = L.Concatenate()([hot, L.Whiten()(hot, "white")], "joined")
    pipe = sm.Pipeline(word, both)

    assert methods(pipe) == {"hot": "transform", "white": "unwritten", "joined": "transform"}
    assert pipe.fit_transform(WORDS).shape == (3, 4)


def test_a_value_that_stands_twice_in_the_result_is_written_twice():
    word = sm.Input("word")
    hot = L.OneHotLabels()(word, "hot")

    pipe = sm.Pipeline(word, L.Concatenate()([hot, hot]))

    assert_array_equal(pipe.fit_transform(WORDS)[:, :2], pipe.fit_transform(WORDS)[:, 2:])


def test_labels_of_a_step_are_written():
    word, numbers = sm.Input("word"), sm.Input("numbers", shape=(2,))
    hot = L.OneHotLabels()(word, "hot")
    joined = L.Concatenate()([hot, numbers])
    step = L.Whiten()(joined)

    assert methods(sm.Pipeline([word, numbers], step))["hot"] == "unwritten"
    assert methods(sm.Pipeline([word, numbers], [step, hot]))["hot"] == "transform"


@pytest.mark.parametrize("axis", [0, 2])
def test_along_other_axes_everything_is_written(axis):
    assert set(methods(draw(concatenate=L.Concatenate(axis=axis))).values()) == {"transform"}


class Doubled(L.OneHotLabels):
    """Has a transform of its own."""

    def transform(self, X):
        return 2 * super().transform(X)


class Apart(L.OneHotLabels):
    """Gives other values while it is fitted."""

    def fit_transform(self, X):
        return 3 * super().fit_transform(X)


class Reversed(L.Concatenate):
    """Reads its arrays itself."""

    def transform(self, *arrays):
        return super().transform(*(np.asarray(array)[:, ::-1] for array in arrays))


@pytest.mark.parametrize("kind", [Doubled, Apart])
def test_a_class_derived_from_ours_is_asked_for_its_own_values(kind):
    pipe = draw(one_hot=kind())

    assert methods(pipe)["hot"] == "transform"
    assert pipe.fit_transform({"numbers": NUMBERS, "word": WORDS}).max() >= 2


def test_a_reader_derived_from_ours_gets_arrays():
    pipe = draw(concatenate=Reversed())

    assert set(methods(pipe).values()) == {"transform"}
    assert_array_equal(
        pipe.fit_transform({"numbers": NUMBERS, "word": WORDS})[:, 2:], [[1, 0], [0, 1], [1, 0]]
    )


def test_rows_that_do_not_fit_are_told_as_ever():
    numbers, word = sm.Input("numbers", shape=(2,)), sm.Input("word")
    short = L.Filter()([word, L.Compare("!=", "a")(word)])
    joined = L.Concatenate()([L.Whiten()(numbers), L.OneHotLabels()(short)])
    pipe = sm.Pipeline([numbers, word], joined)

    with pytest.raises(ValueError, match=r"equal shapes.*\(3, 2\), \(2, 1\)"):
        pipe.fit({"numbers": NUMBERS, "word": WORDS}).transform(
            {"numbers": NUMBERS, "word": WORDS}
        )


def test_an_unknown_label_of_a_strict_layer_is_told_at_its_step():
    pipe = draw(one_hot=L.OneHotLabels(strict=True)).fit({"numbers": NUMBERS, "word": WORDS})

    with pytest.raises(ValueError, match=r"no column for the values \['c'\]") as caught:
        pipe.transform({"numbers": NUMBERS[:1], "word": np.array(["c"], dtype=object)})
    assert "at step 'hot'" in "".join(caught.value.__notes__)


def test_text_and_images_beside_what_is_unwritten_are_put_beside_it():
    numbers, word = sm.Input("numbers", shape=(2,)), sm.Input("word")
    pipe = sm.Pipeline([numbers, word], L.Concatenate()([L.Whiten()(numbers), word]))

    both = pipe.fit_transform({"numbers": NUMBERS, "word": WORDS})

    assert both.dtype == object
    assert both[:, 2].tolist() == ["b", "a", "b"]


@pytest.mark.parametrize("n_labels", [1, 127, 128, 300, 33_000])
def test_codes_of_many_labels_are_written_as_those_of_few(n_labels):
    numbers = np.arange(n_labels)
    x = sm.Input("x")
    joined = L.Concatenate()([L.OneHotRange()(x), L.OneHotRange(max_val=0)(x)])
    few = np.array([0, n_labels - 1, n_labels + 5])

    value = sm.Pipeline(x, joined).fit(numbers).transform(few)

    assert value.shape == (3, n_labels + 1)
    assert value.sum(axis=1).tolist() == [2, 1 + (n_labels == 1), 0]
    assert value[1, n_labels - 1] == 1
