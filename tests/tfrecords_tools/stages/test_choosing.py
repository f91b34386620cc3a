"""The pure parts of pairing, refining, balancing and splitting."""

import dataclasses
import itertools

import pytest

from s2i_tf.data import trained_on
from s2i_tf.data.trained_on import TrainedOn
from s2i_tf.errors import UserError
from tfrecords_tools.engine import rows
from tfrecords_tools.engine.rows import Item, Labels, Pair
from tfrecords_tools.stages import balance, pair, refine, split


def items(modality: str, count: int, class_name: str = "bell", **more) -> list[Item]:
    return [
        Item(
            id=f"{modality}s/{class_name}/{index}",
            modality=modality,
            path=f"{modality}s/{class_name}/{index}",
            group=f"{modality}-{class_name}-{index}",
            content=f"{modality}{class_name}{index}",
            class_name=class_name,
            **more,
        )
        for index in range(count)
    ]


def pairs(count: int, class_name: str = "bell", side: str = "") -> list[Pair]:
    return [
        Pair(
            id=f"{class_name}{side}{index}",
            sound_id=f"{class_name}{side}{index}",
            image_id=f"{class_name}{side}{index}",
            group=f"{class_name}{index}",
            contents=(f"{class_name}{index}",),
            class_name=class_name,
            split=side,
        )
        for index in range(count)
    ]


def test_rows_survive_their_lines():
    (item,) = items("sound", 1)
    verdict = refine.Verdict("id", pairs(1)[0], refine.AGREE, ("a", "b"), ("b",))
    assert rows.from_lines(Item, rows.to_lines([item])) == [item]
    assert rows.from_lines(refine.Verdict, rows.to_lines([verdict])) == [verdict]


@pytest.mark.parametrize(("num_sounds", "num_images"), [(5, 5), (7, 3), (2, 9), (1, 4), (1, 1)])
def test_draw_uses_all_and_repeats_no_pair(num_sounds, num_images):
    sounds, images = items("sound", num_sounds), items("image", num_images)
    drawn = pair.draw(sounds, images, "salt")
    assert len(drawn) == len({row.id for row in drawn}) == max(num_sounds, num_images)
    assert {row.sound_id for row in drawn} == {item.id for item in sounds}
    assert {row.image_id for row in drawn} == {item.id for item in images}
    # Reuse is spread evenly, and the first draws repeat nothing.
    uses = [sum(row.sound_id == item.id for row in drawn) for item in sounds]
    assert max(uses) - min(uses) <= 1
    few = min(num_sounds, num_images)
    assert (
        len({row.sound_id for row in drawn[:few]})
        == len({row.image_id for row in drawn[:few]})
        == few
    )


def test_draw_depends_on_the_salt_and_not_on_the_order():
    sounds, images = items("sound", 6), items("image", 6)
    assert pair.draw(sounds, images, "a") == pair.draw(sounds[::-1], images[::-1], "a")
    assert pair.draw(sounds, images, "a") != pair.draw(sounds, images, "b")
    assert pair.draw(sounds, [], "a") == []


def test_pairs_by_nature_come_before_the_draw():
    natural = [
        dataclasses.replace(item, belongs_to=f"scene{index}")
        for modality in ("sound", "image")
        for index, item in enumerate(items(modality, 3))
    ]
    drawn = list(pair.pair_items(natural, 0, by_class=True))
    assert sorted((row.sound_id, row.image_id) for row in drawn) == [
        (f"sounds/bell/{index}", f"images/bell/{index}") for index in range(3)
    ]


def test_pairs_stay_within_class_and_side():
    mixed = [
        dataclasses.replace(item, split="train" if index % 2 else "eval")
        for name in ("bell", "drum")
        for modality in ("sound", "image")
        for index, item in enumerate(items(modality, 4, name))
    ]
    sides = {item.id: (item.class_name, item.split) for item in mixed}
    drawn = list(pair.pair_items(mixed, 1, by_class=True))
    assert len(drawn) == 8
    for row in drawn:
        assert sides[row.sound_id] == sides[row.image_id] == (row.class_name, row.split)


def test_merged_groups_are_transitive():
    merged = split.merge_groups([("b", "a"), ("c", "d"), ("d", "b")])
    assert merged == dict.fromkeys("abcd", "a")


def test_split_keeps_groups_and_copies_together_and_the_share_of_each_class():
    sounds = [
        dataclasses.replace(item, group=f"{item.class_name}{index // 2}")
        for name in ("bell", "drum")
        for index, item in enumerate(items("sound", 40, name))
    ]
    copy = dataclasses.replace(sounds[0], id="copy", group="elsewhere")
    both = dataclasses.replace(sounds[1], id="both", group="drum3")  # a recording of two classes
    divided = list(split.split([*sounds, copy, both], 0, 0.9))
    assert len(divided) == 82
    sides = {}
    for row in divided:
        sides.setdefault(row.group, set()).add(row.split)
    assert all(len(side) == 1 for side in sides.values())
    by_id = {row.id: row for row in divided}
    assert by_id["copy"].group == by_id[sounds[0].id].group
    for name in ("bell", "drum"):
        num_eval = sum(row.split == "eval" for row in divided if row.class_name == name)
        assert 2 <= num_eval <= 7


def test_split_moves_nothing_else_when_a_class_joins():
    bells, drums = items("sound", 30), items("sound", 30, "drum")
    alone = {row.id: row.split for row in split.split(bells, 0, 0.9)}
    joined = {row.id: row.split for row in split.split(bells + drums, 0, 0.9)}
    assert alone == {key: joined[key] for key in alone}


def test_split_of_a_model_parts_what_it_was_trained_on_from_all_else():
    sounds, photos = items("sound", 6), items("image", 4)
    clip = dataclasses.replace(sounds[0], id="clip", content="clip")  # of a known recording
    copy = dataclasses.replace(photos[0], id="copy", group="copy")  # of a known photo
    by_content, by_recording = photos[0].content, sounds[0].group
    known = TrainedOn(
        recordings=trained_on._hashes("recording", [by_recording]),
        contents=trained_on._hashes("content", [by_content, sounds[0].content]),
        paths=trained_on._hashes("sound", [sounds[1].id]),  # another file of the same plain name
        num_sounds=1,
        num_images=1,
    )
    divided = list(split.split([*sounds, *photos, clip, copy], 0, 0.9, known))
    training = {row.id for row in divided if row.split == "train"}
    assert training == {sounds[0].id, "clip", photos[0].id, "copy"}
    assert {row.split for row in divided if row.id not in training} == {"eval"}


def test_split_of_a_model_knows_a_recording_that_shares_a_file_with_a_new_one():
    one, other = items("sound", 2)
    known = TrainedOn(
        recordings=trained_on._hashes("recording", ["zz tape"]),
        contents=trained_on._hashes("content", ["gone"]),
        paths=trained_on._hashes("sound", []),
        num_sounds=1,
        num_images=0,
    )
    tape = [dataclasses.replace(one, group="zz tape"), dataclasses.replace(other, group="zz tape")]
    new = dataclasses.replace(one, id="new", group="aa first")  # the same file, in a new recording
    divided = list(split.split([*tape, new], 0, 0.9, known))
    assert {(row.group, row.split) for row in divided} == {("aa first", "train")}


def labels(modality: str, item_id: str, *names: str) -> Labels:
    return Labels(item_id, modality, names, tuple(float(-n) for n in range(len(names))))


def test_refine_keeps_what_meets_and_accounts_for_the_rest():
    four = [dataclasses.replace(row, class_name="") for row in pairs(4)]
    known = [
        labels("sound", "bell0", "dog", "cat", "car"),
        labels("image", "bell0", "fox", "cat", "dog"),
        labels("sound", "bell1", "dog", "cat", "car"),
        labels("image", "bell1", "tree", "sea", "sky"),
        labels("sound", "bell2", "dog", "cat", "car"),
        labels("sound", "bell3", "dog", "cat", "car", "sea"),
        labels("image", "bell3", "sea", "sky", "sun", "dog"),
    ]
    verdicts = refine.refine(four, known, "sets_meet", 3)
    assert {row.id: (row.reason, row.pair.class_name) for row in verdicts} == {
        "bell0": (refine.AGREE, "cat"),  # 1 + 1 beats dog's 0 + 2 by name only
        "bell1": (refine.DISAGREE, ""),
        "bell2": (refine.UNLABELLED, ""),
        "bell3": (refine.DISAGREE, ""),
    }


def test_refine_keeps_the_name_that_the_source_gave():
    known = [labels("sound", "bell0", "dog"), labels("image", "bell0", "dog")]
    verdicts = refine.refine(pairs(1), known, "sets_meet", 1)
    assert [row.pair.class_name for row in verdicts if row.kept] == ["bell"]


@pytest.mark.parametrize("rule", refine.RULES.values(), ids=refine.RULES)
def test_rules_are_symmetric_and_agree_only_on_common_labels(rule):
    names = ["a", "b", "c", "d"]
    for sound, image in itertools.product(itertools.permutations(names, 2), repeat=2):
        agreed = rule(sound, image)
        assert set(agreed) <= set(sound) & set(image)
        assert set(agreed) == set(rule(image, sound))
        if sound[0] == image[0]:
            assert agreed[0] == sound[0]


def test_stricter_rules_keep_less():
    sound, image = ("a", "b", "c"), ("d", "b", "e")
    assert [len(rule(sound, image)) for rule in refine.RULES.values()] == [1, 0, 0]


def test_classifiers_without_common_labels_are_refused():
    with pytest.raises(UserError, match="no label in common"):
        refine.check_labels(("tench",), ("a tench",))


def test_balance_gives_equal_classes_of_those_large_enough():
    given = pairs(10, "bell") + pairs(6, "drum") + pairs(3, "horn")
    kept = list(balance.balance(given, 0, 0.9, num_classes=2, instances_per_class=5))
    counts = {
        name: sum(row.class_name == name for row in kept) for name in ("bell", "drum", "horn")
    }
    assert counts == {"bell": 5, "drum": 5, "horn": 0}
    assert {row.id for row in kept} == {
        row.id for row in balance.balance(given[::-1], 0, 0.9, 2, 5)
    }


def test_balance_gives_each_side_its_share():
    given = pairs(30, side="train") + pairs(4, side="eval") + pairs(30, "drum", "train")
    kept = list(balance.balance(given, 0, 0.9, instances_per_class=20))
    assert sum(row.split == "train" for row in kept) == 18
    assert sum(row.split == "eval" for row in kept) == 2
    assert {row.class_name for row in kept} == {"bell"}


def test_maximum_keeps_small_classes_and_prefers_low_ranks():
    given = [dataclasses.replace(row, rank=index) for index, row in enumerate(pairs(9))]
    kept = balance.balance(given + pairs(2, "drum"), 0, 0.9, max_pairs_per_class=4)
    assert sorted(row.id for row in kept) == ["bell0", "bell1", "bell2", "bell3", "drum0", "drum1"]
    assert sorted(balance.balance(given, 0, 0.9), key=lambda row: row.id) == given


def test_too_few_large_classes_are_an_error():
    counts = {("bell", ""): 10, ("drum", ""): 2}
    with pytest.raises(UserError, match="1 classes have 5 pairs; 2 are needed"):
        balance.choose_classes(counts, 2, 5, 0.9, 0)
