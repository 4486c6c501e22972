"""Optional packages: found when first used, and missed with a command that brings them."""

import importlib.metadata
import json
import re
from pathlib import Path

import pytest

import skmegatron
from skmegatron.errors import MissingDependencyError
from skmegatron.optional import optional


def test_a_package_that_is_there_is_imported():
    assert optional("json", extra="io", purpose="Reading JSON") is json


def test_a_module_inside_a_package_is_imported():
    assert optional("os.path", extra="io", purpose="Joining").join("a", "b") == "a/b"


def test_a_missing_package_comes_with_its_purpose_and_the_command_that_brings_it():
    with pytest.raises(MissingDependencyError) as caught:
        optional("no_such_package", extra="io", purpose="Reading the stars")

    words = str(caught.value)
    assert words.startswith("Reading the stars needs the package 'no_such_package'")
    assert 'pip install "skmegatron[io]"' in words


def test_a_missing_package_is_an_import_error():
    with pytest.raises(ImportError, match="no_such_package"):
        optional("no_such_package", extra="io", purpose="Anything")


def test_a_package_that_is_there_but_broken_says_what_it_lacks(tmp_path, monkeypatch):
    (tmp_path / "half_installed_package.py").write_text("import some_part_of_it_is_missing")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(MissingDependencyError, match="some_part_of_it_is_missing") as caught:
        optional("half_installed_package", extra="io", purpose="Anything")

    assert isinstance(caught.value.__cause__, ImportError)


def test_every_extra_that_an_error_names_can_be_installed():
    sources = Path(skmegatron.__file__).parent.rglob("*.py")
    named = {extra for file in sources for extra in re.findall(r'extra="(\w+)"', file.read_text())}

    offered = importlib.metadata.metadata("skmegatron").get_all("Provides-Extra")
    assert named <= set(offered)
