"""The restricted readers: they read what they should, and run nothing."""

import collections
import io
import pickle
import sys
import types

import numpy as np
import pytest

from s2i_tf.features import unpickling


class _Storage:
    def __init__(self, key, values):
        self.key, self.values = key, values


class _View:
    """A tensor as PyTorch pickles it: a storage, an offset, a shape and strides."""

    def __init__(self, storage, offset, shape, stride):
        self.fields = storage, offset, shape, stride, False, collections.OrderedDict()

    def __reduce__(self):
        return sys.modules["torch._utils"]._rebuild_tensor_v2, self.fields


class _Pickler(pickle.Pickler):
    def persistent_id(self, item):
        if isinstance(item, _Storage):
            kind = "FloatStorage" if item.values.dtype == np.float32 else "LongStorage"
            storage_class = getattr(sys.modules["torch"], kind)
            return "storage", storage_class, item.key, "cpu", item.values.size, None
        return None


@pytest.fixture
def save_torch(monkeypatch):
    """Writes PyTorch's legacy format, by stand-ins for the names that it pickles."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for kind in ("FloatStorage", "LongStorage"):
        setattr(torch, kind, type(kind, (), {"__module__": "torch", "__qualname__": kind}))

    def _rebuild_tensor_v2(*fields):
        raise AssertionError("never called while writing")

    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)

    def save(state, storages):
        file = io.BytesIO()
        for head in (unpickling._TORCH_MAGIC, 1001, {"little_endian": True}):
            pickle.dump(head, file, protocol=2)
        _Pickler(file, protocol=2).dump(collections.OrderedDict(state))
        pickle.dump([storage.key for storage in storages], file, protocol=2)
        for storage in storages:
            file.write(storage.values.size.to_bytes(8, "little") + storage.values.tobytes())
        return file.getvalue()

    return save


class _Hostile:
    def __reduce__(self):
        return exec, ("raise SystemExit('a pickle was run')",)


def _object_npy(value):
    file = io.BytesIO()
    np.save(file, np.array(value, dtype=object), allow_pickle=True)
    return file.getvalue()


def test_reads_a_dict_of_arrays(rng):
    value = {"conv1": {"weights": rng.standard_normal((3, 2), np.float32), "count": np.arange(3)}}
    read = unpickling.load_object_npy(_object_npy(value))
    np.testing.assert_array_equal(read["conv1"]["weights"], value["conv1"]["weights"])
    np.testing.assert_array_equal(read["conv1"]["count"], value["conv1"]["count"])


def test_reads_what_python_2_wrote():
    values = np.array([1.5, -2.0, 255.0], "<f4")

    def array(shape, dtype, order, flags, contents):
        return (
            b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01"
            + shape
            + (b"cnumpy\ndtype\nU\x02" + dtype + b"K\x00K\x01\x87R(K\x03U\x01" + order)
            + (b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK" + flags + b"tb\x89" + contents + b"tb")
        )

    raw = b"U" + bytes([values.nbytes]) + values.tobytes()
    inner = array(b"K\x03\x85", b"f4", b"<", b"\x00", raw)
    outer = array(b")", b"O8", b"|", b"\x3f", b"]}U\x01w" + inner + b"sa")
    file = io.BytesIO()
    header = {"descr": "|O", "fortran_order": False, "shape": ()}
    np.lib.format.write_array_header_1_0(file, header)
    read = unpickling.load_object_npy(file.getvalue() + b"\x80\x02" + outer + b".")
    np.testing.assert_array_equal(read["w"], values)


def test_an_object_npy_runs_nothing():
    with pytest.raises(pickle.UnpicklingError, match="builtins.exec"):
        unpickling.load_object_npy(_object_npy({"conv1": _Hostile()}))


def test_a_plain_npy_is_refused():
    file = io.BytesIO()
    np.save(file, np.arange(3))
    with pytest.raises(ValueError, match="allowed: one object"):
        unpickling.load_object_npy(file.getvalue())


def test_reads_tensors_that_share_and_stride(save_torch, rng):
    first = _Storage("0", rng.standard_normal(12).astype(np.float32))
    second = _Storage("1", np.array([7], np.int64))
    state = {
        "plain": _View(first, 0, (3, 4), (4, 1)),
        "transposed": _View(first, 0, (4, 3), (1, 4)),
        "tail": _View(first, 8, (4,), (1,)),
        "count": _View(second, 0, (), ()),
    }
    read = unpickling.load_torch_state(save_torch(state, [first, second]))
    expected = first.values.reshape(3, 4)
    np.testing.assert_array_equal(read["plain"], expected)
    np.testing.assert_array_equal(read["transposed"], expected.T)
    np.testing.assert_array_equal(read["tail"], expected[2])
    assert read["count"] == 7


@pytest.mark.parametrize(
    ("offset", "shape", "stride"),
    [(0, (4, 4), (4, 1)), (9, (4,), (1,)), (0, (3,), (6,)), (-1, (3,), (1,)), (4, (3,), (-1,))],
)
def test_a_tensor_outside_its_storage_is_refused(save_torch, offset, shape, stride):
    storage = _Storage("0", np.zeros(12, np.float32))
    data = save_torch({"x": _View(storage, offset, shape, stride)}, [storage])
    with pytest.raises(ValueError, match="outside its storage"):
        unpickling.load_torch_state(data)


def test_a_state_dict_runs_nothing(save_torch):
    with pytest.raises(pickle.UnpicklingError, match="builtin.*exec"):
        unpickling.load_torch_state(save_torch({"x": _Hostile()}, []))


def test_a_state_dict_that_is_cut_short_is_refused(save_torch):
    storage = _Storage("0", np.zeros(12, np.float32))
    data = save_torch({"x": _View(storage, 0, (12,), (1,))}, [storage])
    with pytest.raises(ValueError):
        unpickling.load_torch_state(data[:-8])


def test_another_pickle_is_no_state_dict():
    data = b"".join(pickle.dumps(value, protocol=2) for value in (1, 2, {"little_endian": True}))
    with pytest.raises(ValueError, match="legacy format"):
        unpickling.load_torch_state(data)
