"""Models of random weights, for tests of what is made from a trained one."""

NUM_CLASSES = 3
SMALLEST_HIDDEN = 8
HIDDEN = 1024  # so few that a model is quick to save, so many that weights are most of a file


def build_smallest_model(class_names, fingerprints, scale=1.0, sound_index=None):
    """A SoundToImage of vectors alone, with few weights; of both directions with a sound index.

    Args:
      class_names: of the model.
      fingerprints: digests of the nets whose features it takes, by modality.
      scale: what fresh weights are multiplied by; the larger, the less grey is in the pictures.
      sound_index: the model's.
    """
    from s2i_tf import spec
    from s2i_tf.models import build_generator
    from s2i_tf.models.multimodal import MultimodalLayers
    from s2i_tf.models.sound_to_image import SoundToImage

    layers = MultimodalLayers(len(class_names), hidden_units=SMALLEST_HIDDEN)
    layers.build()
    vector, vector_out = (SMALLEST_HIDDEN,), (spec.FEATURE_SIZE,)
    settings = {"filters": 2, "dropout": 0.5, "seed": 0}
    made = SoundToImage(
        layers,
        build_generator("feature_decoder", vector, vector_out, **settings),
        build_generator("decoder", vector_out, (128, 128, 3), filters=2, seed=0),
        class_names=class_names,
        fingerprints={f"{kind}_fingerprint": digest for kind, digest in fingerprints.items()},
        extractors={"sound": "soundnet_pool5", "image": "efficientnet_lite2_map"},
        nets={},
    )
    if sound_index is not None:
        made.reverse_generator = build_generator("feature_decoder", vector, vector_out, **settings)
        made.sound_index = sound_index
    for part in (made.multimodal, made.feature_generator, made.image_generator):
        for variable in part.trainable_variables:
            variable.assign(variable * scale)
    return made


def build_toy_model(dropout=0.5, filters=4):
    """A SoundToImage of random weights whose pictures depend visibly on what it is given."""
    import keras

    from s2i_tf import features, spec
    from s2i_tf.models import build_generator
    from s2i_tf.models.hearing import Hearing
    from s2i_tf.models.multimodal import MultimodalLayers
    from s2i_tf.models.sound_to_image import SoundToImage

    keras.utils.set_random_seed(0)
    layers = MultimodalLayers(NUM_CLASSES, hidden_units=HIDDEN)
    layers.build()
    # One generator of each kind, of vectors and of maps: what converts them takes its time by ops.
    vector, vector_out, side = (HIDDEN,), (spec.FEATURE_SIZE,), (128, 128)
    generators = [
        build_generator("feature_decoder", vector, vector_out, filters=filters, seed=0),
        build_generator("unet", (*side, 1), (*side, 3), filters=filters, dropout=dropout, seed=0),
    ]
    for variable in generators[0].get_layer("to_features").trainable_variables:
        variable.assign(variable / 100)  # of sound features that are not standardised
    for variable in generators[1].trainable_variables:
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
