"""What copies of sounds are made of."""

import dataclasses

from tfrecords_tools.engine.rows import Item, Pair
from tfrecords_tools.stages import views


def test_a_copy_is_another_where_either_of_its_sounds_is():
    items = [Item(f"{name}.wav", "sound", f"{name}.wav", name, content=name) for name in "abc"]
    pairs = [
        Pair(f"{item.id}|photo", item.id, "photo", item.group, class_name=item.group, split="train")
        for item in items
    ]
    copied = [*views.with_views(pairs, 2)]
    wanted = {key for pair in copied for key in pair.item_keys}

    def rows(items):
        return {item.id: item for item in views.view_items(items, copied, wanted, seed=0)}

    before = rows(items)
    assert len(before) == 9
    changed = [dataclasses.replace(items[0], content="new"), *items[1:]]
    different = {name for name, row in rows(changed).items() if row != before[name]}
    beneath = {name for name, row in before.items() if row.underneath == "a.wav"}
    assert beneath
    assert different == beneath | {"a.wav", "a.wav#view=1", "a.wav#view=2"}
