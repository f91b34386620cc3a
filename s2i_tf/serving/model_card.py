"""The model card that travels with an export, written from the facts of `model.json`."""

from collections.abc import Mapping, Sequence
from typing import Any

_TEXT = """\
# Pictures from sounds

Takes a sound and draws a picture of what may have made it: multimodal layers and two stacked
conditional GANs, after "Generating Images from Sounds Using Multimodal Features and GANs" (ICLR
2019 submission).

- **In**: sound of 1 sample to {max_seconds} s, of which {window_seconds:g} s count
  ({window}).
  Waveforms are mono at {sample_rate_hz} Hz, in [-1, 1]; WAV files are 16-bit PCM of any usual rate
  and channel count.
- **Out**: RGB pictures of {side}×{side}, in [0, 1] or as PNG; {pictures}.
- **Signatures**: {signatures}.
- **Classes of the training** ({num_classes}): {classes}.
- **Sound net**: {sound_net}. **Image net** (for image features): {image_net}.
- **Made with** {versions}.

## What it cannot do

It knows the classes above and no others: any sound is drawn as the mixture of them that its
features suggest, silence and speech too, and nothing says how sure it is. Its pictures show what
such a sound comes with in the training data, not what made this very sound. They are no evidence of
anything, and no photo of a person or place.
"""


def text(facts: Mapping[str, Any], signatures: Sequence[str]) -> str:
    """The card, as Markdown.

    Args:
      facts: what a caller must know of the model, as `saved_model.facts` gives it.
      signatures: the names of the signatures.
    """
    sound = facts["sound"]
    num_pictures = facts["max_pictures"]
    return _TEXT.format(
        max_seconds=sound["max_seconds"],
        sample_rate_hz=sound["sample_rate_hz"],
        window=sound["window"],
        window_seconds=sound["window_samples"] / sound["sample_rate_hz"],
        side=facts["image"]["side"],
        pictures=f"up to {num_pictures} a sound" if num_pictures > 1 else "one a sound",
        signatures=", ".join(f"`{name}`" for name in signatures),
        num_classes=len(facts["class_names"]),
        classes=", ".join(facts["class_names"]),
        sound_net=_net(facts, "sound"),
        image_net=_net(facts, "image"),
        versions=", ".join(f"{name} {version}" for name, version in facts["versions"].items()),
    )


def _net(facts: Mapping[str, Any], modality: str) -> str:
    fingerprint = facts["fingerprints"][f"{modality}_fingerprint"]
    return f"`{facts['extractors'][modality]}`, fingerprint `{fingerprint}`"
