"""Files that were made to do harm, or came to harm.

Each function of `SKOPS` and `JOBLIB` gives the bytes of a file. Where one of them had its way, it
would import `canary_bird`, call something of it, or leave a file in the folder named by the
environment variable CANARY or in the current one.
"""

import io
import json
import os
import pickle
import struct
import warnings
import zipfile
from functools import cache

import h5py
import joblib
import numpy as np
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

import skmegatron as sm
from skmegatron.io.archive import seal_archive
from skmegatron.io.sealed import seal
from skmegatron.layers import Lambda, Sklearn, StaticDot, Whiten
from skmegatron.layers.keras.backend import load_keras

SKOPS, JOBLIB = {}, {}
ROWS = np.array([[1.0, 5.0], [2.0, 3.0], [4.0, 4.0], [7.0, 0.0]])
LABELS = [0, 1, 0, 1]


def victim(**params):
    x, y = sm.Input("X", shape=(None,)), sm.Target("y")
    z = StaticDot(sparse.csr_array(np.eye(2)))(Lambda(np.exp)(Whiten()(x)))
    z = Sklearn(StandardScaler())(z)
    out = Sklearn(LogisticRegression())(z, y=y)
    return sm.Pipeline([x, y], out, name="victim", version="1", **params)


@cache
def whole(kind):
    """Give the bytes of a file in which nothing is wrong."""
    folder = os.environ["CANARY"]
    path = victim().fit(ROWS, LABELS).save(os.path.join(folder, "whole"), format=kind)
    content = path.read_bytes()
    path.unlink()
    path.parent.rmdir()
    return content


def members(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(parts, compression=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in parts if isinstance(parts, list) else parts.items():
            archive.writestr(name, content)
    return file.getvalue()


def plain():
    """Give the members of the whole file as skops would write them, without our description."""
    return {k: v for k, v in members(whole("skops")).items() if k != "skmegatron.json"}


def walk(part):
    if isinstance(part, dict):
        yield part
        for value in part.values():
            yield from walk(value)
    elif isinstance(part, list):
        for value in part:
            yield from walk(value)


def first(schema, **asked):
    return next(p for p in walk(schema) if all(p.get(k) == v for k, v in asked.items()))


def text(value, **more):
    return {
        "__class__": "str",
        "__module__": "builtins",
        "__loader__": "JsonNode",
        "content": json.dumps(value),
        "is_json": True,
        **more,
    }


def part(name, loader, **more):
    module, _, kind = name.rpartition(".")
    return {"__class__": kind, "__module__": module, "__loader__": loader, **more}


def many(values, loader="ListNode"):
    kind = {"ListNode": "list", "TupleNode": "tuple"}[loader]
    return part(f"builtins.{kind}", loader, content=list(values))


def named(values):
    keys = many([part("builtins.str", "TypeNode") for _ in values])
    return part("builtins.dict", "DictNode", content=values, key_types=keys)


def state_of(schema):
    return schema["content"]["content"]


def skops_case(change):
    """Register a file whose schema was changed."""

    def made():
        parts = plain()
        schema = json.loads(parts["schema.json"])
        schema = change(schema) or schema
        return zipped({**parts, "schema.json": json.dumps(schema)})

    SKOPS[change.__name__] = made
    return change


def skops_file(make):
    SKOPS[make.__name__] = make
    return make


def put(schema, value):
    """Put a part where the pipeline's name was."""
    state_of(schema)["name"] = value


# --- types that nobody trusts ----------------------------------------------------------

CALLS = ["os.system", "posix.system", "subprocess.Popen", "builtins.eval", "builtins.exec"]
CALLS += ["builtins.__import__", "builtins.open", "canary_bird.sing", "canary_bird.Bird"]
CALLS += ["shutil.rmtree", "pickle.loads", "joblib.numpy_pickle.load", "cloudpickle.loads"]
CALLS += ["skmegatron.io.caching.folder.FolderCache", "skmegatron.io.storage.bound.DataStore"]
CALLS += ["skmegatron.io.storage.folder.FolderStore", "skmegatron.pipeline.loading.load_pipeline"]
ARGUMENT = "touch called; __import__('canary_bird').sing()"
LOADERS = {
    "ObjectNode": {"content": named({"a": text(ARGUMENT)})},
    "ConstructorFromReduceNode": {"content": many([text(ARGUMENT)], "TupleNode")},
    "FunctionNode": {},
    "TypeNode": {},
    "ListNode": {"content": [text(ARGUMENT)]},
    "TreeNode": {"content": named({}), "__reduce__": {"args": many([text(1)], "TupleNode")}},
    "LossNode": {"content": named({}), "__reduce__": {"args": many([text(ARGUMENT)])}},
    "DictNode": {"content": {}, "key_types": many([])},
    "RandomStateNode": {"content": named({})},
}


def _renamed(call, loader):
    def change(schema):
        put(schema, part(call, loader, **LOADERS[loader]))

    change.__name__ = f"{call} by {loader}"
    skops_case(change)


for _call in CALLS:
    for _loader in LOADERS:
        _renamed(_call, _loader)


@skops_case
def step_renamed(schema):
    first(schema, __class__="Whiten").update(__class__="Bird", __module__="canary_bird")


@skops_case
def estimator_renamed(schema):
    first(schema, __class__="StandardScaler").update(__class__="system", __module__="os")


@skops_case
def pipeline_renamed(schema):
    schema.update(__class__="Bird", __module__="canary_bird")


@skops_case
def function_renamed(schema):
    first(schema, __loader__="FunctionNode").update(__class__="sing", __module__="canary_bird")


@skops_case
def pipeline_called_with_storage(schema):
    arguments = [text("X"), text("X"), many([]), many([]), text("a"), text("1")]
    arguments.append(text("sqlite:///called"))
    call = {"__loader__": "ConstructorFromReduceNode", "content": many(arguments, "TupleNode")}
    return {**{k: schema[k] for k in ("__class__", "__module__", "protocol")}, **call}


@skops_case
def keys_that_are_called(schema):
    called = part("canary_bird.Bird", "ObjectNode", content=named({}))
    put(schema, {**named({"a": text(1)}), "key_types": many([called])})


@skops_case
def keys_by_a_layer(schema):
    put(schema, {**named({"a": text(1)}), "key_types": many([first(schema, __class__="Whiten")])})


@skops_case
def partial_of_a_function(schema):
    content = {
        "func": part("os.system", "FunctionNode"),
        "args": many([text(ARGUMENT)], "TupleNode"),
        "kwds": named({}),
        "namespace": text(None),
    }
    put(schema, part("functools.partial", "PartialNode", content=content))


@skops_case
def method_of_an_estimator(schema):
    owner = first(schema, __class__="StandardScaler")
    content = {"func": "fit", "obj": owner}
    name = "sklearn.preprocessing._data.StandardScaler"
    put(schema, part(name, "MethodNode", content=content))


@skops_case
def method_of_something_else(schema):
    content = {"func": "__init__", "obj": text("a")}
    put(schema, part("canary_bird.Bird", "MethodNode", content=content))


@skops_case
def operator_that_calls(schema):
    attrs = many([text("sing")], "TupleNode")
    put(schema, part("operator.methodcaller", "OperatorFuncNode", attrs=attrs))


@skops_case
def operator_of_another_module(schema):
    put(schema, part("os.system", "OperatorFuncNode", attrs=many([text(ARGUMENT)], "TupleNode")))


@skops_case
def factory_of_a_dict(schema):
    content = {"main": named({}), "default_factory": part("canary_bird.sing", "FunctionNode")}
    put(schema, part("collections.defaultdict", "DefaultDictNode", content=content))


@skops_case
def generator_by_name(schema):
    content = {
        "bit_generator": named({"bit_generator": text("seed")}),
        "seed_seq": named({}),
    }
    put(schema, part("numpy.random._generator.Generator", "RandomGeneratorNode", content=content))


@skops_case
def array_that_is_a_call(schema):
    first(schema, __loader__="NdArrayNode").update(__class__="sing", __module__="canary_bird")


@skops_case
def function_of_an_old_protocol(schema):
    schema["protocol"] = 0
    old = {"module_path": "canary_bird", "function": "sing"}
    put(schema, part("builtins.function", "FunctionNode", content=old))


@skops_case
def path_hidden_in_a_type_name(schema):
    put(schema, part("canary_bird.Bird.", "TypeNode"))


# --- parts that are not what they seem -------------------------------------------------


@skops_case
def storage(schema):
    state_of(schema)["storage"] = text("sqlite:///called")


@skops_case
def memory(schema):
    state_of(schema)["memory"] = text("called")


@skops_case
def memory_of_an_estimator(schema):
    content = named({"steps": many([]), "memory": text("called"), "verbose": text(False)})
    put(schema, part("sklearn.pipeline.Pipeline", "ObjectNode", content=content))


@skops_case
def storage_by_the_number_of_another(schema):
    state = state_of(schema)
    state.update(version=text("sqlite:///called", __id__=7))
    state.update(storage=text(None, __id__=7))
    schema["content"]["content"] = dict(sorted(state.items(), reverse=True))


@skops_case
def state_as_text(schema):
    schema["content"] = text({"storage": "sqlite:///called", "name": "a"})


@skops_case
def state_as_pairs(schema):
    pair = many([text("storage"), text("sqlite:///called")], "TupleNode")
    schema["content"] = many([pair], "TupleNode")


@skops_case
def part_that_holds_itself(schema):
    schema["__id__"] = 1
    put(schema, {**part("builtins.list", "ListNode", content=[]), "__id__": 1})


@skops_case
def cached_part(schema):
    put(schema, {**part("builtins.list", "CachedNode"), "__id__": schema["__id__"]})


@skops_case
def loader_that_nobody_knows(schema):
    put(schema, part("builtins.str", "EvalNode", content=ARGUMENT))


@skops_case
def more_than_skops_writes(schema):
    schema["extra"] = {"anything": [1]}


@skops_case
def no_loader(schema):
    put(schema, {"__class__": "str", "__module__": "builtins"})


@skops_case
def module_that_is_no_text(schema):
    put(schema, {"__class__": ["a"], "__module__": None, "__loader__": "TypeNode"})


def _protocol(value, name):
    def change(schema):
        if value is None:
            del schema["protocol"]
        else:
            schema["protocol"] = value

    change.__name__ = f"protocol {name}"
    skops_case(change)


for _value in (-1, 0, 99, True, "2", [2], 2.0, None):
    _protocol(_value, _value)


@skops_case
def schema_that_is_a_list(schema):
    return [schema]


@skops_case
def schema_that_is_deep(schema):
    deep = text(1)
    for _ in range(300):
        deep = many([deep])
    put(schema, deep)


@skops_case
def text_that_is_deep(schema):
    put(schema, {**text(1), "content": "[" * 100_000 + "]" * 100_000})


@skops_case
def text_that_is_no_json(schema):
    put(schema, {**text(1), "content": "{'a"})


@skops_file
def schema_that_is_very_deep():
    return zipped({"schema.json": "[" * 200_000 + "]" * 200_000})


@skops_file
def schema_that_is_no_json():
    return zipped({"schema.json": b"\x80\x04]."})


@skops_file
def schema_that_is_missing():
    return zipped({"0.npy": b""})


# --- objects that do not fit -----------------------------------------------------------


def flat(schema):
    return state_of(schema)["_flat"]["content"]


@skops_case
def no_graph(schema):
    del state_of(schema)["_flat"]
    state_of(schema)["inputs"] = text("X")
    keys = schema["content"]["key_types"]["content"]
    del keys[len(state_of(schema)) :]


@skops_case
def nothing_in_it(schema):
    schema["content"] = named({})


@skops_case
def other_object(schema):
    return {**first(schema, __class__="StandardScaler"), "protocol": schema["protocol"]}


@skops_case
def cycle_of_nodes(schema):
    step = flat(schema)["steps"]["content"][0]["content"]
    step["inbound"]["content"][0] = text(5)


@skops_case
def node_of_the_end(schema):
    step = flat(schema)["steps"]["content"][1]["content"]
    step["inbound"]["content"][0] = text(-1)


@skops_case
def layer_that_is_not_there(schema):
    flat(schema)["steps"]["content"][0]["content"]["layer"] = text(99)


@skops_case
def layer_that_is_text(schema):
    flat(schema)["layers"]["content"][0] = text("Whiten")


@skops_case
def layer_without_parameters(schema):
    first(schema, __class__="Whiten")["content"] = named({})


@skops_case
def undoing_an_input(schema):
    flat(schema)["steps"]["content"][0]["content"]["state_of"] = text(0)


@skops_case
def input_twice(schema):
    nodes = flat(schema)["nodes"]["content"]
    nodes[-2]["content"][:] = nodes[0]["content"]
    nodes[-1]["content"][1] = nodes[0]["content"][1]


@skops_case
def kind_of_node_that_is_none(schema):
    flat(schema)["nodes"]["content"][0]["content"][0] = text("evil")


@skops_case
def steps_that_are_no_layers(schema):
    steps = state_of(schema)["steps_"]["content"]
    steps["whiten"] = first(schema, __class__="StandardScaler")


@skops_case
def steps_of_another_graph(schema):
    steps = state_of(schema)["steps_"]["content"]
    steps["other"] = steps.pop("whiten")


@skops_case
def steps_that_are_text(schema):
    state_of(schema)["steps_"] = text({"whiten": 1})


@skops_case
def name_that_is_a_list(schema):
    put(schema, many([text("a")]))


# --- archives --------------------------------------------------------------------------

BAD_NAMES = ["../called.npy", "/tmp/called.npy", "a/b.npy", "C:\\called.npy", "..\\called.npy"]
BAD_NAMES += ["called.py", ".npy", "called", "con\x00.npy", "sub/", "\u202eypn.npy"]


def _member(name):
    def made():
        return zipped({**plain(), name: b"print('called')"})

    SKOPS[f"member {name!r}"] = made


for _name in BAD_NAMES:
    _member(_name)


@skops_file
def member_twice():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return zipped([*plain().items(), ("schema.json", b"{}")])


@skops_file
def deflated_bomb():
    return zipped({**plain(), "9.npy": bytes(50_000_000)}, zipfile.ZIP_DEFLATED)


@skops_file
def bomb_of_an_array():
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": (10**12,)}
    )
    return _with_array(header.getvalue())


@skops_file
def bomb_of_letters():
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<U0", "fortran_order": False, "shape": (10**12,)}
    )
    return _with_array(header.getvalue())


@skops_file
def array_of_negative_size():
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": (-1, -8)}
    )
    return _with_array(header.getvalue() + bytes(64))


@skops_file
def array_header_that_is_code():
    text_ = b"{'descr': __import__('canary_bird').sing(), 'shape': (1,)}".ljust(118) + b"\n"
    return _with_array(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text_)) + text_)


@skops_file
def array_of_pickles():
    file = io.BytesIO()
    np.save(file, np.array([Payload()], dtype=object), allow_pickle=True)
    return _with_array(file.getvalue())


@skops_file
def array_that_is_a_pickle():
    return _with_array(pickle.dumps(Payload()))


@skops_file
def array_cut_short():
    parts = plain()
    name = next(name for name in parts if name.endswith(".npy"))
    return zipped({**parts, name: parts[name][:-1]})


@skops_file
def array_missing():
    parts = plain()
    del parts[next(name for name in parts if name.endswith(".npy"))]
    return zipped(parts)


def _with_array(content):
    parts = plain()
    name = next(name for name in parts if name.endswith(".npy"))
    return zipped({**parts, name: content})


def _with_sparse(content):
    parts = plain()
    name = next(name for name in parts if name.endswith(".npz"))
    return zipped({**parts, name: content})


@skops_file
def sparse_bomb():
    file = io.BytesIO()
    np.savez_compressed(file, data=np.zeros(20_000_000), format=b"csr")
    return _with_sparse(file.getvalue())


@skops_file
def sparse_of_pickles():
    file = io.BytesIO()
    np.savez(file, data=np.array([Payload()], dtype=object), format=b"csr", allow_pickle=True)
    return _with_sparse(file.getvalue())


def _sparse_case(name, **arrays):
    def made():
        file = io.BytesIO()
        whole = {"data": np.ones(3), "indices": np.arange(3), "indptr": np.arange(4)}
        np.savez(file, **{**whole, "shape": (3, 3), "format": b"csr", **arrays})
        return _with_sparse(file.getvalue())

    SKOPS[f"sparse {name}"] = made


_sparse_case("with indices beyond its columns", indices=np.array([10**8, 1, 2]))
_sparse_case("with indices before its columns", indices=np.array([0, -(10**8), 2]))
_sparse_case("with rows beyond its indices", indptr=np.array([0, 10**8, 2, 3]))
_sparse_case("with indices of columns beyond its rows", format=b"csc", indices=np.array([0, 1, 9]))
_sparse_case("with negative rows", format=b"coo", row=np.array([0, 1, -9]), col=np.arange(3))
_sparse_case(
    "with blocks beyond its columns",
    format=b"bsr",
    data=np.ones((3, 1, 1)),
    indices=np.array([0, 1, 9]),
)


@skops_file
def sparse_with_other_members():
    return _with_sparse(zipped({"../called.npy": b"called"}))


@skops_file
def sparse_that_is_a_pickle():
    return _with_sparse(pickle.dumps(Payload()))


@skops_file
def members_that_overlap():
    """Let all members in the directory point to the bytes of the largest."""
    content = bytearray(
        zipped({"schema.json": plain()["schema.json"] * 4, "1.npy": b"", "2.npy": b""})
    )
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        large = archive.infolist()[0]
        start = archive.start_dir
    entry, entries = start, []
    for _ in range(3):
        lengths = struct.unpack("<HHH", content[entry + 28 : entry + 34])
        entries.append(entry)
        entry += 46 + sum(lengths)
    for entry in entries[1:]:
        sizes = struct.pack("<III", large.CRC, large.compress_size, large.file_size)
        content[entry + 16 : entry + 28] = sizes
        content[entry + 42 : entry + 46] = struct.pack("<I", large.header_offset)
    return bytes(content)


@skops_file
def member_that_claims_to_be_huge():
    content = bytearray(zipped(plain()))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        start = archive.start_dir
    content[start + 20 : start + 28] = struct.pack("<II", 2**31, 2**31)
    return bytes(content)


@skops_file
def encrypted_member():
    content = bytearray(zipped(plain()))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        start = archive.start_dir
    content[start + 8] |= 1
    return bytes(content)


@skops_file
def description_without_checksum():
    return zipped(members(whole("skops")))


@skops_file
def description_of_a_later_format():
    told = json.loads(members(whole("skops"))["skmegatron.json"])
    file = io.BytesIO(zipped(plain()))
    sealed = io.BytesIO()
    seal_archive(file, sealed, {**told, "format": 99})
    return sealed.getvalue()


@skops_file
def schema_changed_under_the_checksum():
    content = whole("skops")
    return content.replace(b'"Whiten"', b'"Bigger"', 1)


@skops_file
def bytes_behind_the_end():
    return whole("skops") + b"more"


@skops_file
def bytes_before_the_start():
    return b"#!/bin/sh\ntouch called\n" + whole("skops")


# --- pickles under another name --------------------------------------------------------


class Payload:
    """Runs code when it is unpickled."""

    def __reduce__(self):
        return eval, ("__import__('canary_bird').sing()",)


@skops_file
def pickle_with_a_payload():
    return pickle.dumps(Payload())


@skops_file
def joblib_with_a_payload():
    file = io.BytesIO()
    joblib.dump([Payload(), ROWS], file)
    return file.getvalue()


@skops_file
def compressed_payload():
    file = io.BytesIO()
    joblib.dump(Payload(), file, compress=3)
    return file.getvalue()


@skops_file
def whole_joblib_file():
    return whole("joblib")


@skops_file
def pickle_in_a_zip():
    return zipped({"data.pkl": pickle.dumps(Payload()), "schema.json": b"{}"})


@skops_file
def pickle_before_a_zip():
    return pickle.dumps(Payload()) + zipped(plain())


for _name, _content in {"nothing": b"", "text": b"hello", "zeros": bytes(500)}.items():
    SKOPS[_name] = lambda content=_content: content


# --- networks --------------------------------------------------------------------------


@cache
def network():
    """Give the bytes of a small network as Keras saves it."""
    keras = load_keras()
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    path = os.path.join(os.environ["CANARY"], "small.keras")
    model.save(path)
    with open(path, "rb") as file:
        content = file.read()
    os.remove(path)
    return content


def with_network(content):
    """Give a file of a pipeline that holds a network."""
    parts = {**plain(), "99.bin": content}
    schema = json.loads(parts["schema.json"])
    custom = part(
        "skmegatron.io.saving.Portable", "ObjectNode", content=named({"value": named({})})
    )
    state = named(
        {"content": part("builtins.bytes", "BytesNode", file="99.bin"), "custom_objects": custom}
    )
    attributes = named(
        {
            "shapes": many([]),
            "n_batches": text(0),
            "state": state,
            "inputs": many([]),
            "outputs": many([]),
        }
    )
    held = part("skmegatron.layers.keras.network.Network", "ObjectNode", content=attributes)
    fitted = state_of(schema)["steps_"]["content"]["whiten"]
    inner = first(fitted, __class__="Whiten")["content"]
    inner["content"]["held_"] = held
    inner["key_types"]["content"].append(part("builtins.str", "TypeNode"))
    return zipped({**parts, "schema.json": json.dumps(schema)})


def network_case(change):
    def made():
        parts = members(network())
        config = json.loads(parts["config.json"])
        parts["config.json"] = json.dumps(change(config) or config)
        return with_network(zipped(parts))

    SKOPS[f"network {change.__name__}"] = made
    return change


def network_member(make):
    SKOPS[f"network {make.__name__}"] = lambda: with_network(make(members(network())))
    return make


@network_case
def with_a_lambda(config):
    code = {"class_name": "__lambda__", "config": {"value": "4wEAAAA="}}
    layer = {"module": "keras.layers", "class_name": "Lambda", "config": {"function": code}}
    config["config"]["layers"].append(layer)


@network_case
def with_a_named_lambda(config):
    function = {"module": "canary_bird", "class_name": "function", "config": "sing"}
    layer = {"module": "keras.layers", "class_name": "Lambda", "config": {"function": function}}
    config["config"]["layers"].append(layer)


@network_case
def of_another_module(config):
    config["config"]["layers"].append(
        {"module": "canary_bird", "class_name": "Bird", "config": {}}
    )


@network_case
def of_another_class(config):
    config.update(module="canary_bird", class_name="Bird")


@network_case
def without_a_module(config):
    config["config"]["layers"].append(
        {"module": None, "class_name": "Bird", "registered_name": "Custom>Bird", "config": {}}
    )


@network_case
def that_fetches_a_file(config):
    config["config"]["layers"].append(
        {"module": "keras.utils", "class_name": "get_file", "config": {"origin": "file:///called"}}
    )


@network_case
def that_loads_a_model(config):
    config["config"]["layers"].append(
        {"module": "keras.models", "class_name": "load_model", "config": {}}
    )


@network_case
def that_loads_code_of_torch(config):
    config["config"]["layers"].append(
        {"module": "keras.layers", "class_name": "TorchModuleWrapper", "config": {"module": {}}}
    )


@network_case
def with_a_function_of_python(config):
    config["compile_config"]["loss"] = {
        "module": "builtins",
        "class_name": "function",
        "config": "eval",
        "registered_name": "function",
    }


@network_case
def that_reads_words_from_a_file(config):
    config["config"]["layers"].append(
        {
            "module": "keras.layers",
            "class_name": "StringLookup",
            "config": {"vocabulary": "/etc/hostname"},
        }
    )


@network_member
def with_weights_elsewhere(parts):
    file = io.BytesIO(parts["model.weights.h5"])
    with h5py.File(file, "a") as weights:
        weights["layers/other"] = h5py.ExternalLink("/etc/called.h5", "/")
    return zipped({**parts, "model.weights.h5": file.getvalue()})


@network_member
def with_weights_of_a_file(parts):
    file = io.BytesIO(parts["model.weights.h5"])
    with h5py.File(file, "a") as weights:
        external = [(os.path.join(os.environ["CANARY"], "canary_bird.py"), 0, 80)]
        weights.create_dataset("other", (10,), "<f8", external=external)
    return zipped({**parts, "model.weights.h5": file.getvalue()})


@network_member
def with_weights_that_are_not_there(parts):
    file = io.BytesIO(parts["model.weights.h5"])
    with h5py.File(file, "a") as weights:
        weights.create_dataset("other", (10**11,), "<f8", chunks=(1000,))
    return zipped({**parts, "model.weights.h5": file.getvalue()})


@network_member
def with_other_members(parts):
    return zipped({**parts, "assets/../../called": b"called"})


@network_member
def that_is_a_bomb(parts):
    return zipped({**parts, "model.weights.h5": bytes(50_000_000)}, zipfile.ZIP_DEFLATED)


@network_member
def that_is_no_archive(parts):
    return b"not a zip file"


@network_member
def that_is_a_pickle(parts):
    return pickle.dumps(Payload())


@network_member
def with_a_deep_config(parts):
    return zipped({**parts, "config.json": "[" * 200_000})


# --- joblib files, which run code if they are whole ------------------------------------


def joblib_file(make):
    JOBLIB[make.__name__] = make
    return make


@joblib_file
def payload_under_the_trailer():
    """Keep the description and checksum of a whole file, over other bytes."""
    content = whole("joblib")
    end = content.rindex(b'{\n "format"')
    return pickle.dumps(Payload()).ljust(end, b"\0") + content[end:]


@joblib_file
def trailer_cut():
    return whole("joblib")[:-5]


@joblib_file
def trailer_removed():
    return whole("joblib")[: -(8 + 16 + 8)]


@joblib_file
def later_format():
    file = io.BytesIO()
    joblib.dump(victim(), file)
    seal(file, {"format": 99, "graph": {}})
    return file.getvalue()


@joblib_file
def more_behind_the_end():
    return whole("joblib") + b"more"


@joblib_file
def length_that_is_too_large():
    content = whole("joblib")
    return content[:-32] + struct.pack("<Q", 2**40) + content[-24:]
