"""The trained models that the package carries, so that it works on a machine that never trained."""

import os
import pathlib

# Trained by `configs/realpairs/best.py`; its `README.md` is the model card.
REALPAIRS = pathlib.Path(__file__).resolve().parent / "realpairs"


def given_or_own(*folders: str | os.PathLike | None) -> pathlib.Path:
    """The first folder that is not None, even one without a name; else the package's own model."""
    return pathlib.Path(next((one for one in folders if one is not None), REALPAIRS))
