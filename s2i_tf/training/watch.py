"""What stops a training, and what it warns about.

A batch or a logged value that is a NaN or an infinity stops it. Two signs of a discriminator that
no longer teaches are warned about once they have lasted for five logs in a row, and then at most
every twentieth log:

- overpowering: its loss has stayed below 5 % of the highest that was logged, which is about that
  of guessing. Losses that may be negative (WGAN) say nothing here and are left out.
- collapsing: it has scored generated examples as high as real ones, or higher.
"""

import logging
import math
from collections.abc import Mapping

from s2i_tf.errors import UserError

logger = logging.getLogger(__name__)

# Of an average: over how many steps, and the share of batches with a number that is not finite.
NUM_STEPS = "num_steps"
BAD_BATCHES = "bad_batches"
NOT_LOGGED = (NUM_STEPS, BAD_BATCHES)

_LOSS = "discriminator"
_REAL = "discriminator_real_score"
_FAKE = "discriminator_fake_score"
_OVERPOWERING_SHARE = 0.05
_LOGS_IN_A_ROW = 5
_LOGS_BETWEEN_WARNINGS = 20


def check_finite(means: Mapping[str, float], name: str, step: int, good: object) -> None:
    """Raises a UserError if something was not finite.

    Args:
      means: averages, `NUM_STEPS` and `BAD_BATCHES` among them.
      name: name of the stage.
      step: step that they end with.
      good: file of the last good state, for the message.
    """
    first = step - means[NUM_STEPS] + 1
    where = f"between steps {first} and {step}; the last good state is {good or 'none'}"
    if means[BAD_BATCHES]:
        raise UserError(f"{name}: a batch holds numbers that are not finite {where}")
    if bad := [key for key, value in means.items() if not math.isfinite(value)]:
        raise UserError(f"{name}: {', '.join(bad)} not finite {where}")


def balance(means: Mapping[str, float]) -> dict[str, float]:
    """How the two players stand to each other, from the logged averages; empty for one player."""
    found = {}
    if {_REAL, _FAKE} <= set(means):
        found["balance/score_gap"] = means[_REAL] - means[_FAKE]
    for name, one, other in (
        ("balance/loss_ratio", _LOSS, "generator_adversarial"),
        ("balance/gradient_ratio", f"{_LOSS}_gradient_norm", "generator_gradient_norm"),
    ):
        if one in means and means.get(other):
            found[name] = means[one] / means[other]
    return found


class DiscriminatorWatch:
    """Warns of a discriminator that has won or given up.

    Args:
      name: name of the stage.
    """

    def __init__(self, name: str):
        self._name = name
        self._highest_loss = 0.0
        self._may_be_negative = False
        self._in_a_row = {"overpowering": 0, "collapsing": 0}
        self._quiet = dict.fromkeys(self._in_a_row, 0)

    def look(self, step: int, means: Mapping[str, float], *, warn: bool = True) -> None:
        """Tells it the averages of a log; `warn` off only lets it know what was before."""
        if not {_LOSS, _REAL, _FAKE} <= set(means):
            return
        loss, gap = means[_LOSS], means[_REAL] - means[_FAKE]
        self._highest_loss = max(self._highest_loss, loss)
        self._may_be_negative |= loss < 0
        weak = not self._may_be_negative and loss < _OVERPOWERING_SHARE * self._highest_loss
        signs = {
            "overpowering": (
                weak,
                f"its loss of {loss:.3g} is below {_OVERPOWERING_SHARE:.0%} of its highest, "
                f"{self._highest_loss:.3g}",
            ),
            "collapsing": (gap <= 0, f"it scores generated examples {-gap:.3g} above real ones"),
        }
        for sign, (seen, reason) in signs.items():
            self._in_a_row[sign] = self._in_a_row[sign] + 1 if seen else 0
            self._quiet[sign] -= 1
            if warn and self._in_a_row[sign] >= _LOGS_IN_A_ROW and self._quiet[sign] <= 0:
                self._quiet[sign] = _LOGS_BETWEEN_WARNINGS
                logger.warning(
                    "%s step %d: the discriminator is %s: %s", self._name, step, sign, reason
                )
