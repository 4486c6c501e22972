"""The files of every release are read by this version, and predict what they did then.

``make.py`` beside this file writes those of a new release.
"""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.utils.validation import check_is_fitted

import skmegatron as sm
from skmegatron.io.archive import read_description

HERE = Path(__file__).parent
FILES = sorted([*HERE.glob("*/*.pkl"), *HERE.glob("*/*.skops")])


def load(path, trusted):
    """Read a file without minding the versions that it was made with."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InconsistentVersionWarning)
        return sm.load_pipeline(path, trusted=trusted if path.suffix == ".skops" else ())


def test_there_are_files_of_this_version_in_both_formats():
    mine = [path for path in FILES if path.parent.name == sm.__version__]

    assert len([path for path in mine if path.suffix == ".pkl"]) == 5
    assert len([path for path in mine if path.suffix == ".skops"]) == 5


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_file_of_a_release_predicts_what_it_did(path):
    name = read_description(path)["name"]
    told = path.with_name(f"{name}.json")
    if not told.exists():
        pipe = load(path, ())
        assert not check_is_fitted_quietly(pipe)
        assert pipe.get_params()["guess__C"] == 0.5
        return
    case = json.loads(told.read_text())

    pipe = load(path, case["trusted"])
    fed = {key: np.array(values) for key, values in case["fed"].items()}
    answers = pipe.predict(fed)

    if answers.dtype.kind == "f":
        assert_allclose(answers, case["expected"], rtol=1e-10)
    else:
        assert_array_equal(answers, case["expected"])


def check_is_fitted_quietly(pipe):
    try:
        check_is_fitted(pipe)
    except ValueError:  # NotFittedError is one
        return False
    return True


def test_the_files_are_small():
    assert sum(path.stat().st_size for path in HERE.glob("*/*")) < 600_000
