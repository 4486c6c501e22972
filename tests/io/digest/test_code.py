"""Digests of code: another one after every edit that could matter, the same after all others."""

import builtins
import functools
import importlib
import os
import shutil
import sys
import textwrap
import threading

import cloudpickle
import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.datasets import load_iris
from sklearn.preprocessing import StandardScaler

from skmegatron.io.digest import UndigestibleError, code_digest, digest, draws_unwatched
from skmegatron.io.digest.installed import origin
from skmegatron.layers import Lambda, StatefulLayer
from skmegatron.nodes.base import Node

PROJECT = {
    "constants": """
        RATE = 3
        UNUSED = 4
        NAMES = {"a", "b"}
    """,
    "helpers": """
        import functools
        import constants
        from constants import RATE

        def logged(text="before"):
            def decorate(function):
                @functools.wraps(function)
                def wrapper(*args):
                    return text, function(*args)
                return wrapper
            return decorate

        def deepest(x):
            return x + 1

        def deep(x):
            return deepest(x) * constants.RATE

        def unrelated(x):
            return x - 1

        class Base:
            offset = 5

            def work(self, x):
                return deep(x)

        class Tool(Base):
            def __init__(self, size=1):
                self.size = size

            def __call__(self, x):
                return self.work(x) + self.size
    """,
    "steps": """
        import functools
        import helpers
        from helpers import Tool, deep, logged

        scale = 2
        tool = Tool()

        def plain(X, by=7):
            return X + by

        def calls(X):
            return deep(X)

        def through_module(X):
            return helpers.deep(X)

        def inside(X):
            return [deep(x) for x in X]

        def later(X):
            from helpers import deep as found
            return found(X)

        def whole(X):
            import helpers as found
            return found.deep(X)

        def keyword(X, *, by=7):
            return X + by

        def made(amount):
            def function(X):
                return X + amount
            return function

        closed = made(11)

        @logged("said")
        def decorated(X):
            return X

        def reads(X):
            return X * scale

        def uses(X):
            return tool(X)

        def makes(X):
            return Tool()(X)

        part = functools.partial(calls)
        cached = functools.lru_cache(calls)

        @functools.singledispatch
        def chosen(X):
            return X

        @chosen.register
        def for_int(X: int):
            return X + 13

        def odd(n):
            return n and even(n - 1)

        def even(n):
            return n and odd(n - 1)

        class Model(helpers.Base):
            def fit(self, X):
                return super().work(X)

            @property
            def size(self):
                return 17

            @staticmethod
            def still(X):
                return 19

            @classmethod
            def of(cls, X):
                return 23

            @functools.cached_property
            def kept(self):
                return 29

            class Inner:
                depth = 31

            def again(self):
                return Model.of(self)

        bound = Model().fit
    """,
}
#: Module, text, its replacement, and the code that this must show in. `whole` imports all of
#: a module inside a function, so it is another one with everything there.
EDITS = [
    ("steps", "plain(X, by=7)", "plain(X, by=8)", "plain"),
    ("steps", "*, by=7", "*, by=8", "keyword"),
    ("steps", "made(11)", "made(12)", "closed"),
    ("steps", "return X + amount", "return X - amount", "closed"),
    ("steps", '"said"', '"told"', "decorated"),
    ("helpers", "return text, function(*args)", "return function(*args), text", "decorated whole"),
    ("steps", "scale = 2", "scale = 2.0", "reads"),
    ("steps", "n and odd(n - 1)", "n and odd(n - 2)", "odd even"),
    ("steps", "return X + 13", "return X + 14", "chosen"),
    ("steps", "return 17", "return 18", "Model bound"),
    ("steps", "return 19", "return 20", "Model bound"),
    ("steps", "return 23", "return 24", "Model bound"),
    ("steps", "return 29", "return 30", "Model bound"),
    ("steps", "depth = 31", "depth = 32", "Model bound"),
    ("helpers", "offset = 5", "offset = 6", "uses makes Model bound whole"),
    ("helpers", "size=1", "size=2", "uses makes whole"),
    (
        "helpers",
        "return x + 1",
        "return x + 2",
        "calls through_module inside later whole uses makes part cached Model bound",
    ),
    (
        "constants",
        "RATE = 3",
        "RATE = 4",
        "calls through_module inside later whole uses makes part cached Model bound",
    ),
    ("helpers", "return x - 1", "return x - 2", "whole"),
    ("constants", "UNUSED = 4", "UNUSED = 5", "whole"),
    ("helpers", "import constants\n", "# more\n\n\n        import constants\n", ""),
    ("steps", "import helpers\n", "\n\n        # a comment\n        import helpers\n", ""),
]
EVERYTHING = [
    *("plain", "calls", "through_module", "inside", "later", "whole", "keyword", "closed"),
    *("decorated", "reads", "uses", "makes", "part", "cached", "chosen", "odd", "even"),
    *("Model", "bound"),
]


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = set(sys.modules)
    for name, text in PROJECT.items():
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(text))
    yield tmp_path
    for name in set(sys.modules) - before:
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


def seen():
    steps = importlib.import_module("steps")
    return {name: code_digest(getattr(steps, name)) for name in EVERYTHING}


def edit(project, module, old, new):
    text = textwrap.dedent(PROJECT[module])
    old, new = (line.replace("\n        ", "\n") for line in (old, new))
    assert old in text
    (project / f"{module}.py").write_text(text.replace(old, new))


@pytest.mark.parametrize(("module", "old", "new", "touched"), EDITS)
@pytest.mark.parametrize("how", ["import again", "reload"])
def test_an_edit_shows_in_all_code_that_it_could_change_and_in_no_other(
    project, module, old, new, touched, how
):
    before = seen()
    edit(project, module, old, new)
    importlib.invalidate_caches()
    for name in PROJECT:
        if how == "reload":
            importlib.reload(sys.modules[name])
        else:
            del sys.modules[name]
            importlib.import_module(name)
    after = seen()

    assert {name for name in EVERYTHING if before[name] != after[name]} == set(touched.split())


def test_code_is_the_same_in_another_module(project):
    steps = importlib.import_module("steps")
    shutil.copy(project / "steps.py", project / "moved.py")
    moved = importlib.import_module("moved")

    for name in ("plain", "calls", "closed", "decorated", "reads", "uses", "odd"):
        assert code_digest(getattr(moved, name)) == code_digest(getattr(steps, name))


def test_a_global_that_is_redefined_in_place_shows(project):
    steps = importlib.import_module("steps")
    before = seen()
    steps.deep = lambda x: x
    steps.tool.size = 9
    after = seen()

    changed = {name for name in EVERYTHING if before[name] != after[name]}
    assert changed == {"calls", "inside", "part", "cached", "uses"}


def test_code_pickled_by_value_keeps_its_digest(project):
    steps = importlib.import_module("steps")
    cloudpickle.register_pickle_by_value(steps)
    try:
        for name in EVERYTHING:
            if name in ("cached", "chosen", "Model", "bound"):  # cloudpickle cannot take these
                continue
            again = cloudpickle.loads(cloudpickle.dumps(getattr(steps, name)))
            assert code_digest(again) == code_digest(getattr(steps, name)), name
    finally:
        cloudpickle.unregister_pickle_by_value(steps)


def test_a_class_pickled_by_value_keeps_its_digest():
    class Local(StatefulLayer):
        depth = 3

        def fit(self, X):
            return super().fit(X), Local

    again = cloudpickle.loads(cloudpickle.dumps(Local))

    assert code_digest(again) == code_digest(Local)
    assert digest(cloudpickle.loads(cloudpickle.dumps(Local()))) == digest(Local())


def test_code_used_is_the_same_code(project):
    steps = importlib.import_module("steps")
    before = seen()
    steps.chosen(1), steps.cached(1), steps.uses(1), steps.Model().kept

    assert seen() == before


def test_every_cell_default_and_attribute_of_a_function_counts():
    def make(cell, default, attribute):
        def function(x=default):
            return cell, x

        function.attribute = attribute
        return function

    digests = {code_digest(make(*given)) for given in [(1, 2, 3), (4, 2, 3), (1, 4, 3), (1, 2, 4)]}

    assert len(digests) == 4
    assert code_digest(make(1, 2, 3)) == code_digest(make(1, 2, 3))


def test_a_function_may_name_what_is_not_there():
    assert code_digest(lambda: not_there) != code_digest(lambda: not_here)  # noqa: F821


def test_a_loop_of_functions_has_a_digest_from_wherever_it_is_entered(project):
    steps = importlib.import_module("steps")
    together = functools.partial(steps.odd, steps.even)

    assert digest([together, steps.odd, steps.odd]) == digest([together, steps.odd, steps.odd])
    assert digest([steps.odd, steps.even]) != digest([steps.even, steps.odd])


def test_forty_functions_that_all_call_each_other_are_read_once_each():
    names = [f"f{place}" for place in range(40)]
    calls = ", ".join(f"{name}()" for name in names)
    body = "\n".join(f"def {name}(): return {calls}" for name in names)
    scope = {}
    exec(body, scope)

    assert code_digest(scope["f0"]) != code_digest(scope["f1"])  # or this would never end


@pytest.mark.parametrize("depth", [10, 100, 2000])
def test_code_is_followed_however_deep_it_leads(depth):
    def chain(last):
        lines = [f"def f{place}(): return f{place + 1}()" for place in range(depth)]
        scope = {}
        exec("\n".join([*lines, f"def f{depth}(): return {last}, f0"]), scope)
        return scope["f0"]

    assert code_digest(chain(1)) == code_digest(chain(1)) != code_digest(chain(2))
    assert draws_unwatched(chain("hash(1)"))


CONNECTION = threading.Lock()


@pytest.mark.parametrize(
    "function",
    [
        lambda x: CONNECTION,
        lambda x: eval("x + 1"),
        lambda x: builtins.eval("x + 1"),
        lambda x: globals()["CONNECTION"],
        lambda x: importlib.import_module(x),
        lambda x: __import__(x),
    ],
)
def test_code_that_hides_what_it_uses_is_refused(function):
    with pytest.raises(UndigestibleError, match=r"expected .*, got"):
        code_digest(function)


class Doubled(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return 2 * X


def unnamed(amount, how):
    class Unnamed:
        def __reduce__(self):
            return how() if callable(how) else how

        def work(self):
            return amount

    return Unnamed()


def as_a_dict():
    return dict, (), None, None, iter([(1, 2)])


@pytest.mark.parametrize("how", ["NAME", (len, ("abc",)), as_a_dict])
def test_the_class_of_an_instance_counts_also_where_its_pickle_does_not_name_it(how):
    assert digest(unnamed(1, how)) == digest(unnamed(1, how)) != digest(unnamed(2, how))


def test_an_estimator_of_the_user_is_told_by_its_code(monkeypatch):
    before = digest(Doubled())
    assert digest(clone(Doubled())) == before

    monkeypatch.setattr(Doubled, "transform", lambda self, X: 3 * X)
    assert digest(Doubled()) != before


def test_a_layer_of_the_user_is_told_by_its_code():
    def make(offset):
        class Shift(StatefulLayer):
            def fit(self, X):
                self.shift_ = X.mean() + offset
                return self

            def transform(self, X):
                return X + self.shift_

        return Shift

    assert digest(make(1)()) == digest(clone(make(1)())) != digest(make(2)())


def test_the_keywords_of_a_lambda_count():
    assert digest(Lambda(np.clip, a_min=0)) != digest(Lambda(np.clip, a_min=1))
    assert digest(Lambda(np.clip, a_min=0)) == digest(clone(Lambda(np.clip, a_min=0)))


def installed(folder, version, body="def work(x): return x", name="smallpackage"):
    package = folder / "site-packages" / name
    package.mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").write_text(f"__version__ = {version!r}\n{body}\n")
    sys.modules.pop(name, None)
    importlib.invalidate_caches()
    return importlib.import_module(name)


def test_installed_code_is_told_by_the_version_of_its_package(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path / "site-packages"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    first = code_digest(installed(tmp_path, "1.0").work)
    same = code_digest(installed(tmp_path, "1.0").work)
    newer = code_digest(installed(tmp_path, "1.0.1").work)
    module = installed(tmp_path, "1.0")
    user = code_digest(lambda x: module.work(x))
    module = installed(tmp_path, "1.0.2")

    assert first == same != newer
    assert code_digest(lambda x: module.work(x)) != user
    del sys.modules["smallpackage"]


def test_a_decorator_from_a_package_does_not_hide_the_code_of_the_user(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path / "site-packages"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    body = "def wrap(fn):\n    def inner(*a):\n        return fn(*a)\n    return inner"
    wrap = installed(tmp_path, "1.0", body).wrap

    assert code_digest(wrap(lambda x: x + 1)) == code_digest(wrap(lambda x: x + 1))
    assert code_digest(wrap(lambda x: x + 1)) != code_digest(wrap(lambda x: x + 2))
    del sys.modules["smallpackage"]


def test_a_function_of_the_user_that_poses_as_installed_is_read():
    def pose(amount):
        return functools.wraps(np.mean)(lambda x: x + amount)

    assert code_digest(pose(1)) != code_digest(pose(2))
    assert code_digest(pose(1)) != code_digest(np.mean)


def test_classes_are_told_by_their_names():
    assert code_digest(StandardScaler) != code_digest(load_iris)
    assert code_digest(StandardScaler) == code_digest(type(StandardScaler()))


def test_the_origin_of_code_is_its_package_or_its_file(tmp_path):
    assert origin("numpy.linalg") == f"numpy {np.__version__}".encode()
    assert origin("json") == origin("json.decoder").replace(b"decoder", b"")
    assert origin("builtins") is not None
    assert origin(Node.__module__) == origin("skmegatron")
    assert origin(__name__) is None
    assert origin("no_such_module") is None


def test_a_compiled_module_of_the_user_is_told_by_its_file(tmp_path, monkeypatch):
    found = importlib.import_module("sklearn.utils._typedefs")
    file = tmp_path / os.path.basename(found.__file__)
    shutil.copy(found.__file__, file)
    module = type(sys)("compiled_here")
    module.__file__ = str(file)
    monkeypatch.setitem(sys.modules, "compiled_here", module)
    before = origin("compiled_here")
    os.utime(file, (1, 1))

    assert before != origin("compiled_here") is not None
