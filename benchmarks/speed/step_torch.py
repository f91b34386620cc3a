"""The PyTorch side of `benchmarks.speed.step`: pix2pix after its published description.

The same layers, initial values, losses and order of updates as our `trainers.gan_trainer`, in the
setting that is fastest on a CPU: channels last, the fused Adam, bfloat16 by autocast. Maps are
[batch, channels, side, side].
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from benchmarks.speed import step
from benchmarks.speed.workers import Step, serve

_LAST = torch.channels_last


class UNet(nn.Module):
    """As `s2i_tf.models.unet`; its parts have the names of the layers there."""

    def __init__(
        self, in_channels: int, out_channels: int, filters: int, side: int, dropout: float
    ):
        super().__init__()
        num_layers = side.bit_length() - 1
        widths = [filters * min(2**depth, 8) for depth in range(num_layers)]
        self.depths, self.dropout = range(num_layers), dropout
        self.parts = nn.ModuleDict()
        for depth, (before, width) in enumerate(zip([in_channels, *widths], widths, strict=False)):
            normed = depth not in (0, num_layers - 1)
            self.parts[f"down{depth}_conv"] = nn.Conv2d(before, width, 4, 2, 1, bias=not normed)
            if normed:
                self.parts[f"down{depth}_norm"] = nn.BatchNorm2d(width)
        before = widths[-1]
        for depth in reversed(self.depths[:-1]):
            conv = nn.ConvTranspose2d(before, widths[depth], 4, 2, 1, bias=False)
            self.parts[f"up{depth}_conv"] = conv
            self.parts[f"up{depth}_norm"] = nn.BatchNorm2d(widths[depth])
            before = 2 * widths[depth]
        self.parts["out_conv"] = nn.ConvTranspose2d(before, out_channels, 4, 2, 1)

    def forward(self, x):
        """Maps in [-1, 1]."""
        parts, encoded = self.parts, []
        for depth in self.depths:
            x = parts[f"down{depth}_conv"](functional.leaky_relu(x, 0.2) if depth else x)
            if f"down{depth}_norm" in parts:
                x = parts[f"down{depth}_norm"](x)
            encoded.append(x)
        for block, depth in enumerate(reversed(self.depths[:-1])):
            x = parts[f"up{depth}_norm"](parts[f"up{depth}_conv"](functional.relu(x)))
            if block < 3:
                x = functional.dropout(x, self.dropout)
            x = torch.cat([x, encoded[depth]], 1)
        return torch.tanh(parts["out_conv"](functional.relu(x)).float())


class PatchGan(nn.Module):
    """As `s2i_tf.models.patchgan`; its parts have the names of the layers there."""

    def __init__(self, in_channels: int, filters: int):
        super().__init__()
        self.parts = nn.ModuleDict()
        before = in_channels
        for depth, stride in enumerate((2, 2, 2, 1)):
            width = filters * 2**depth
            self.parts[f"conv{depth}"] = nn.Conv2d(before, width, 4, stride, 1, bias=not depth)
            if depth:
                self.parts[f"conv{depth}_norm"] = nn.BatchNorm2d(width)
            before = width
        self.parts["scores"] = nn.Conv2d(before, 1, 4, 1, 1)

    def forward(self, condition, target):
        """Scores."""
        x = torch.cat([condition, target], 1)
        for name, part in self.parts.items():
            x = part(x)
            # After the norm, or after the first layer, which has none.
            if name == "conv0" or name.endswith("_norm"):
                x = functional.leaky_relu(x, 0.2)
        return x.float()


class Trainer:
    """Both players, their optimizers and the step.

    Args:
      filters: of both players' first layers.
      side: of the maps.
      precision: a Keras dtype policy.
      dropout: of the generator.
      epsilon: of Adam.
      compiled: whether both players go through `torch.compile`.
    """

    def __init__(
        self,
        *,
        filters: int,
        side: int,
        precision: str = "float32",
        dropout: float = step.DROPOUT,
        epsilon: float = step.EPSILON,
        compiled: bool = False,
    ):
        torch.manual_seed(0)
        self.generator = UNet(1, 3, filters, side, dropout).to(memory_format=_LAST)
        self.discriminator = PatchGan(4, filters).to(memory_format=_LAST)
        self._optimizers = []
        for player in (self.generator, self.discriminator):
            player.apply(_initialize)
            betas = (step.BETA_1, step.BETA_2)
            self._optimizers.append(
                torch.optim.Adam(
                    player.parameters(), step.LEARNING_RATE, betas, epsilon, fused=True
                )
            )
        wrap: Callable = torch.compile if compiled else lambda player: player
        self._make, self._score = wrap(self.generator), wrap(self.discriminator)
        self._bfloat16 = precision == "mixed_bfloat16"

    def load(self, player: nn.Module, weights: Mapping[str, Sequence[np.ndarray]]) -> None:
        """Takes over Keras' weights, by the name of the layer."""
        with torch.no_grad():
            for name, part in player.parts.items():
                # Of a convolution Keras' last two axes come first here; biases are not everywhere,
                # and of a norm's four weights two are learnt.
                for here, value in zip(part.parameters(), weights[name], strict=False):
                    value = value if value.ndim == 1 else value.transpose(3, 2, 0, 1)
                    here.copy_(torch.tensor(value))

    def train_step(self, condition, target) -> tuple[float, float]:
        """One update of each player; the generator's and the discriminator's loss."""
        of_generator, of_discriminator = self._optimizers
        softplus = functional.softplus
        with self._precision():
            made = self._make(condition)
            real = self._score(condition, target)
            fake = self._score(condition, made.detach())
        loss = (softplus(-real).mean() + softplus(fake).mean()) / 2
        of_discriminator.zero_grad(set_to_none=True)
        loss.backward()
        of_discriminator.step()

        self.discriminator.requires_grad_(False)
        with self._precision():
            scores = self._score(condition, made)
        total = softplus(-scores).mean() + step.L1_WEIGHT * (target - made).abs().mean()
        of_generator.zero_grad(set_to_none=True)
        total.backward()
        of_generator.step()
        self.discriminator.requires_grad_(True)
        return total.item(), loss.item()

    def _precision(self):
        return torch.autocast("cpu", torch.bfloat16, enabled=self._bfloat16)


def as_maps(values: np.ndarray) -> torch.Tensor:
    """[batch, side, side, channels] as PyTorch sees it, without moving a number."""
    return torch.from_numpy(values).permute(0, 3, 1, 2)


def build(batch_size: int, precision: str, filters: int, side: int, compiled: bool = False) -> Step:
    """A training step on one batch."""
    trainer = Trainer(filters=filters, side=side, precision=precision, compiled=compiled)
    condition, target = (as_maps(values) for values in step.made_up(batch_size, side))
    return lambda: trainer.train_step(condition, target)


def _initialize(part: nn.Module) -> None:
    if isinstance(part, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(part.weight, 0.0, 0.02)
        if part.bias is not None:
            nn.init.zeros_(part.bias)
    elif isinstance(part, nn.BatchNorm2d):
        nn.init.normal_(part.weight, 1.0, 0.02)


if __name__ == "__main__":
    serve(build)
