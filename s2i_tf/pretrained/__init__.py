"""The trained models that the package carries, so that it works on a machine that never trained."""

import pathlib

# Trained by `configs/realpairs/best.py`; its `README.md` is the model card.
REALPAIRS = pathlib.Path(__file__).resolve().parent / "realpairs"
