"""What a training run left behind that a report can show: losses, sample grids, configuration."""

import json
import logging
import os
import pathlib

import numpy as np

_METRICS_FILE = "metrics.jsonl"
_SAMPLES_FOLDER = "samples"
_STEP = "step"

_log = logging.getLogger(__name__)


def read_curves(run: str | os.PathLike, stage: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Every number that a stage logged, by name.

    Args:
      run: the run's folder.
      stage: name of the stage.

    Returns:
      Steps and values, float [logged] each, in the order of their first line; empty if the stage
      logged nothing. The cut last line of a killed run is left out.
    """
    try:
        lines = (pathlib.Path(run) / stage / _METRICS_FILE).read_text(errors="replace").splitlines()
    except OSError:
        return {}
    points: dict[str, list[tuple[float, float]]] = {}
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
            step = float(entry[_STEP])
        except (ValueError, TypeError, KeyError):
            _log.warning("%s: line %d of %s left out", stage, number, _METRICS_FILE)
            continue
        for name, value in entry.items():
            if name != _STEP and isinstance(value, int | float):
                points.setdefault(name, []).append((step, float(value)))
    return {name: tuple(np.array(values).T) for name, values in points.items()}


def sample_grids(run: str | os.PathLike, stage: str, max_grids: int) -> list[pathlib.Path]:
    """The sample grids that a stage drew, in the order of their names, evenly thinned.

    Args:
      run: the run's folder.
      stage: name of the stage.
      max_grids: how many to keep, at least two; the first and the last always are.
    """
    grids = sorted((pathlib.Path(run) / stage / _SAMPLES_FOLDER).glob("*.png"))
    if len(grids) <= max_grids:
        return grids
    return [grids[round(index)] for index in np.linspace(0, len(grids) - 1, max_grids)]
