"""One object per token, held as long as said."""

import gc

from skmegatron.io.caching.registry import Registry


class Thing:
    """Can be referred to weakly."""


def test_an_object_is_found_while_somebody_holds_it():
    registry = Registry()
    thing = registry.find("a", Thing, hold=False)

    assert registry.find("a", Thing, hold=False) is thing
    assert registry.find("b", Thing, hold=False) is not thing


def test_the_last_four_that_are_to_be_held_are():
    registry, numbers = Registry(), iter(range(100))

    def made():
        thing = Thing()
        thing.number = next(numbers)
        return thing

    for token in "abcdaef":
        registry.find(token, made, hold=True)
    gc.collect()

    found = {token: registry.find(token, made, hold=False).number for token in "abcdef"}
    assert found == {"a": 0, "d": 3, "e": 4, "f": 5, "b": 6, "c": 7}
