"""Code that a pickle names is found again, and left as it is."""

import subprocess
import sys
import textwrap
from functools import wraps

import pytest

from skmegatron.io.caching import decode, encode


def there_and_back(value):
    return decode(encode([value], {}))[0][0]


def test_a_class_of_a_function_keeps_its_methods_and_what_they_close_over():
    factor = 2

    class Scale:
        def by(self, x):
            return factor * x

    by = Scale.by
    scale = there_and_back(Scale())
    factor = 3

    assert type(scale) is Scale
    assert Scale.by is by
    assert scale.by(1) == 3


def decorated(function):
    @wraps(function)
    def wrapper(x):
        return wrapper, function

    return wrapper


@decorated
def doubled(x):
    return 2 * x


def test_a_decorated_function_is_not_taken_for_what_was_made_of_it():
    inner = doubled.__wrapped__

    assert there_and_back(inner) is inner
    assert there_and_back(doubled) is doubled


def test_a_lambda_is_the_same_one():
    double = lambda x: 2 * x  # noqa: E731 - what the test is about

    assert there_and_back(double) is double


def test_what_is_not_there_any_more_is_told():
    content = encode([Gone()], {})
    gone, globals()["Gone"] = Gone, None

    try:
        with pytest.raises(ValueError, match="made by encode"):
            decode(content)
    finally:
        globals()["Gone"] = gone


class Gone:
    pass


def test_classes_of_main_are_loaded_where_they_are_not_and_found_where_they_are(tmp_path):
    (tmp_path / "writes.py").write_text(
        textwrap.dedent("""
        import sys
        from skmegatron.io.caching import decode, encode

        factor = 2

        class Scale:
            def by(self, x):
                return factor * x

        content = bytes(encode([Scale()], {}))
        by = Scale.by
        assert type(decode(content)[0][0]) is Scale and Scale.by is by
        sys.stdout.buffer.write(content)
        """)
    )
    command = [sys.executable, str(tmp_path / "writes.py")]
    content = subprocess.run(command, capture_output=True, check=True).stdout

    one, other = decode(content)[0][0], decode(content)[0][0]

    assert one.by(4) == 8
    assert type(one) is type(other)
