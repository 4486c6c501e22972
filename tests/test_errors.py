"""The tree of exceptions that the header of `skmegatron.errors` draws is the true one."""

import builtins
import inspect
import pickle
import re

import pytest

from skmegatron import errors

LINE = re.compile(r"^ {4}(?P<branch>[│├└─ ]*)(?P<name>\w+)(?: \((?P<bases>[\w, ]+)\))?(?: {2}|$)")


def drawn_tree():
    """Give (name, parent or None, builtins) for each line of the tree in the header."""
    tree, above = [], {}
    for line in errors.__doc__.splitlines():
        found = LINE.match(line)
        if found is None:
            continue
        depth = len(found["branch"]) // 4
        above[depth] = found["name"]
        bases = found["bases"].split(", ") if found["bases"] else []
        tree.append((found["name"], above[depth - 1] if depth else None, bases))
    return tree


def defined():
    return {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and value.__module__ == errors.__name__
    }


def test_the_header_draws_every_exception_and_no_other():
    assert sorted(name for name, _, _ in drawn_tree()) == sorted(defined())


@pytest.mark.parametrize(("name", "parent", "bases"), drawn_tree())
def test_an_exception_is_what_the_header_says(name, parent, bases):
    given = [base.__name__ for base in getattr(errors, name).__bases__]

    if name == "MegatronError":
        assert given == ["Exception"]
    else:
        assert given == ([parent] if parent else []) + bases


@pytest.mark.parametrize("name", sorted(defined() - {"MegatronError"}))
def test_an_exception_is_also_a_builtin_that_one_would_guess(name):
    own = {cls.__name__ for cls in getattr(errors, name).__mro__}

    assert own & {name for name in vars(builtins) if name not in ("Exception", "BaseException")}


@pytest.mark.parametrize("name", sorted(n for n in defined() if not n.endswith("Warning")))
def test_every_exception_can_be_caught_as_a_megatron_error(name):
    with pytest.raises(errors.MegatronError, match="what happened"):
        raise getattr(errors, name)("what happened")


@pytest.mark.parametrize("name", sorted(defined()))
def test_every_exception_says_what_it_means(name):
    assert getattr(errors, name).__doc__


@pytest.mark.parametrize("name", sorted(defined()))
def test_an_exception_of_a_parallel_worker_comes_back_whole(name):
    error = getattr(errors, name)("it's\nbroken")

    loaded = pickle.loads(pickle.dumps(error))

    assert type(loaded) is type(error)
    assert str(loaded) == "it's\nbroken"


def test_a_missing_input_reads_as_text_though_it_is_a_key_error():
    assert str(errors.MissingInputError("it's\nmissing")) == "it's\nmissing"
