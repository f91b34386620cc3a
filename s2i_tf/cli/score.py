"""Score anybody's pictures of sounds: label match, class seen, KID, FID, similarity, recall.

s2i score --pictures=DIR --sounds=DIR --photos=DIR --out=DIR
s2i score --pairs=FILE.csv --out=DIR

A picture, the sound that it was made from and a photo of what was heard belong together by their
name without the ending, or by a line of the CSV (columns picture, sound, photo; class, group and
source if they are known). Classes are the folders of the photos. With the embeddings of a net that
knows both sounds and pictures, --audio_embeddings=FILE.npz (ids, sounds) and
--image_embeddings=FILE.npz (ids, pictures, photos; class_names, classes), come audio-image and
image-image similarity and the recall of class names; an id is a picture's path without the ending,
or with it in a CSV that has two pictures of one name. Writes OUT/scores.json.
"""

from absl import flags

from s2i_tf.cli import given_flags
from s2i_tf.errors import UserError
from s2i_tf.media.source import name_of

_FOLDERS = ("pictures", "sounds", "photos")
_EMBEDDINGS = ("audio_embeddings", "image_embeddings", "image_net")


def define_flags() -> None:
    """Defines the flags of folders, nets and place."""
    flags.DEFINE_string("pictures", None, "Folder of pictures made from sounds.")
    flags.DEFINE_string("sounds", None, "Folder of these sounds, named alike.")
    flags.DEFINE_string("photos", None, "Folder of photos of what is heard, named alike.")
    flags.DEFINE_string("pairs", None, "CSV of picture, sound, photo instead of the folders.")
    flags.DEFINE_string("judge", "efficientnet_lite0", "Classifier that looks at the pictures.")
    flags.DEFINE_string("audio_embeddings", None, "Vectors of the sounds, .npz.")
    flags.DEFINE_string("image_embeddings", None, "Vectors of pictures and photos, .npz.")
    flags.DEFINE_string("image_net", None, "hub:… net that embeds pictures and photos instead.")
    flags.DEFINE_string("out", None, "Folder for scores.json.")
    flags.DEFINE_integer("seed", 0, "Random seed of the intervals and folds.", lower_bound=0)


def run() -> None:
    """Scores and prints the tables."""
    values = flags.FLAGS
    given = [name for name in _FOLDERS if values[name].value]
    if values.pairs and given:
        raise UserError(f"give --pairs=FILE.csv or folders, not --{given[0]} too")
    if not values.pairs and len(given) < len(_FOLDERS):
        missing = next(name for name in _FOLDERS if name not in given)
        raise UserError(f"--{missing}=DIR is missing; give three folders, or --pairs=FILE.csv")
    if values.image_net and values.image_embeddings:
        raise UserError("give one of --image_embeddings=FILE.npz and --image_net=hub:…")
    if not values.out:
        raise UserError("--out=DIR is missing")

    from s2i_tf.evaluation import scored_pairs, scoring
    from s2i_tf.evaluation.metrics import SCORES
    from s2i_tf.evaluation.report import terminal

    if values.pairs:
        pairs, unmatched = scored_pairs.read_pairs(values.pairs), []
    else:
        pairs, unmatched = scored_pairs.match(*(values[name].value for name in _FOLDERS))
    scores = scoring.score(
        pairs,
        judge=values.judge,
        **{name: values[name].value for name in _EMBEDDINGS},
        out=values.out,
        unmatched=unmatched,
        seed=values.seed,
        command=given_flags.command(__name__),
    )
    print(terminal.as_text(scores, SCORES))
    if unmatched:
        print(f"without a match, left out: {len(unmatched)} files, such as {name_of(unmatched[0])}")
    copies = [f"{num} {kind}" for kind, num in scores["pairs"]["num_copies"].items() if num]
    if copies:
        print(f"copies of others, which count once: {', '.join(copies)}")
    num, side = scores["pairs"]["num_pictures"], scores["settings"]["side"]
    print(f"scores of {num} pictures, seen at {side} pixels: {values.out}/{scoring.SCORES_FILE}")
