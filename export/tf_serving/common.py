"""What the REST and the gRPC client share: arguments, files, and errors in one line."""

import argparse
import contextlib
import dataclasses
import os
import pathlib
import re
import sys
from collections.abc import Callable, Iterator, Sequence

MODEL = "sound_to_image"
TIMEOUT_SECONDS = 30.0
EXIT_ERROR = 2
# What TensorFlow puts around the sentence of a check in the graph.
_SENTENCE = re.compile(r"assertion failed: \[(.*?)\] ?(\[.*?\])?\s*(\[\[|$)", re.DOTALL)


class ServingError(RuntimeError):
    """A request that got no picture: why, in one line."""


@contextlib.contextmanager
def needed(module: str) -> Iterator[None]:
    """Of a command, ends the process with one line where an import in the block is not installed.

    Args:
      module: `__name__` of the module that imports; elsewhere than in a command the error stays.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if module != "__main__":
            raise
        what = f"{error.name} is not installed"
        print(f"error: {what}; pip install 's2i_tf[serving]'", file=sys.stderr)
        sys.exit(EXIT_ERROR)


@dataclasses.dataclass(frozen=True)
class Query:
    """What is asked of a server.

    Attributes:
      server: address of the server, as the client takes it.
      model: served name.
      version: number of the model's version, or None.
      label: label of the version, or None; without either the newest one answers.
      num_samples: pictures of the sound.
      seed: random seed of the second and further pictures.
      timeout_seconds: until the answer must be there.
    """

    server: str
    model: str = MODEL
    version: int | None = None
    label: str | None = None
    num_samples: int = 1
    seed: int = 0
    timeout_seconds: float = TIMEOUT_SECONDS

    @property
    def signature(self) -> str:
        """The signature that answers it."""
        return "wav_bytes" if self.num_samples == 1 else "wav_bytes_samples"


def read_sound(path: pathlib.Path) -> bytes:
    """A WAV file of 16-bit PCM as it is; any other sound or video as such a file.

    Raises:
      ServingError: if the file cannot be read.
    """
    try:
        contents = path.read_bytes()
    except OSError as error:
        raise ServingError(f"{path}: {error.strerror}") from None
    if _is_plain_wav(contents):
        return contents
    try:
        from s2i_tf.errors import MediaError
        from s2i_tf.media import audio
    except ImportError:
        raise ServingError(
            f"{path}: no WAV file of 16-bit PCM; s2i_tf, which would convert it, is not installed"
        ) from None
    try:
        return audio.encode_audio(audio.load_waveform(path), "wav")
    except MediaError as error:
        raise ServingError(str(error)) from None


def _is_plain_wav(contents: bytes) -> bool:
    """Whether the server takes a file as it is; RIFF is also the beginning of AVI and WebP."""
    kind, bits = (int.from_bytes(contents[at : at + 2], "little") for at in (20, 34))
    return contents[:4] == b"RIFF" and contents[8:16] == b"WAVEfmt " and (kind, bits) == (1, 16)


def sentence(message: str) -> str:
    """The sentence that a failed check in the graph ends in, of a server's whole message."""
    found = _SENTENCE.search(message)
    if found:
        message = f"{found[1]} {found[2] or ''}"
    return " ".join(message.split())


def run(
    ask: Callable[[bytes, Query], list[bytes]],
    description: str,
    default_server: str,
    argv: Sequence[str] | None = None,
) -> int:
    """A client's command line: SOUND in, PNG out.

    Args:
      ask: takes a WAV file and a query, gives PNG files, raises `ServingError`.
      description: what the client is for, shown by --help.
      default_server: the address where none is given.
      argv: the arguments.

    Returns:
      The exit code.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sound", type=pathlib.Path, help="a sound file")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="the PNG to write")
    parser.add_argument("--server", default=default_server, help="default: %(default)s")
    parser.add_argument("--model", default=MODEL, help="served name (default: %(default)s)")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--version", type=int, help="of the model; the newest one by default")
    which.add_argument("--label", help="of the version, such as stable")
    parser.add_argument("--num_samples", type=int, default=1, help="pictures of the sound")
    parser.add_argument("--seed", type=int, default=0, help="of the further pictures")
    parser.add_argument("--timeout_seconds", type=float, default=TIMEOUT_SECONDS)
    arguments = vars(parser.parse_args(argv))
    sound, out = arguments.pop("sound"), arguments.pop("out")
    try:
        pictures = ask(read_sound(sound), Query(**arguments))
        for path in write(out, pictures):
            print(path)
    except ServingError as error:
        print(f"{parser.prog}: error: {error}", file=sys.stderr)
        return EXIT_ERROR
    return 0


def write(out: pathlib.Path, pictures: Sequence[bytes]) -> list[pathlib.Path]:
    """Writes the first picture to `out` and further ones beside it as `<stem>_1.png`, …

    Raises:
      ServingError: if a file cannot be written.
    """
    if not out.name:
        raise ServingError(f"{out}: names no file")
    paths = [out, *(out.with_stem(f"{out.stem}_{number}") for number in range(1, len(pictures)))]
    for path, picture in zip(paths, pictures, strict=True):
        temporary = path.with_name(f".tmp_{os.getpid()}.png")
        try:
            temporary.write_bytes(picture)
            temporary.replace(path)
        except OSError as error:
            raise ServingError(f"{path}: {error.strerror}") from None
        finally:
            temporary.unlink(missing_ok=True)
    return paths
