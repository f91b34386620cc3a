"""Fixtures that all serving tests share."""

import dataclasses

import pytest


@pytest.fixture
def dataset_with_sounds(make_dataset, tmp_path):
    """Writes a tiny prepared data set whose source has the sounds of a split."""

    def make(split, num_sounds):
        from s2i_tf.media import audio
        from s2i_tf.serving import examples

        folder = make_dataset(tmp_path / "data", **{f"num_{split}": num_sounds})
        (folder / "sounds").mkdir()
        for index, sound in enumerate(examples.sounds(1, num_sounds)):
            contents = audio.encode_audio(sound * 256, "wav")
            (folder / "sounds" / f"{split}{index}.wav").write_bytes(contents)
        return folder

    return make


@pytest.fixture(scope="session")
def small(toy):
    """The toy model with another image generator, of few ops: quicker to trace and to convert."""
    from s2i_tf.models import build_generator

    generator = build_generator("decoder", (4096,), (128, 128, 3), filters=2, seed=0)
    for variable in generator.trainable_variables:
        variable.assign(variable * 2.5)
    return dataclasses.replace(toy.model, image_generator=generator)


@pytest.fixture(scope="session")
def loaded(exported):
    """The export's signatures, in this process."""
    import tensorflow as tf

    return tf.saved_model.load(str(exported.folder)).signatures
