"""The sounds of the embedded data set, by class.

Each function makes one class: it takes the number of samples, the scene's causes and a generator
for everything that varies besides, and returns float32 [samples] of any level. Room, background
noise and level are added by `s2i_tf.data.foley`, because every class has them.
"""

from collections.abc import Callable, Mapping

import numpy as np

from s2i_tf import spec
from s2i_tf.data.foley import dsp
from s2i_tf.data.foley.causes import glide, lerp

_RATE = spec.SAMPLE_RATE_HZ

Causes = Mapping[str, float]
Synthesiser = Callable[[int, Causes, np.random.Generator], np.ndarray]


def rain(num_samples: int, causes: Causes, rng: np.random.Generator) -> np.ndarray:
    """A wash of distant drops and the patter of near ones, each a short damped ring."""
    force, shelter = causes["intensity"], causes["shelter"]
    treble = glide(8000, 900, shelter)
    wash = dsp.coloured_noise(rng, num_samples, dsp.band(rng.uniform(150, 500), treble, 1.2))
    wash *= 1 + 0.12 * dsp.wander(rng, num_samples, rng.uniform(0.5, 3))
    times = dsp.event_times(rng, num_samples / _RATE, glide(20, 140, force), 1.0)
    num, t = len(times), np.arange(220, dtype=np.float32) / _RATE
    pitch = (treble * rng.uniform(0.3, 0.8, num)).astype(np.float32)[:, None]
    decay = rng.uniform(0.001, 0.004, num).astype(np.float32)[:, None]
    gains = (rng.pareto(2.5, num) + 0.4).astype(np.float32)[:, None]
    drops = gains * np.exp(-t / decay) * np.sin(2 * np.pi * pitch * t)
    patter = dsp.scatter(num_samples, times, drops)
    return wash * lerp(0.12, 1.2, force) + patter * lerp(1.0, 0.6, force)


def sea_waves(num_samples: int, causes: Causes, rng: np.random.Generator) -> np.ndarray:
    """A steady roar, and surf that swells slowly and breaks at each wave."""
    storm, rate = causes["storm"], glide(0.42, 1.6, causes["rhythm"])
    treble = glide(6500, 700, storm)
    roar = dsp.coloured_noise(rng, num_samples, dsp.band(40, treble * 0.4, 1.0))
    surf = dsp.coloured_noise(rng, num_samples, dsp.band(treble * 0.12, treble, 1.3))
    seconds = num_samples / _RATE
    # Waves before the start and after the end reach into the sound.
    times = dsp.event_times(rng, seconds + 3 / rate, rate, 0.08) - 1.5 / rate
    t = np.arange(0, seconds, 0.01)
    since = (t - times[:, None]) * rate
    swell = np.exp(-0.5 * (since / np.where(since < 0, 0.22, 0.3)) ** 2)
    strength = rng.uniform(0.8, 1.1, len(times))
    envelope = strength @ swell
    breaking, rolling = (
        np.interp(np.arange(num_samples) / _RATE, t, gain).astype(np.float32)
        for gain in (0.05 + envelope**1.5, 0.25 + 0.35 * envelope)
    )
    return surf * breaking + roar * rolling


def siren(num_samples: int, causes: Causes, rng: np.random.Generator) -> np.ndarray:
    """A wail, a yelp or two alternating tones, slightly bent by the vehicle's motion."""
    centre, rate = glide(420, 1500, causes["pitch"]), glide(0.4, 4.5, causes["urgency"])
    t = np.arange(num_samples, dtype=np.float32) / _RATE
    turns = rate * t + np.float32(rng.random())
    kind = rng.integers(3)
    if kind == 0:
        swing = np.tanh(6 * np.sin(2 * np.pi * turns))
    elif kind == 1:
        swing = -np.cos(2 * np.pi * turns)
    else:
        rising = turns % 1
        swing = 2 * np.minimum(rising / 0.75, (1 - rising) / 0.25) - 1
    interval = rng.uniform(0.16, 0.26)
    drift = rng.uniform(-0.004, 0.004)
    frequency = centre * np.exp2(interval * swing + drift * t)
    harmonics = np.arange(1.0, 7)
    falling = harmonics ** -rng.uniform(1.0, 1.8)
    amplitudes = falling * np.where(harmonics % 2, 1, rng.uniform(0.2, 0.9))
    return dsp.periodic(dsp.phase(frequency, num_samples), amplitudes)


def clock(num_samples: int, causes: Causes, rng: np.random.Generator) -> np.ndarray:
    """Ticks and tocks: a click that rings in a case of wood or metal."""
    rate, metal = glide(5.5, 0.9, causes["size"]), causes["metal"]
    times = dsp.event_times(rng, num_samples / _RATE, rate, rng.uniform(0.0, 0.02))
    partials = np.array([1.0, 1.0, 2.76, 3.9, 5.4]) * rng.uniform(0.96, 1.04, 5)
    decay = glide(0.006, 0.05, metal) / partials**0.5
    base = glide(420, 2600, metal) * rng.uniform(0.9, 1.1)
    strengths = np.array([1, 1, lerp(0.2, 0.8, metal), lerp(0.1, 0.6, metal), 0.3])
    grains = []
    for tune in (1.0, rng.uniform(0.8, 0.92)):
        frequencies = np.minimum(base * tune * partials, 0.45 * _RATE)
        grain = dsp.ring(3000, frequencies, decay, rng.uniform(0.3, 1, 5) * strengths)
        grain[:80] += rng.normal(0, lerp(0.15, 0.5, metal), 80) * np.linspace(1, 0, 80) ** 2
        grains.append(grain)
    beats = np.arange(len(times)) % 2
    gains = np.where(beats, rng.uniform(0.65, 1), 1.0) * rng.uniform(0.85, 1.1, len(times))
    return dsp.scatter(num_samples, times, np.stack(grains)[beats] * gains[:, None])


def engine(num_samples: int, causes: Causes, rng: np.random.Generator) -> np.ndarray:
    """Exhaust pulses of four unequal cylinders through the pipe's resonances, and their hiss."""
    firing = glide(20, 140, causes["revs"])
    unsteady = 1 + 0.03 * dsp.wander(rng, num_samples, 1.5)
    unsteady += 0.012 * dsp.wander(rng, num_samples, 18)
    turns = dsp.phase(firing * unsteady, num_samples) / 4
    harmonics = np.arange(1, 161)
    frequencies = harmonics * firing / 4
    unequal = np.where(harmonics % 4 == 0, 1.0, rng.uniform(0.05, 0.22) * rng.random(160))
    pipe = sum(
        gain / (1 + ((frequencies - centre * rng.uniform(0.8, 1.25)) / (0.4 * centre)) ** 2)
        for centre, gain in ((90, 1.0), (240, 0.8), (620, 0.35), (1600, 0.12))
    )
    amplitudes = unequal * (pipe + 0.03) * np.exp(-frequencies / 900)
    body = dsp.periodic(turns, amplitudes * np.exp(2j * np.pi * rng.random(160)))
    body *= 1 + 0.15 * dsp.wander(rng, num_samples, 25)
    hiss = dsp.coloured_noise(rng, num_samples, dsp.band(300, rng.uniform(1500, 4000), 1.0))
    pulses = np.exp(-6 * ((4 * turns) % 1.0).astype(np.float32))
    return body / dsp.level(body) + hiss * (0.06 + pulses * rng.uniform(0.2, 0.6))


def pluck(rng: np.random.Generator, frequency_hz: float, num_samples: int) -> np.ndarray:
    """A Karplus–Strong string in closed form.

    The loop averages neighbouring samples once a round, so harmonic k of a loop of N samples loses
    the factor loss · cos(πk/N) a round: a sum of decaying modes, which needs no loop.
    """
    period = _RATE / frequency_hz
    harmonics = np.arange(1, min(int(period / 2), 48))
    rounds = np.log(0.9965 * np.cos(np.pi * harmonics / period))
    decay = -period / rounds / _RATE
    place = rng.uniform(0.12, 0.3)
    amplitudes = np.sin(np.pi * harmonics * place) / harmonics**0.8
    amplitudes = amplitudes * np.exp(2j * np.pi * rng.random(len(harmonics)))
    string = dsp.ring(num_samples, harmonics * frequency_hz, decay, amplitudes)
    string[-400:] *= np.linspace(1, 0, 400, dtype=np.float32)
    return string


def guitar(num_samples: int, causes: Causes, rng: np.random.Generator) -> np.ndarray:
    """A plucked string instrument that plays a figure of a few notes."""
    root, rate = glide(620, 85, causes["size"]), glide(0.9, 6.5, causes["pace"])
    steps = rng.choice([-3, 0, 2, 4, 5], size=4, replace=False)
    length = int(1.4 * _RATE)
    notes = [pluck(rng, root * 2 ** (step / 12), length) for step in steps]
    times = dsp.event_times(rng, num_samples / _RATE, rate, 0.06)
    out = np.zeros(num_samples + length, np.float32)
    for onset in (times * _RATE).astype(int).tolist():
        out[onset : onset + length] += notes[rng.integers(4)] * np.float32(rng.uniform(0.6, 1.1))
    return out[:num_samples]


def horn(num_samples: int, causes: Causes, rng: np.random.Generator) -> np.ndarray:
    """A brass call: the harder it is blown, the more of its upper harmonics sound."""
    root, force = glide(430, 95, causes["size"]), causes["force"]
    seconds = num_samples / _RATE
    starts = dsp.event_times(rng, seconds - 0.3, rng.uniform(0.6, 1.5), 0.5)
    starts = np.concatenate([[0.0], starts[np.diff(starts, prepend=0.0) > 0.25]])
    pitches = root * 2 ** (rng.choice([-5, -2, 0, 0, 2, 4], size=len(starts)) / 12)
    edges = np.append((starts * _RATE).astype(int), num_samples)
    note = np.repeat(np.arange(len(starts)), np.diff(edges))
    t = np.arange(num_samples, dtype=np.float32) / _RATE
    since = t - (edges[:-1] / _RATE).astype(np.float32)[note]
    left = (edges[1:] / _RATE).astype(np.float32)[note] - t
    blown = np.clip(since / rng.uniform(0.03, 0.09), 0, 1) * np.clip(left / 0.06, 0, 1)
    blown *= np.exp(-0.25 * since)
    vibrato = 0.004 * np.clip(since - 0.3, 0, 1) * np.sin(2 * np.pi * rng.uniform(4.5, 6) * t)
    scoop = -0.02 * np.exp(-since / 0.03)
    turns = dsp.phase(pitches.astype(np.float32)[note] * (1 + vibrato + scoop), num_samples)
    harmonics = np.arange(1.0, min(0.35 * _RATE / root, 30))
    dull = harmonics**-2.2
    bright = harmonics**-0.6 * np.exp(-harmonics * root / 3500)
    share = blown * np.float32(lerp(0.05, 0.8, force))
    tone = dsp.periodic(turns, dull) * (1 - share) + dsp.periodic(turns, bright) * share
    breath = dsp.coloured_noise(rng, num_samples, dsp.band(root, 3000, 1.0))
    return (tone + 0.02 * breath) * blown


def helicopter(num_samples: int, causes: Causes, rng: np.random.Generator) -> np.ndarray:
    """Rotor blades that chop low noise and thump, and a turbine's whine."""
    rate, treble = glide(24, 8, causes["weight"]), glide(5500, 450, causes["altitude"])
    unsteady = 1 + 0.01 * dsp.wander(rng, num_samples, 1.0)
    turns = dsp.phase(rate * unsteady, num_samples)
    harmonics = np.arange(1, 41)
    frequencies = harmonics * rate
    loud = np.exp(-(((frequencies - 75) / 60) ** 2)) + 0.25 * np.exp(-frequencies / 250)
    thump = dsp.periodic(turns, loud)
    chop = np.exp(-0.5 * (((turns % 1.0).astype(np.float32) - 0.5) / 0.13) ** 2)
    wash = dsp.coloured_noise(rng, num_samples, dsp.band(120, treble, 1.2))
    spinning = dsp.phase(rng.uniform(900, 2200) * unsteady, num_samples)
    whine = dsp.periodic(spinning, np.array([1.0, 0.3]))
    gust = 1 + 0.12 * dsp.wander(rng, num_samples, 1.2)
    body = 0.6 * thump / dsp.level(thump) + wash * (0.15 + 1.6 * chop)
    return body * gust + whine * np.float32(rng.uniform(0.02, 0.1) * treble / 5500)


def fire(num_samples: int, causes: Causes, rng: np.random.Generator) -> np.ndarray:
    """A fluttering rumble, a hiss, and crackles from faint to sharp."""
    rate = glide(1.5, 22, causes["crackle"])
    rumble = dsp.coloured_noise(rng, num_samples, dsp.band(30, rng.uniform(120, 300), 1.0))
    rumble *= 1 + 0.35 * dsp.wander(rng, num_samples, rng.uniform(4, 9))
    hiss = dsp.coloured_noise(rng, num_samples, dsp.band(700, 5000, 1.0))
    hiss *= 1 + 0.3 * dsp.wander(rng, num_samples, 3)
    times = dsp.event_times(rng, num_samples / _RATE, rate, 0.7)
    num, t = len(times), np.arange(500, dtype=np.float32) / _RATE
    decay = rng.uniform(0.0015, 0.006, num).astype(np.float32)[:, None]
    pitch = rng.uniform(900, 4500, num).astype(np.float32)[:, None]
    noise = rng.standard_normal((num, 500), dtype=np.float32) + np.sin(2 * np.pi * pitch * t)
    gains = (rng.pareto(4.0, num) + 0.7).astype(np.float32)[:, None] * np.exp(-t / decay)
    crackles = dsp.scatter(num_samples, times, gains * noise)
    return rumble * 0.5 + hiss * rng.uniform(0.03, 0.08) + crackles * 1.6


def bird(num_samples: int, causes: Causes, rng: np.random.Generator) -> np.ndarray:
    """Whistled notes that sweep up or down, sung by one bird or by several in turn."""
    centre, rate = glide(1500, 5200, causes["perch"]), glide(1.3, 11, causes["flock"])
    times = dsp.event_times(rng, num_samples / _RATE, rate, 0.3)
    num = len(times)
    length = int(_RATE * 0.14)
    seconds = np.minimum(rng.uniform(0.06, 0.13, num), 0.9 / rate)[:, None]
    t = np.arange(length, dtype=np.float32) / _RATE
    inside = np.clip(t / seconds.astype(np.float32), 0, 1)
    # Each of the singers has a pitch, a sweep and a trill of its own.
    singers = rng.integers(0, 3, num)
    tunes, sweeps = rng.uniform(-0.12, 0.12, 3)[singers], rng.uniform(-0.3, 0.3, 3)[singers]
    arch, trill = rng.uniform(-0.2, 0.2, 3)[singers], rng.choice([0, 0, 0.05], 3)[singers]
    quaver = np.broadcast_to(np.sin(2 * np.pi * 45 * t), inside.shape)
    shape = np.stack([inside - 0.5, (inside - 0.5) ** 2, quaver])
    weights = np.stack([sweeps, arch, trill]).astype(np.float32)
    bend = tunes.astype(np.float32)[:, None] + np.einsum("ki,kij->ij", weights, shape)
    turns = np.cumsum(centre / _RATE * np.exp2(bend), axis=1)
    envelope = np.abs(np.sin(np.pi * inside)) ** 0.7 * rng.uniform(0.5, 1, num)[:, None]
    whistle = np.sin(2 * np.pi * turns) + 0.12 * np.sin(4 * np.pi * turns)
    song = dsp.scatter(num_samples, times, whistle * envelope)
    air = dsp.coloured_noise(rng, num_samples, dsp.band(100, 900, 0.8))
    return song + rng.uniform(0.005, 0.03) * air


SYNTHESISERS: dict[str, Synthesiser] = {
    "rain": rain,
    "sea_waves": sea_waves,
    "siren": siren,
    "clock": clock,
    "engine": engine,
    "guitar": guitar,
    "horn": horn,
    "helicopter": helicopter,
    "fire": fire,
    "bird": bird,
}
