"""What one code object says by itself: its own digest, and what it looks for outside.

Line numbers and file names are no part of it, so code that only moves stays the same. Code
objects never change, so each is read once.
"""

from __future__ import annotations

import dis
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType
from typing import Any

from skmegatron.io.digest.framing import framed

#: The calendar and entropy: nobody can see from outside whether they were read. Clocks that
#: only tell how long something took are no part of it.
_SOURCES = {
    *("urandom", "getrandom", "uuid1", "uuid4", "SystemRandom"),
    *("token_bytes", "token_hex", "token_urlsafe", "randbelow", "randbits"),
    *("time_ns", "now", "utcnow", "today"),
}
#: The same, under names that mean something else where they are attributes of data.
_CLOCKS = {"time", "localtime", "gmtime", "ctime", "asctime"}
_GLOBAL_SOURCES = {("time",), *(("time", clock) for clock in _CLOCKS)}
#: What reads the calendar where it is handed one of these words.
_DATES, _NOW = {"datetime64", "Timestamp", "to_datetime"}, {"now", "today"}
_ALWAYS_SOURCES = {"secrets", "hash"}
#: Generators of their own, which draw from entropy unless a constant or a parameter seeds them.
GENERATORS = {"default_rng", "RandomState", "Random", "SeedSequence"}
GENERATORS |= {"PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"}

_LOADS_GLOBAL = {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"}
_LOADS_ATTRIBUTE = {"LOAD_ATTR", "LOAD_METHOD"}
_LOADS_CONSTANT = {"LOAD_CONST", "LOAD_SMALL_INT"}
_SAYS_NOTHING = {"EXTENDED_ARG", "CACHE", "NOP", "PUSH_NULL"}


@dataclass(frozen=True, slots=True)
class Facts:
    """What a code object says, nested ones included.

    Attributes
    ----------
    digest : bytes
        Of everything that running it depends on, but for values outside of it.
    chains : tuple of tuple of str
        Each global name that it reads, with the attributes read from it at once:
        ``np.random.rand`` is ``("np", "random", "rand")``.
    imports : tuple of (str, int, tuple of str)
        Each import in it: the module, the dots before it, the names taken from it.
    attributes : frozenset of str
        Every global name and attribute.
    unwatched : bool
        Whether it names a clock or a source of entropy.
    """

    digest: bytes
    chains: tuple[tuple[str, ...], ...]
    imports: tuple[tuple[str, int, tuple[str, ...]], ...]
    attributes: frozenset[str]
    unwatched: bool


_known: dict[int, tuple[weakref.ref[CodeType], Facts]] = {}


def facts(code: CodeType) -> Facts:
    """Read a code object, once.

    Parameters
    ----------
    code : code object

    Returns
    -------
    Facts

    Examples
    --------
    >>> from skmegatron.io.digest.bytecode import facts
    >>> facts((lambda x: np.log(x) + offset).__code__).chains
    (('np', 'log'), ('offset',))
    """
    # By id: code objects that compare equal may differ in what matters here.
    known = _known.get(id(code))
    if known is not None and known[0]() is code:
        return known[1]
    found = _read(code)
    key = id(code)
    _known[key] = (weakref.ref(code, lambda _: _known.pop(key, None)), found)
    return found


def _read(code: CodeType) -> Facts:
    nested = [facts(constant) for constant in code.co_consts if isinstance(constant, CodeType)]
    chains, imports, unwatched = _outside(code)
    for inner in nested:
        chains |= dict.fromkeys(inner.chains)
        imports |= dict.fromkeys(inner.imports)
    attributes = frozenset(code.co_names).union(*(inner.attributes for inner in nested))
    return Facts(
        digest=_digest(code),
        chains=tuple(chains),
        imports=tuple(imports),
        attributes=attributes,
        unwatched=unwatched or any(inner.unwatched for inner in nested),
    )


def _digest(code: CodeType) -> bytes:
    counts = (
        *(code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount),
        *(code.co_flags, code.co_stacksize, code.co_nlocals),
    )
    names = (code.co_name, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    return framed(
        repr((counts, names)).encode("utf-8", "surrogatepass"),
        code.co_code,
        code.co_exceptiontable,
        *map(_constant, code.co_consts),
    )


def _constant(value: Any) -> bytes:
    """Give bytes that tell a constant of the compiler from others."""
    kind = type(value).__name__.encode()
    if isinstance(value, CodeType):
        return framed(kind, facts(value).digest)
    if isinstance(value, tuple):
        return framed(kind, *map(_constant, value))
    if isinstance(value, frozenset):  # in another order in every process
        return framed(kind, *sorted(map(_constant, value)))
    return framed(kind, repr(value).encode("utf-8", "surrogatepass"))


def _outside(
    code: CodeType,
) -> tuple[dict[tuple[str, ...], None], dict[tuple[str, int, tuple[str, ...]], None], bool]:
    """List what a code object itself looks for outside, in order."""
    chains: dict[tuple[str, ...], None] = {}
    imports: dict[tuple[str, int, tuple[str, ...]], None] = {}
    unwatched = False
    steps = [step for step in dis.get_instructions(code) if step.opname not in _SAYS_NOTHING]
    for place, step in enumerate(steps):
        if step.opname in _LOADS_GLOBAL:
            chain = (step.argval, *_attributes(steps, place + 1))
            chains[chain] = None
            unwatched |= chain[:2] in _GLOBAL_SOURCES or chain[0] in _ALWAYS_SOURCES
        elif step.opname == "IMPORT_NAME":
            level, names = steps[place - 2].argval, steps[place - 1].argval
            imports[(step.argval, level, names or ())] = None
            unwatched |= step.argval in _ALWAYS_SOURCES
            unwatched |= step.argval == "time" and _reads_clock(names, steps[place + 1 :])
        named = step.opname in _LOADS_GLOBAL or step.opname in _LOADS_ATTRIBUTE
        if named or step.opname == "IMPORT_FROM":
            unwatched |= step.argval in _SOURCES
            unwatched |= step.argval in GENERATORS and not _is_seeded(steps[place + 1 : place + 3])
    words = {constant for constant in code.co_consts if isinstance(constant, str)}
    unwatched |= not (words.isdisjoint(_NOW) or _DATES.isdisjoint(code.co_names))
    return chains, imports, unwatched


def _reads_clock(names: tuple[str, ...] | None, following: list[dis.Instruction]) -> bool:
    """Tell whether the calendar is taken from the module `time`, or read from it later."""
    if names:
        return not _CLOCKS.isdisjoint(names)
    return any(s.opname in _LOADS_ATTRIBUTE and s.argval in _CLOCKS for s in following)


def _attributes(steps: list[dis.Instruction], start: int) -> Iterator[str]:
    for step in steps[start:]:
        if step.opname not in _LOADS_ATTRIBUTE:
            return
        yield step.argval


def _is_seeded(following: list[dis.Instruction]) -> bool:
    """Tell whether a constant is handed in, or a parameter: those are looked at by name."""
    if not following:
        return False
    first, *others = following
    if first.opname in _LOADS_CONSTANT:
        return first.argval is not None
    is_parameter = others and others[0].opname in _LOADS_ATTRIBUTE
    return first.opname.startswith("LOAD_FAST") and bool(is_parameter)
