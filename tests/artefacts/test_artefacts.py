"""Files of every version that was released go on loading, and give what they gave."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import InconsistentVersionWarning

import skmegatron as sm

HERE = Path(__file__).parent
VERSIONS = sorted(folder.name for folder in HERE.iterdir() if (folder / "expected.npz").exists())
SUFFIXES = (".pkl", ".skops")


@pytest.fixture(params=VERSIONS)
def folder(request):
    return HERE / request.param


@pytest.fixture
def expected(folder):
    with np.load(folder / "expected.npz") as arrays:
        return dict(arrays)


def loaded(path):
    with warnings.catch_warnings():  # made with other versions, which is what is tried
        warnings.simplefilter("ignore", InconsistentVersionWarning)
        return sm.load_pipeline(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_stack_of_text_and_table_predicts_as_it_did(folder, expected, suffix):
    pipe = loaded(folder / f"stacked-1{suffix}")
    data = sm.Dataset(table=expected["table"], text=expected["text"])

    assert_allclose(pipe.predict_proba(data), expected["stacked"], rtol=1e-12)
    assert set(pipe.evaluate(data, expected["labels"])) == {"acc"}
    assert list(pipe.graph.by_name["logisticregression"].choices) == ["C"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_stateless_steps_give_what_they_gave(folder, expected, suffix):
    outputs = loaded(folder / f"stateless-1{suffix}").transform(expected["table"])

    for place in range(2):
        assert_allclose(outputs[place], expected[f"stateless_{place}"], rtol=1e-12)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_predictions_in_the_units_of_the_target(folder, expected, suffix):
    pipe = loaded(folder / f"inverted-1{suffix}")

    assert_allclose(pipe.predict(expected["table"]), expected["inverted"], rtol=1e-12)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_unfitted_pipeline_can_be_fitted(folder, expected, suffix):
    pipe = loaded(folder / f"unfitted-1{suffix}")

    pipe.fit(expected["table"], expected["labels"])

    assert_allclose(pipe.predict_proba(expected["table"]), expected["unfitted"], rtol=1e-6)
    assert_array_equal(pipe.classes_, np.unique(expected["labels"]))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_descriptions_are_read(folder, capsys, suffix):
    for path in folder.glob(f"*{suffix}"):
        told = sm.describe(path)

        assert told["versions"]["skmegatron"] == folder.name
        assert json.loads(capsys.readouterr().out) == told


def test_the_current_version_is_there():
    assert sm.__version__ in VERSIONS, "Run: python tests/artefacts/make.py"
