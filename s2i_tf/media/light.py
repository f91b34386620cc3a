"""Colours as amounts of light: sRGB's curve, other primaries, films of high dynamic range.

Light is 1 for the white of a picture. Films of high dynamic range say how their values become light
(ITU-R BT.2100: PQ or HLG) and may be brighter than white, which BT.2408 puts at 203 cd/m².
"""

import functools

import numpy as np

# x and y of white, red, green and blue.
SRGB = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
# Other primaries and curves of films, by their numbers in ITU-T H.273.
_PRIMARIES = {
    9: (0.3127, 0.329, 0.708, 0.292, 0.17, 0.797, 0.131, 0.046),  # BT.2020
    12: (0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),  # Display P3
}
_UNSPECIFIED, _BT2020 = 2, 9
_PQ, _HLG = 16, 18
_WHITE_CD_PER_M2 = 203.0
# A display of HLG: its peak, and its exponent from the light of the scene to its own.
_HLG_PEAK_CD_PER_M2 = 1_000.0
_HLG_EXPONENT = 1.2
# Light up to here is shown as it is, more of it ever closer to white.
_KNEE = 0.8
_LARGEST = (1 << 16) - 1
_ROWS_AT_ONCE = 256


def from_srgb(values: np.ndarray) -> np.ndarray:
    """Light of sRGB's values in [0, 1]."""
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def to_srgb(light: np.ndarray) -> np.ndarray:
    """The values in [0, 1] that sRGB has for light in [0, 1]."""
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def matrix_to_srgb(chromaticity: tuple) -> np.ndarray | None:
    """From light of primaries to that of sRGB's, [3, 3]; None if there are no such primaries.

    Args:
      chromaticity: x and y of white, red, green and blue.
    """
    try:
        with np.errstate(all="ignore"):
            found = np.linalg.inv(_to_xyz(SRGB)) @ _to_xyz(chromaticity)
    except (ValueError, np.linalg.LinAlgError):
        return None
    return found if np.isfinite(found).all() else None


def _to_xyz(chromaticity: tuple) -> np.ndarray:
    """From light of primaries, given by white's, red's, green's and blue's x and y, to XYZ."""
    x, y = np.reshape(chromaticity, (4, 2)).T
    white, *primaries = np.stack([x / y, np.ones(4), (1 - x - y) / y], axis=1)
    matrix = np.transpose(primaries)
    return matrix * np.linalg.solve(matrix, white)


def is_wider_than_srgb(curve: int, primaries: int) -> bool:
    """Whether a film's colours must be converted, by their numbers in ITU-T H.273."""
    return curve in (_PQ, _HLG) or primaries in _PRIMARIES


def shown_in_srgb(values: np.ndarray, curve: int, primaries: int) -> np.ndarray:
    """A picture of such a film in sRGB, its lights brought below white as a display does.

    Args:
      values: uint16 [height, width, 3], the film's own.
      curve: from values to light, its number in ITU-T H.273.
      primaries: their number.

    Returns:
      Uint8 [height, width, 3].
    """
    light_of_value, srgb_of_light = _light_of_values(curve), _srgb_of_light()
    is_bright = curve in (_PQ, _HLG)
    if is_bright and primaries == _UNSPECIFIED:
        primaries = _BT2020
    matrix = matrix_to_srgb(_PRIMARIES.get(primaries, SRGB)).T.astype(np.float32)
    shown = np.empty(values.shape, np.uint8)
    for row in range(0, len(values), _ROWS_AT_ONCE):
        rows = slice(row, row + _ROWS_AT_ONCE)
        light = light_of_value[values[rows]]
        if curve == _HLG:
            scene = light @ np.array([0.2627, 0.678, 0.0593], np.float32)
            light = light * scene[..., None] ** np.float32(_HLG_EXPONENT - 1)
            light = light * np.float32(_HLG_PEAK_CD_PER_M2 / _WHITE_CD_PER_M2)
        if is_bright:
            light = _below_white(light)
        shown[rows] = srgb_of_light[(np.clip(light @ matrix, 0, 1) * _LARGEST).astype(np.uint16)]
    return shown


@functools.cache
def _light_of_values(curve: int) -> np.ndarray:
    """Light of each 16-bit value, float32 [65536]; of HLG that of the scene, at most 1."""
    values = np.arange(_LARGEST + 1) / _LARGEST
    if curve == _PQ:
        root = values ** (1 / 78.84375)
        light = np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)
        light = 10_000 * light ** (1 / 0.1593017578125) / _WHITE_CD_PER_M2
    elif curve == _HLG:
        high = (np.exp((values - 0.55991073) / 0.17883277) + 0.28466892) / 12
        light = np.where(values <= 0.5, values**2 / 3, high)
    else:
        light = from_srgb(values)
    return light.astype(np.float32)


@functools.cache
def _srgb_of_light() -> np.ndarray:
    """SRGB's value of each 16-bit amount of light, uint8 [65536]."""
    return (to_srgb(np.arange(_LARGEST + 1) / _LARGEST) * 255 + 0.5).astype(np.uint8)


def _below_white(light: np.ndarray) -> np.ndarray:
    """Light whose brightest channel is brought below 1, in the same hue."""
    brightest = light.max(axis=-1, keepdims=True)
    room = 1 - _KNEE
    eased = _KNEE + room * -np.expm1((_KNEE - brightest) / room)
    return np.where(brightest > _KNEE, light * eased / np.maximum(brightest, _KNEE), light)
