"""The documentation says what there is, shows it, and what it shows runs.

A public name is one in the `__all__` of a module. Each function and class among them has an
example in its docstring, which the tests run with all others. So has each public method and
property of such a class, inherited ones included, unless

- a class above it, or the protocol that it answers to, shows the method: `Layer.transform` stands
  for the `transform` of every layer, `Store.write` for that of every store;
- only the engine calls it: those are listed below, with what they are for;
- scikit-learn made it, such as the ``set_..._request`` of metadata routing.
"""

import ast
import doctest
import importlib
import inspect
import pkgutil
import re
import runpy
from pathlib import Path

import pytest

import skmegatron
from skmegatron.io.caching import Cache, OpenedCache
from skmegatron.io.storage import Store

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
CHARTS = runpy.run_path(str(DOCS / "charts.py"))

#: Answered to without deriving from them.
PROTOCOLS = (Store, Cache, OpenedCache)

#: What layers tell the engine of themselves, and what only the engine asks of them.
ASKED_BY_THE_ENGINE = {
    # What a layer can, and how it is to be run.
    *("batch_advice", "can_transform", "changes_rows", "gives_value", "learned_enough"),
    *("learns_nothing", "may_draw", "n_outputs", "output_names", "resolved_method", "seen"),
    "stateful",
    *("takes_classes", "takes_epochs", "takes_sparse", "takes_unwritten", "takes_validation"),
    # Parts of a run.
    *("begin_epoch", "current", "end_epoch", "end_stream", "go_on_from", "kept_rows", "labels"),
    *("observed_by", "respond", "unwritten"),
    # Parts of Keras layers.
    *("default_loss", "label_keys", "own_params", "told_params"),
    # Parts of a graph, for `Pipeline`.
    *("copy", "data_inputs", "middle", "note_fit_only", "unused_inputs", "validate"),
    # What a database does for a store.
    *("create_rows", "drop_rows", "has_books", "q", "select", "session", "upsert"),
}


MODULES = [
    "skmegatron",
    *(
        module.name
        for module in pkgutil.walk_packages(skmegatron.__path__, "skmegatron.")
        if not module.name.endswith(".__main__")  # importing it runs it
    ),
]


def public_modules():
    """Every module with an `__all__`."""
    modules = map(importlib.import_module, MODULES)
    return [module for module in modules if hasattr(module, "__all__")]


def public_objects():
    """Every function, class and constant that is public, by its address."""
    return {
        f"{module.__name__}.{name}": getattr(module, name)
        for module in public_modules()
        for name in module.__all__
        if not inspect.ismodule(getattr(module, name)) and name != "__version__"
    }


def needs_example(thing):
    """Whether it is a function or class of ours: constants have no docstring."""
    return (inspect.isclass(thing) or inspect.isfunction(thing)) and is_ours(thing)


def is_ours(thing):
    return (thing.__module__ or "").partition(".")[0] == "skmegatron"


def function_of(attribute):
    """The function behind a method, property or other descriptor of a class, if there is one."""
    if isinstance(attribute, property):
        return attribute.fget
    if isinstance(attribute, staticmethod | classmethod):
        return attribute.__func__
    for name in ("func", "fn", "__wrapped__"):  # of cached_property, available_if and wrappers
        attribute = getattr(attribute, "__dict__", {}).get(name, attribute)
    return attribute if inspect.isfunction(attribute) else None


def methods_of(kind):
    """Public methods and properties that ours define, by name, the class's own one first."""
    found = {}
    for cls in (c for c in kind.__mro__ if is_ours(c)):
        for name, attribute in vars(cls).items():
            function = None if name.startswith("_") else function_of(attribute)
            if function is not None and is_ours(function):
                found.setdefault(name, []).append(function)
    return found


def has_example(thing):
    """Whether the docstring has a section of examples, with one that runs."""
    _, _, section = (inspect.cleandoc(thing.__doc__ or "")).partition("Examples\n--------\n")
    return bool(doctest.DocTestParser().get_examples(section))


def shown_by_protocol(kind, name):
    return any(
        set(methods_of(protocol)) <= set(dir(kind)) and name in methods_of(protocol)
        for protocol in PROTOCOLS
        if kind is not protocol
    )


NAMES = {address: thing for address, thing in public_objects().items() if needs_example(thing)}


@pytest.mark.parametrize("address", NAMES)
def test_a_public_name_has_an_example(address):
    assert has_example(NAMES[address]), f"{address} needs an Examples section with a >>> line."


@pytest.mark.parametrize("address", [name for name, it in NAMES.items() if inspect.isclass(it)])
def test_the_methods_of_a_public_class_have_examples(address):
    kind = NAMES[address]
    without = [
        name
        for name, functions in methods_of(kind).items()
        if name not in ASKED_BY_THE_ENGINE
        and not any(map(has_example, functions))
        and not shown_by_protocol(kind, name)
    ]

    assert not without, f"{without} of {address} need an Examples section with a >>> line."


def written_examples(tree, name):
    """Names of the classes and functions in a file whose docstrings hold examples."""
    for child in tree.body:
        if isinstance(child, ast.ClassDef | ast.FunctionDef):
            if ">>>" in (ast.get_docstring(child) or ""):
                yield f"{name}.{child.name}"
            if isinstance(child, ast.ClassDef):
                yield from written_examples(child, f"{name}.{child.name}")


@pytest.mark.parametrize("name", MODULES)
def test_examples_are_found_by_doctest(name):
    # Behind a decorator, doctest sees a method only if it is told which module that is of.
    module = importlib.import_module(name)
    found = {test.name for test in doctest.DocTestFinder().find(module) if test.examples}

    written = set(written_examples(ast.parse(inspect.getsource(module)), name))
    assert written <= found


def listed_in_the_reference():
    """Names in docs/api.rst, by address."""
    listed, module = [], ""
    for line in (DOCS / "api.rst").read_text().partition(".. toctree::")[0].splitlines():
        if line.startswith(".. currentmodule:: "):
            module = line.removeprefix(".. currentmodule:: ")
        elif re.fullmatch(r"   \w+", line):
            listed.append(f"{module}.{line.strip()}")
    return listed


def test_the_reference_lists_every_public_name():
    listed = {id(public_objects().get(address)) for address in listed_in_the_reference()}

    missing = [name for name, thing in public_objects().items() if id(thing) not in listed]
    assert not missing, f"docs/api.rst does not list {missing}."


def test_the_reference_lists_only_public_names():
    unknown = [name for name in listed_in_the_reference() if name not in public_objects()]

    assert not unknown, f"docs/api.rst lists {unknown}, which no __all__ has."


def entries_of(page):
    """Pages in the tables of contents of a page."""
    text = page.read_text()
    myst = re.findall(r"```\{toctree\}\n(.*?)```", text, flags=re.DOTALL)
    rst = re.findall(r"^\.\. toctree::\n((?: {3}.*\n|\n)+)", text, flags=re.MULTILINE)
    lines = [line.strip() for tree in (*myst, *rst) for line in tree.splitlines()]
    return [line for line in lines if line and not line.startswith(":")]


def test_every_page_is_reached_from_the_front_page_by_one_way():
    pages = {page.stem: page for page in (*PAGES, *DOCS.glob("*.rst"))}
    entries = [entry for page in pages.values() for entry in entries_of(page)]
    written = [entry for entry in entries if "/" not in entry]  # the gallery is made by the build

    reached, left = {"index"}, ["index"]
    while left:
        below = [entry for entry in entries_of(pages[left.pop()]) if "/" not in entry]
        left += [entry for entry in below if entry not in reached]
        reached.update(below)

    assert sorted(written) == sorted(set(written))
    assert reached == set(pages)


def anchors_of(page):
    """What myst makes of the headings of a page, and of what it includes."""
    included = re.findall(r"```\{include\} (.*)", page.read_text())
    texts = [page.read_text(), *((page.parent / file).read_text() for file in included)]
    headings = re.findall(r"^#{1,3} (.*)$", "\n".join(texts), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: page.stem)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text())
    for link in (link for link in links if "://" not in link):
        file, _, anchor = link.partition("#")
        target = page.parent / file if file else page
        assert target.exists(), f"{page.name} links to {link}"
        assert not anchor or anchor in anchors_of(target), f"{page.name} links to {link}"


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: page.stem)
def test_python_on_a_page_is_run(page):
    blocks = re.findall(r"```(?:python|py|pycon)\n(.*?)```", page.read_text(), flags=re.DOTALL)
    for block in blocks:
        assert doctest.DocTestParser().get_examples(block), f"{page.name} only shows:\n{block}"


def test_the_walk_through_the_files_names_files_that_exist():
    walk = (DOCS / "how_it_works.md").read_text()
    files = re.findall(r"`(skmegatron/[\w/]+\.py)`", walk)

    assert len(files) > 20
    assert [file for file in files if not (ROOT / file).exists()] == []


@pytest.mark.parametrize("name", CHARTS["CHARTS"])
def test_a_chart_shows_the_numbers_of_the_benchmarks(name):
    drawn = (DOCS / "charts" / f"{name}.svg").read_text()

    chart = CHARTS["CHARTS"][name]
    assert drawn == CHARTS["svg_of"](chart), "The figures have changed: python docs/charts.py"
