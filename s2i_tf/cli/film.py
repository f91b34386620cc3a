"""Make a film of a song, any other long sound, or a video's sound.

s2i film SOUND --out=FILM.mp4 [--strip=FILE.png] [--captions=FILE.vtt] [--beside]
s2i film SOUND… | FOLDER --out=FOLDER

The sound is listened to along its length and lies under the pictures; an hour of it needs no more
memory than a minute. A film ends in .mp4 (H.264 and AAC) or .webm (VP9 and Opus). Of several
sounds, or those of a folder, each film gets the name of its sound; a sound that cannot be used is
reported and left out, and the exit status is then 2. Of what lies in a folder, folders are reported
too; pictures, documents and hidden files are no sounds. A film of an earlier run is replaced;
where there is another file of its name, nothing is done.
"""

import logging
import pathlib

from absl import flags

from s2i_tf import files
from s2i_tf.cli import given
from s2i_tf.cli.stems import unique_stems
from s2i_tf.errors import MediaError, UserError
from s2i_tf.media.source import name_of

logger = logging.getLogger(__name__)

_SETTINGS = ("fps", "hop_seconds", "side", "beats", "beside", "seed")


def define_flags() -> None:
    """Defines --model, --out, and how the film is made."""
    flags.DEFINE_string("model", None, "A model as `s2i generate` takes it.")
    flags.DEFINE_string("out", None, "The film, or a folder for several films.")
    flags.DEFINE_integer("fps", 12, "Pictures a second.")
    flags.DEFINE_float("hop_seconds", 0.5, "Time between two moments that are listened to.")
    flags.DEFINE_float("smooth", 0.5, "Seconds over which what was heard is smoothed; 0 for none.")
    flags.DEFINE_integer("side", 512, "Height of the film's pictures, in pixels.")
    flags.DEFINE_bool("beats", False, "Begin a new picture at each onset of the sound.")
    flags.DEFINE_bool("beside", False, "Put a video's own pictures to the left.")
    flags.DEFINE_string("strip", None, "PNG file for a strip of pictures over a time axis.")
    flags.DEFINE_string("captions", None, "WebVTT file for what was heard when.")
    flags.DEFINE_integer("seed", 0, "Random seed of the pictures.", lower_bound=0)


def run(args: list[str]) -> None:
    """Makes a film of each sound."""
    values = flags.FLAGS
    if not args:
        raise UserError("no sound given. Usage: s2i film SOUND --out=FILM.mp4")
    if not values.out:
        raise UserError("--out is missing. Say where the film goes: --out=FILM.mp4")
    several = len(args) > 1 or pathlib.Path(args[0]).is_dir()
    if several and (values.strip or values.captions):
        raise UserError("--strip and --captions are for one sound. Give them with one at a time.")
    from s2i_tf import api
    from s2i_tf.film import encoding, making

    out = pathlib.Path(values.out)
    if several and out.suffix.lower() in encoding.FORMATS:
        raise UserError(f"--out={values.out} is one film. Give a folder for several.")
    if not several and (out.is_dir() or values.out.endswith("/")):
        out /= f"{pathlib.Path(args[0]).stem}{encoding.best_suffix()}"
    settings = making.FilmSettings(
        smooth_seconds=values.smooth, **{name: values[name].value for name in _SETTINGS}
    )
    if not several:
        encoding.check_path(out)
        files.refuse_taken(filter(None, (out, values.strip, values.captions)))
        heard = making.make_film(
            api.load(values.model),
            args[0],
            out,
            settings,
            strip=values.strip,
            subtitles=values.captions,
        )
        print(f"{heard.duration_seconds:.1f} s of film: {name_of(out)}")
        return
    paths = given.paths(args)
    suffix = encoding.best_suffix()
    films = [out / f"{stem}{suffix}" for stem in unique_stems(paths)]
    for film in films:
        if any(files.is_same(film, path) for path in paths):
            raise UserError(f"{film}: is one of the sounds themselves. Choose another --out.")
    files.refuse_taken(films)
    model = api.load(values.model)
    num_bad = 0
    for path, film in zip(paths, films, strict=True):
        try:
            making.make_film(model, path, film, settings)
        except MediaError as error:
            num_bad += 1
            logger.warning("left out: %s", error)
    print(f"{len(paths) - num_bad} films: {out}")
    if num_bad:
        raise UserError(f"{num_bad} of {len(paths)} sounds could not be used; see above")
