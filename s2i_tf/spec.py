"""The fixed numbers of the system: each constant once, with the section of the paper.

The paper is "Generating Images from Sounds Using Multimodal Features and GANs" (ICLR 2019
submission). Everything that two modules must agree on and that no configuration may change
stands here; what a configuration may change stands in `s2i_tf.config`.
"""

# Sound (section 3). A waveform is float32, one channel, SAMPLE_RATE_HZ, within ±WAVEFORM_SCALE.
SAMPLE_RATE_HZ = 22_050
WAVEFORM_SCALE = 256.0

# SoundNet's pool5 has 16 steps of 256 channels, hence 4096 values, for 5.78 s to 6.15 s of sound
# (section 4); its label heads need at least 9.5 s. So one sound gives two windows.
FEATURE_SECONDS = 6
FEATURE_SAMPLES = FEATURE_SECONDS * SAMPLE_RATE_HZ
FEATURE_STEPS = 16
LABEL_SECONDS = 20
LABEL_SAMPLES = LABEL_SECONDS * SAMPLE_RATE_HZ

# Features of either modality (section 4): VGG-16 fc6 and SoundNet pool5 both have 4096 values,
# seen by the GANs as a square map that is up-sampled twice (sections 5.2 and 5.4).
FEATURE_SIZE = 4096
FEATURE_SIDE = 64
MAP_SIDE = 128
FEATURE_SCALINGS = ("none", "standardize", "log_standardize")

# The hidden layer of the multimodal layers (section 5.3), by Keras' names; the paper does not say
# which activation it has.
ACTIVATIONS = ("relu", "leaky_relu", "elu", "selu", "gelu", "silu", "softplus", "tanh", "linear")
HIDDEN_NORMALIZATIONS = ("none", "after", "both")

# Pictures (section 5.2): square, RGB.
IMAGE_SIDE = 128
IMAGE_SIDES = (64, 128, 256)
IMAGE_CHANNELS = 3

# Labels of the agreement filter (section 3) and of the evaluation (section 5.4).
NUM_IMAGENET_LABELS = 1000
AGREEMENT_TOP_K = 3
MATCH_TOP_KS = (1, 3, 5, 10)

# Shares of the recordings (section 3).
TRAIN_SHARE = 0.9
TRAIN_SPLIT = "train"
EVAL_SPLIT = "eval"
SPLITS = (TRAIN_SPLIT, EVAL_SPLIT)

# What a model says of a sound: from this score on it is like what trained it.
KNOWN_SCORE = 0.5
