import json
import pathlib

import numpy as np
import pytest

from s2i_tf.errors import UserError
from s2i_tf.evaluation import scoring
from s2i_tf.evaluation.metrics import SCORES
from s2i_tf.evaluation.metrics.tabular import row_named
from s2i_tf.evaluation.report import terminal
from s2i_tf.media import image

SHADES = {"dark": 20, "bright": 220}


@pytest.fixture
def folders(tmp_path):
    """Twelve pairs of two classes, the pictures as bright as the photos of their class."""
    for number in range(12):
        name = sorted(SHADES)[number % 2]
        for folder, ending in (("pictures", "png"), ("photos", "jpg"), ("sounds", "wav")):
            path = tmp_path / folder / name / f"clip{number:02}.{ending}"
            path.parent.mkdir(parents=True, exist_ok=True)
            shade = SHADES[name] + number
            picture = np.full((40, 60 if folder == "photos" else 40, 3), shade, np.uint8)
            path.write_bytes(b"a sound" if ending == "wav" else image.encode_png(picture))
    return [tmp_path / folder for folder in ("pictures", "sounds", "photos")]


def test_files_of_one_name_are_pairs_and_the_rest_is_named(folders):
    (folders[1] / "dark" / "alone.wav").write_text("")
    pairs, unmatched = scoring.match(*folders)
    assert [pair.name for pair in pairs[:2]] == ["bright/clip00", "bright/clip02"]
    assert {pair.class_name for pair in pairs} == set(SHADES)
    assert unmatched == [str(folders[1] / "dark" / "alone.wav")]


def test_names_alone_match_where_the_folders_differ(folders, tmp_path):
    flat = tmp_path / "flat"
    flat.mkdir()
    for path in folders[0].rglob("*.png"):
        (flat / path.name).write_bytes(path.read_bytes())
    pairs, unmatched = scoring.match(flat, *folders[1:])
    assert len(pairs) == 12 and not unmatched
    assert pairs[0].name == "clip00" and pairs[0].class_name == "bright"


def test_two_files_of_one_name_are_refused(folders):
    (folders[0] / "dark" / "clip01.gif").write_text("")
    with pytest.raises(UserError, match="have one name; rename one of them"):
        scoring.match(*folders)


def test_folders_without_a_common_name_are_refused(folders, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no picture has the name.*--pairs=FILE.csv"):
        scoring.match(tmp_path / "empty", *folders[1:])
    with pytest.raises(UserError, match="missing: not a folder"):
        scoring.match(tmp_path / "missing", *folders[1:])


def test_a_csv_lists_pairs_with_classes_and_recordings(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text("\ufeffpicture,sound,photo,class,group\na/p.png,s.wav,q.jpg,cat,tape\n")
    (pair,) = scoring.read_pairs(path)
    assert (pair.name, pair.class_name, pair.group) == ("a/p", "cat", "tape")
    assert pair.picture == str(tmp_path / "a" / "p.png")
    path.write_text("picture,sound\np.png,s.wav\n")
    with pytest.raises(UserError, match="line 2 has no photo"):
        scoring.read_pairs(path)
    path.write_text("picture,sound,photo\n")
    with pytest.raises(UserError, match="holds no pairs"):
        scoring.read_pairs(path)
    with pytest.raises(UserError, match="No such file"):
        scoring.read_pairs(tmp_path / "missing.csv")


def test_pictures_of_the_right_class_score_high_and_the_file_says_so(folders, judge, tmp_path):
    pairs, unmatched = scoring.match(*folders)
    scores = scoring.score(pairs, judge=judge, out=tmp_path / "out", unmatched=unmatched)
    assert json.loads((tmp_path / "out" / "scores.json").read_text()) == scores
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["scores.json"]
    match = row_named(scores["label_match"]["rows"], "generated")["match"]["1"]["micro"]
    shuffled = row_named(scores["label_match"]["rows"], "shuffled")["match"]["1"]["micro"]
    assert match["value"] == 1 and match["low"] > 0.6 and shuffled["value"] < 0.5
    for name in ("generated", "real"):
        seen = row_named(scores["class_seen"]["rows"], name)["accuracy"]
        assert seen["micro"]["value"] == seen["macro"]["value"] == 1
    assert scores["class_seen"]["chance"] == 0.5
    assert row_named(scores["fidelity"]["rows"], "generated")["fid"] == pytest.approx(0, abs=1)
    assert row_named(scores["diversity"]["rows"], "generated")["ratio"]["value"] == pytest.approx(1)
    assert scores["pairs"]["num_pictures"] == 12 and scores["settings"]["side"] == 40
    text = terminal.as_text(scores, SCORES)
    assert "Class seen" in text and "Shuffled: picture of the sound" in text
    assert "None" not in text and "nan" not in text
    assert "no embeddings of the sounds were given" in " ".join(text.split())


def test_classes_of_one_pair_are_not_counted_and_named(folders, judge, tmp_path):
    pairs, _ = scoring.match(*folders)
    grey = str(tmp_path / "grey.png")
    pathlib.Path(grey).write_bytes(image.encode_png(np.full((40, 40, 3), 120, np.uint8)))
    lonely = [*pairs[:4], *pairs[6:10], scoring.Pair("grey", grey, "s", grey, "grey", "g")]
    scores = scoring.score(lonely, judge=judge, out=tmp_path / "out")
    seen = row_named(scores["class_seen"]["rows"], "generated")
    assert (seen["num_items"], seen["accuracy"]["macro"]["value"]) == (8, 1)
    assert scores["class_seen"]["uncounted"]["class_names"] == ["grey"]
    assert scores["warnings"][0].startswith("Class seen does not count 1 sound and 1 photo: no")
    assert scores["warnings"][0] in " ".join(terminal.as_text(scores, SCORES).split())
    alone = [scoring.Pair(**{**vars(pair), "class_name": pair.name}) for pair in pairs]
    scores = scoring.score(alone, judge=judge, out=tmp_path / "out")
    assert scores["class_seen"] is None
    assert scores["missing"]["class_seen"].startswith("no probe could learn the class of any")


def test_pictures_of_the_wrong_class_score_low(folders, judge, tmp_path):
    pairs, _ = scoring.match(*folders)
    pictures = [pair.picture for pair in pairs]
    wrong = [
        scoring.Pair(**{**vars(pair), "picture": pictures[(row + 6) % 12]})
        for row, pair in enumerate(pairs)
    ]
    scores = scoring.score(wrong, judge=judge, out=tmp_path / "out")
    assert (
        row_named(scores["label_match"]["rows"], "generated")["match"]["1"]["micro"]["value"] == 0
    )
    assert row_named(scores["class_seen"]["rows"], "generated")["accuracy"]["micro"]["value"] == 0


def test_without_classes_the_rest_is_measured(folders, judge, tmp_path):
    pairs = [
        scoring.Pair(**{**vars(pair), "class_name": ""}) for pair in scoring.match(*folders)[0]
    ]
    scores = scoring.score(pairs, judge=judge, out=tmp_path / "out")
    assert scores["class_seen"] is None
    assert scores["missing"]["class_seen"] == "the pictures have no classes"
    assert scores["fidelity"]["rows"][0]["kid"]["value"] is not None
    half = [scoring.Pair(**{**vars(pairs[0]), "class_name": "dark"}), *pairs[1:]]
    with pytest.raises(UserError, match="has no class, but other pairs do"):
        scoring.score(half, judge=judge, out=tmp_path / "out")


@pytest.fixture
def embeddings(folders, tmp_path):
    pairs = scoring.match(*folders)[0]
    names = [pair.name for pair in pairs]
    vectors = np.eye(12)
    order = np.roll(np.arange(12), 5)  # the files need not have the order of the pairs
    ids = np.array(names)[order]
    np.savez(tmp_path / "sounds.npz", ids=ids, sounds=vectors[order])
    classes = np.stack([vectors[:6].sum(axis=0), vectors[6:].sum(axis=0)])
    np.savez(
        tmp_path / "pictures.npz",
        ids=ids,
        pictures=vectors[order],
        photos=vectors[np.roll(order, 1)],
        class_names=["dark", "bright"],
        classes=classes[::-1],
    )
    return pairs, tmp_path / "sounds.npz", tmp_path / "pictures.npz"


def test_embeddings_give_similarity_and_recall(embeddings, judge, tmp_path):
    pairs, sounds, pictures = embeddings
    scores = scoring.score(
        pairs,
        judge=judge,
        audio_embeddings=sounds,
        image_embeddings=pictures,
        out=tmp_path / "out",
    )
    ais = row_named(scores["audio_image_similarity"]["rows"], "generated")
    assert ais["cosine"]["value"] == 1 and ais["rank"]["value"] == 1
    iis = row_named(scores["image_image_similarity"]["rows"], "generated")
    assert iis["cosine"]["value"] == 0
    recall = row_named(scores["class_name_recall"]["rows"], "generated")["recall"]["1"]
    assert recall["macro"]["value"] == 1


def test_embeddings_that_do_not_fit_are_refused(embeddings, judge, tmp_path):
    pairs, sounds, pictures = embeddings

    def refused(message, **arrays):
        np.savez(tmp_path / "bad.npz", **arrays)
        with pytest.raises(UserError, match=message):
            scoring.score(
                pairs,
                judge=judge,
                audio_embeddings=tmp_path / "bad.npz",
                image_embeddings=pictures,
                out=tmp_path / "out",
            )

    ids = [pair.name for pair in pairs]
    refused("holds no array 'sounds'", ids=ids)
    refused("no sounds of 'bright/clip02' in 'ids'; add it", ids=ids[:1], sounds=np.eye(1, 12))
    refused("finite numbers for each", ids=ids, sounds=np.full((12, 12), np.nan))
    refused("finite numbers for each", ids=ids, sounds=np.eye(11, 12))
    refused("differ in size", ids=ids, sounds=np.eye(12, 5))
    refused("it needs numbers", ids=ids, sounds=np.full((12, 12), "text"))
    refused("it needs numbers", ids=ids, sounds=np.eye(12) * 1j)
    refused("'ids' is .* it needs a list of names", ids=[[name] for name in ids], sounds=np.eye(12))
    refused("'ids' is .* it needs a list of names", ids=np.bytes_(ids), sounds=np.eye(12))
    refused("'ids' has .* twice", ids=[ids[0], *ids[:-1]], sounds=np.eye(12))
    np.save(tmp_path / "bad.npy", np.eye(12))
    (tmp_path / "bad.npy").replace(tmp_path / "bad.npz")
    with pytest.raises(UserError, match="cannot be read as an .npz file"):
        scoring.score(
            pairs, judge=judge, audio_embeddings=tmp_path / "bad.npz", out=tmp_path / "out"
        )
    np.savez_compressed(tmp_path / "bad.npz", ids=ids, sounds=np.eye(12))
    damaged = bytearray((tmp_path / "bad.npz").read_bytes())
    damaged[300:320] = bytes(20)
    (tmp_path / "bad.npz").write_bytes(damaged)
    with pytest.raises(UserError, match="cannot be read as an .npz file"):
        scoring.score(
            pairs, judge=judge, audio_embeddings=tmp_path / "bad.npz", out=tmp_path / "out"
        )
    (tmp_path / "bad.npz").write_text("not an archive")
    with pytest.raises(UserError, match="cannot be read as an .npz file"):
        scoring.score(
            pairs, judge=judge, audio_embeddings=tmp_path / "bad.npz", out=tmp_path / "out"
        )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_csv_of_pairs_as_any_program_writes_it(tmp_path, encoding, separator):
    rows = [["Picture", "Sound", "Photo", "Class"], ["p\\ä.png", "s.wav", "q.jpg", "Wäldchen"]]
    (tmp_path / "p").mkdir()
    (tmp_path / "p/ä.png").write_bytes(b"")
    path = tmp_path / "pairs.csv"
    path.write_text("\n".join(separator.join(row) for row in rows), encoding=encoding)
    (pair,) = scoring.read_pairs(path)
    assert pair.picture == str(tmp_path / "p/ä.png") and pair.class_name == "Wäldchen"


def test_a_csv_loses_no_pair_and_counts_none_twice(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text('picture,sound,photo\n"a.png,s.wav,q.jpg\nb.png,s.wav,q.jpg\n')
    with pytest.raises(UserError, match="line"):
        scoring.read_pairs(path)
    path.write_text("picture,sound,photo\na.png,s.wav,q.jpg\na.png,s.wav,r.jpg\n")
    with pytest.raises(UserError, match="line 3 has a.png once more"):
        scoring.read_pairs(path)
    path.write_text("picture,sound,photo\np/a.png,s.wav,q.jpg\np/a.jpg,s.wav,r.jpg\n")
    assert [pair.name for pair in scoring.read_pairs(path)] == ["p/a.png", "p/a.jpg"]


@pytest.mark.parametrize("picture", [".", "/", ".."])
def test_a_folder_for_a_picture_is_named(tmp_path, judge, picture):
    path = tmp_path / "pairs.csv"
    path.write_text(f"picture,sound,photo\n{picture},s.wav,q.jpg\n")
    with pytest.raises(UserError, match="not a regular file"):
        scoring.score(scoring.read_pairs(path), judge=judge, out=tmp_path / "out")


def test_linked_folders_are_followed_and_loops_end(folders, tmp_path):
    (tmp_path / "drive").mkdir()
    (folders[2] / "dark").rename(tmp_path / "drive" / "dark")
    (folders[2] / "dark").symlink_to(tmp_path / "drive" / "dark")
    (folders[2] / "dark" / "loop").symlink_to(folders[2])
    pairs, unmatched = scoring.match(*folders)
    assert len(pairs) == 12 and not unmatched
