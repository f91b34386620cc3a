"""One toy model and one export of it, shared by all serving tests."""

import types

import pytest

NUM_CLASSES = 3


def build_toy_model(dropout=0.5, filters=4):
    """A SoundToImage of random weights whose pictures depend visibly on what it is given."""
    import keras

    from s2i_tf import features
    from s2i_tf.models import build_generator
    from s2i_tf.models.hearing import Hearing
    from s2i_tf.models.multimodal import MultimodalLayers
    from s2i_tf.models.sound_to_image import SoundToImage

    keras.utils.set_random_seed(0)
    layers = MultimodalLayers(NUM_CLASSES)
    layers.build()
    settings = {"filters": filters, "dropout": dropout, "seed": 0}
    generators = [
        build_generator(
            "unet", (128, 128, 1), (128, 128, 1), output_activation="linear", **settings
        ),
        build_generator("unet", (128, 128, 1), (128, 128, 3), **settings),
    ]
    for generator in generators:
        for variable in generator.trainable_variables:
            variable.assign(variable * 2.5)
    extractor = features.load_extractor("soundnet_pool5", weights="random:0")
    hearing = Hearing(
        num_features=4096,
        num_classes=NUM_CLASSES,
        num_references=6,
        num_embedding=256,
        num_directions=4,
    )
    for variable in hearing.weights:
        variable.assign(keras.random.normal(variable.shape, seed=1))
    model = SoundToImage(
        layers,
        *generators,
        class_names=("rain", "sea", "siren"),
        fingerprints={
            "sound_fingerprint": extractor.fingerprint.digest,
            "image_fingerprint": "0123456789abcdef",
        },
        extractors={"sound": "soundnet_pool5", "image": "efficientnet_lite2_map"},
        nets={},
        hearing=hearing,
    )
    return model, extractor


@pytest.fixture(scope="session")
def toy():
    """The model and the net whose features it takes: attributes `model`, `extractor`."""
    model, extractor = build_toy_model()
    return types.SimpleNamespace(model=model, extractor=extractor)


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
def exported(toy, tmp_path_factory):
    """The finished export of the toy model."""
    from s2i_tf.serving import saved_model

    return saved_model.export(toy.model, toy.extractor, tmp_path_factory.mktemp("exported"))


@pytest.fixture(scope="session")
def loaded(exported):
    """The export's signatures, in this process."""
    import tensorflow as tf

    return tf.saved_model.load(str(exported.folder)).signatures
