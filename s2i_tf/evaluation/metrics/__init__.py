"""The metrics by name, in the order in which the page shows them.

Each is one file here and one line below: what it measures from the predictions, and its tables,
which stand in the page, in the terminal and in the results page alike.
"""

from s2i_tf.evaluation.metrics.cause_correlation import CauseCorrelation
from s2i_tf.evaluation.metrics.class_heard import ClassHeard
from s2i_tf.evaluation.metrics.class_seen import ClassSeen
from s2i_tf.evaluation.metrics.confidence import Confidence
from s2i_tf.evaluation.metrics.diversity import Diversity
from s2i_tf.evaluation.metrics.fidelity import Fidelity
from s2i_tf.evaluation.metrics.label_match import LabelMatch
from s2i_tf.evaluation.metrics.memorization import Memorization
from s2i_tf.evaluation.metrics.metric import Metric
from s2i_tf.evaluation.metrics.photo_to_sound import PhotoToSoundMatch
from s2i_tf.evaluation.metrics.qualities import Qualities
from s2i_tf.evaluation.metrics.retrieval import Retrieval
from s2i_tf.evaluation.metrics.similarity import (
    AudioImageSimilarity,
    ClassNameRecall,
    ImageImageSimilarity,
)
from s2i_tf.evaluation.metrics.unseen_sources import UnseenSources

METRICS: dict[str, Metric] = {
    "unseen_sources": UnseenSources(),
    "confidence": Confidence(),
    "retrieval": Retrieval(),
    "label_match": LabelMatch(),
    "class_seen": ClassSeen(),
    "class_heard": ClassHeard(),
    "fidelity": Fidelity(),
    "diversity": Diversity(),
    "memorization": Memorization(),
    "cause_correlation": CauseCorrelation(),
    "photo_to_sound": PhotoToSoundMatch(),
    "qualities": Qualities(),
}

# What `s2i score` measures of anybody's pictures.
SCORES: dict[str, Metric] = {
    **{name: METRICS[name] for name in ("label_match", "class_seen", "fidelity", "diversity")},
    "audio_image_similarity": AudioImageSimilarity(),
    "image_image_similarity": ImageImageSimilarity(),
    "class_name_recall": ClassNameRecall(),
}
