import dataclasses
import json
import pathlib
import shutil

import numpy as np
import pytest

from s2i_tf.errors import UserError
from s2i_tf.evaluation import scored_pairs, scoring
from s2i_tf.evaluation.metrics import SCORES
from s2i_tf.evaluation.metrics.tabular import row_named
from s2i_tf.evaluation.report import terminal
from s2i_tf.media import image
from tests.evaluation.conftest import SHADES


def test_pictures_of_the_right_class_score_high_and_the_file_says_so(folders, judge, tmp_path):
    pairs, unmatched = scored_pairs.match(*folders)
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
    pairs, _ = scored_pairs.match(*folders)
    grey = str(tmp_path / "grey.png")
    pathlib.Path(grey).write_bytes(image.encode_png(np.full((40, 40, 3), 120, np.uint8)))
    lonely = [*pairs[:4], *pairs[6:10], scored_pairs.Pair("grey", grey, "s", grey, "grey", "g")]
    scores = scoring.score(lonely, judge=judge, out=tmp_path / "out")
    seen = row_named(scores["class_seen"]["rows"], "generated")
    assert (seen["num_items"], seen["accuracy"]["macro"]["value"]) == (8, 1)
    assert scores["class_seen"]["uncounted"]["class_names"] == ["grey"]
    assert scores["warnings"][0].startswith("Class seen does not count 1 sound and 1 photo: no")
    assert scores["warnings"][0] in " ".join(terminal.as_text(scores, SCORES).split())
    alone = [scored_pairs.Pair(**{**vars(pair), "class_name": pair.name}) for pair in pairs]
    scores = scoring.score(alone, judge=judge, out=tmp_path / "out")
    assert scores["class_seen"] is None
    assert scores["missing"]["class_seen"].startswith("no probe could learn the class of any")


def test_pictures_of_the_wrong_class_score_low(folders, judge, tmp_path):
    pairs, _ = scored_pairs.match(*folders)
    pictures = [pair.picture for pair in pairs]
    wrong = [
        scored_pairs.Pair(**{**vars(pair), "picture": pictures[(row + 6) % 12]})
        for row, pair in enumerate(pairs)
    ]
    scores = scoring.score(wrong, judge=judge, out=tmp_path / "out")
    assert (
        row_named(scores["label_match"]["rows"], "generated")["match"]["1"]["micro"]["value"] == 0
    )
    assert row_named(scores["class_seen"]["rows"], "generated")["accuracy"]["micro"]["value"] == 0


def test_without_classes_the_rest_is_measured(folders, judge, tmp_path):
    pairs = [
        scored_pairs.Pair(**{**vars(pair), "class_name": ""})
        for pair in scored_pairs.match(*folders)[0]
    ]
    scores = scoring.score(pairs, judge=judge, out=tmp_path / "out")
    assert scores["class_seen"] is None
    assert scores["missing"]["class_seen"] == "the pictures have no classes"
    assert scores["fidelity"]["rows"][0]["kid"]["value"] is not None
    half = [scored_pairs.Pair(**{**vars(pairs[0]), "class_name": "dark"}), *pairs[1:]]
    with pytest.raises(UserError, match="has no class, but other pairs do"):
        scoring.score(half, judge=judge, out=tmp_path / "out")


def test_copies_and_links_count_as_what_they_are_of(folders, judge, tmp_path):
    pairs, _ = scored_pairs.match(*folders)
    once = scoring.score(pairs, judge=judge, out=tmp_path / "out")
    for path in [path for folder in folders for path in folder.rglob("*.*")]:
        for again in range(5):
            copy = path.with_stem(f"{path.stem}_{again}")
            copy.write_bytes(path.read_bytes()) if again else copy.symlink_to(path)
    pairs, _ = scored_pairs.match(*folders)
    assert len(pairs) == 72
    copied = scoring.score(pairs, judge=judge, out=tmp_path / "out")
    assert {name: copied[name] for name in SCORES} == {name: once[name] for name in SCORES}
    numbers = {"num_pictures": 12, "num_sounds": 12, "num_photos": 12, "num_groups": 12}
    for scores, num in ((once, 0), (copied, 60)):
        copies = dict.fromkeys(("pictures", "sounds", "photos"), num)
        assert scores["pairs"].items() >= {**numbers, "num_copies": copies}.items()


def test_a_photo_beside_a_copy_of_a_picture_alone_is_no_crash(judge, tmp_path):
    def write(name, shade):
        path = tmp_path / name
        path.write_bytes(image.encode_png(np.full((40, 40, 3), shade, np.uint8)))
        return str(path)

    pairs = []
    for name, shade in SHADES.items():
        photos = [write(f"{name} photo {number}.png", shade + number) for number in range(2)]
        made = [write(f"{name} {number}.png", shade + number // 2) for number in (1, 2, 3)]
        for picture, number, photo in zip(made, (0, 1, 1), (0, 0, 1), strict=True):
            sound = f"{name} {number}"
            pairs.append(scored_pairs.Pair(picture, picture, sound, photos[photo], name, sound))
    scores = scoring.score(pairs, judge=judge, out=tmp_path / "out")
    assert scores["pairs"]["num_pictures"] == scores["pairs"]["num_photos"] == 4
    assert [row["num_items"] for row in scores["class_seen"]["rows"] if row["num_items"]] == [4, 4]


def test_figures_do_not_depend_on_where_the_files_lie(folders, judge, tmp_path):
    noise = np.random.default_rng(1)
    for path in folders[2].rglob("*.jpg"):
        path.write_bytes(image.encode_png(noise.integers(0, 256, (40, 40, 3), np.uint8)))
    found = []
    for place in ("here", "there", "elsewhere"):
        moved = [shutil.copytree(folder, tmp_path / place / folder.name) for folder in folders]
        found.append(
            scoring.score(scored_pairs.match(*moved)[0], judge=judge, out=tmp_path / "out")
        )
    assert found[0] == found[1] == found[2]


def test_one_photo_of_a_class_under_many_names_is_one(folders, judge, tmp_path):
    for path in folders[2].rglob("*.jpg"):
        path.write_bytes((path.parent / f"clip{path.parent.name == 'dark':02}.jpg").read_bytes())
    scores = scoring.score(scored_pairs.match(*folders)[0], judge=judge, out=tmp_path / "out")
    another = row_named(scores["label_match"]["rows"], "real_same_class")["match"]["1"]["micro"]
    generated = row_named(scores["fidelity"]["rows"], "generated")
    assert another["value"] is None and generated["precision"]["micro"]["value"] is None
    assert row_named(scores["diversity"]["rows"], "generated")["ratio"]["value"] is None
    assert scores["fidelity"]["num_real"] == scores["pairs"]["num_photos"] == 2
    assert scores["pairs"]["num_copies"] == {"pictures": 0, "sounds": 0, "photos": 10}


def test_a_recording_is_a_group_and_all_copies_of_its_sounds(folders, judge, tmp_path):
    pairs, _ = scored_pairs.match(*folders)
    sounds = [0, 0, 1, 2, 2, 3, 4, 5, 6, 7, 8, 9]
    for pair, number in zip(pairs, sounds, strict=True):
        pathlib.Path(pair.sound).write_text(f"sound {number}")
    groups = ["b", "a", "a", "a", "c", "c", *"defghi"]
    pairs = [
        dataclasses.replace(pair, group=group) for pair, group in zip(pairs, groups, strict=True)
    ]
    scores = scoring.score(pairs, judge=judge, out=tmp_path / "out")
    assert scores["pairs"]["num_sounds"] == 10 and scores["pairs"]["num_groups"] == 7
    assert scores["pairs"]["num_pictures"] == 12  # two of one sound that differ


def test_sounds_that_are_not_there_are_told(folders, judge, tmp_path, caplog):
    pairs, _ = scored_pairs.match(*folders)
    pathlib.Path(pairs[3].sound).unlink()
    scores = scoring.score(pairs, judge=judge, out=tmp_path / "out")
    assert scores["pairs"]["num_sounds"] == 12
    assert f"1 pairs have sounds that are not there, such as {pairs[3].sound!r}" in caplog.text


def test_classes_that_differ_by_case_or_unicode_form_are_one(folders, judge, tmp_path, caplog):
    pairs = scored_pairs.match(*folders)[0]
    names = ["Dunkel", "dunkel", "Fore\u0302t", "for\u00eat"]
    pairs = [
        dataclasses.replace(pair, class_name=names[row // 6 * 2 + row % 2])
        for row, pair in enumerate(pairs)
    ]
    ids = [pair.name for pair in pairs]
    classes = {"class_names": [names[2], "DUNKEL"], "classes": np.eye(2, 12)}
    np.savez(tmp_path / "pictures.npz", ids=ids, pictures=np.eye(12), **classes)
    scores = scoring.score(
        pairs, judge=judge, image_embeddings=tmp_path / "pictures.npz", out=tmp_path / "out"
    )
    assert scores["pairs"]["class_names"] == ["dunkel", names[3]]
    assert scores["class_name_recall"]["num_classes"] == 2
    assert "one class, 'dunkel': 'Dunkel', 'dunkel'" in caplog.text


def test_a_thumbnail_among_pictures_is_refused_and_other_sizes_are_told(
    folders, judge, tmp_path, caplog
):
    pairs = scored_pairs.match(*folders)[0]

    def shrink(side):
        small = image.encode_png(np.full((side, 40, 3), 9, np.uint8))
        pathlib.Path(pairs[4].picture).write_bytes(small)

    shrink(8)
    message = f"{pairs[4].picture}: a side of 8 pixels, .* half of them have 40 or more. Leave"
    with pytest.raises(UserError, match=message):
        scoring.score(pairs, judge=judge, out=tmp_path / "out")
    shrink(30)
    assert scoring.score(pairs, judge=judge, out=tmp_path / "out")["settings"]["side"] == 30
    assert "pictures of 30 to 40 pixels: all are seen at 30, the side of" in caplog.text


@pytest.fixture
def embeddings(folders, tmp_path):
    pairs = scored_pairs.match(*folders)[0]
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
    bad = np.where(np.arange(12)[:, None] % 9 == 3, np.nan, np.eye(12))
    refused(f"'sounds' of '{ids[3]}' is not finite, one of 1 such", ids=ids, sounds=bad)
    refused("is .11, 12. for 12 'ids'; it needs a row for each", ids=ids, sounds=np.eye(11, 12))
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


@pytest.mark.parametrize("picture", [".", "/", ".."])
def test_a_folder_for_a_picture_is_named(tmp_path, judge, picture):
    path = tmp_path / "pairs.csv"
    path.write_text(f"picture,sound,photo\n{picture},s.wav,q.jpg\n")
    with pytest.raises(UserError, match="not a regular file"):
        scoring.score(scored_pairs.read_pairs(path), judge=judge, out=tmp_path / "out")
