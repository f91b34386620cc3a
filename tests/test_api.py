"""The library's calls: every kind of input, lists, samples, errors, threads."""

import io
import pickle
from concurrent import futures

import numpy as np
import pytest
import soundfile

import s2i_tf
from s2i_tf import api, features, spec
from s2i_tf.errors import MediaError, UserError
from s2i_tf.media import audio, image
from s2i_tf.models.sound_index import SoundIndex
from tests.toy import SMALLEST_HIDDEN, build_smallest_model


@pytest.fixture(scope="module")
def nets():
    """The sound net and the image net, of random weights."""
    names = ("soundnet_pool5", "efficientnet_lite2_map")
    return {name: features.load_extractor(name, weights="random:0") for name in names}


@pytest.fixture(scope="module")
def trained(nets):
    """The smallest model of both directions."""
    vectors = np.random.default_rng(0).normal(size=(4, spec.FEATURE_SIZE)).astype(np.float32)
    return build_smallest_model(
        ("rain", "sea", "siren"),
        {net.modality: net.fingerprint.digest for net in nets.values()},
        scale=1.5,
        sound_index=SoundIndex.of(
            vectors, [f"{n}.wav" for n in range(4)], list("aabc"), [0, 0, 1, 2]
        ),
    )


@pytest.fixture(scope="module")
def model(trained, nets, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(features, "load_extractor", lambda name: nets[name])
        yield s2i_tf.load(trained.save(tmp_path_factory.mktemp("trained") / "model"))


@pytest.fixture(scope="module")
def samples():
    """Three seconds at 16 kHz, within ±1, of two unlike channels."""
    rng = np.random.default_rng(0)
    return rng.uniform(-0.5, 0.5, (48_000, 2)).astype(np.float32)


@pytest.fixture
def wav(samples, tmp_path):
    path = tmp_path / "a sound.wav"
    soundfile.write(path, samples, 16_000, subtype="FLOAT")
    return path


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    picture = np.random.default_rng(1).integers(0, 256, (20, 30, 3), np.uint8)
    path.write_bytes(image.encode_png(picture))
    return path


def test_every_kind_of_sound_gives_the_same_picture(model, wav, samples):
    expected = model.generate(wav)
    assert expected.shape == (model.image_side, 128, 3) == (128, 128, 3)
    assert expected.dtype == np.uint8 and expected.std() > 5
    contents = wav.read_bytes()
    kinds = [str(wav), contents, io.BytesIO(contents), (samples, 16_000), model.hear(wav)]
    for sound in kinds:
        np.testing.assert_array_equal(model.generate(sound), expected)
    with wav.open("rb") as file:
        np.testing.assert_array_equal(model.generate(file), expected)
    np.testing.assert_array_equal(model.generate(samples, rate_hz=16_000), expected)
    np.testing.assert_array_equal(model.generate(soundfile.read(wav)), expected)


def test_the_picture_is_the_model_s_own(model, trained, nets, wav):
    window = nets["soundnet_pool5"].prepare(audio.load_waveform(wav))
    sound_features = nets["soundnet_pool5"](window[None])
    drawn = model.generate(wav, samples=3, seed=7)
    assert drawn.shape == (3, 128, 128, 3)
    for sample in range(3):
        expected = trained.generate(sound_features, sample=sample, seed=7)[0]
        np.testing.assert_allclose(drawn[sample] / 255, expected, atol=0.51 / 255)
    assert not np.array_equal(drawn[1], drawn[2])
    assert not np.array_equal(drawn[1], model.generate(wav, samples=2, seed=8)[1])


def test_what_is_heard_is_the_label_head_s_softmax(model, trained, nets, wav):
    heard = model.hear(wav)
    window = nets["soundnet_pool5"].prepare(audio.load_waveform(wav))
    hidden = trained.embed_sound(nets["soundnet_pool5"](window[None]))
    scores = np.asarray(trained.multimodal.output_layer(hidden.after))[0]
    shares = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
    assert dict(heard) == pytest.approx(dict(zip(model.class_names, shares, strict=True)), abs=1e-5)
    probabilities = [probability for _, probability in heard]
    assert probabilities == sorted(probabilities, reverse=True)
    np.testing.assert_allclose(heard.after, hidden.after[0], atol=1e-5)
    again = pickle.loads(pickle.dumps(heard))
    assert again == heard and np.array_equal(again.before, heard.before)
    np.testing.assert_allclose(heard.before, hidden.before[0], atol=1e-5)


def test_sounds_and_photos_have_vectors_of_one_space(model, trained, nets, wav, photo):
    of_sound, of_photo, again = model.embed([wav, photo, image.load_image(photo)])
    np.testing.assert_array_equal(of_sound, model.hear(wav).after)
    net = nets["efficientnet_lite2_map"]
    expected = trained.embed_image(net(net.prepare(image.load_image(photo))[None])).after[0]
    np.testing.assert_allclose(of_photo, expected, atol=1e-4)
    np.testing.assert_allclose(again, of_photo, atol=1e-4)
    assert of_sound.shape == of_photo.shape == (SMALLEST_HIDDEN,)


def test_a_photo_s_sounds_are_the_index_s_nearest(model, trained, nets, photo):
    found = model.sounds_for(photo, num=3)
    net = nets["efficientnet_lite2_map"]
    positions, distances = trained.nearest_sounds(
        net(net.prepare(image.load_image(photo))[None]), 3
    )
    names = ("rain", "rain", "sea", "siren")
    assert [(one.sound, one.label, one.recording) for one in found] == [
        (f"{position}.wav", names[position], "aabc"[position]) for position in positions[0]
    ]
    assert [one.distance for one in found] == pytest.approx(distances[0], abs=1e-4)
    assert model.sounds_for([photo], num=3) == [found]


def test_a_list_gives_a_list_in_its_order(model, wav, tmp_path, samples):
    (tmp_path / "bad.wav").write_text("no sound")
    sounds = [wav, tmp_path / "bad.wav", (samples[::-1], 16_000)] * 7  # more than a batch
    with pytest.raises(MediaError, match=r"bad\.wav"):
        model.generate(sounds)
    made = model.generate(sounds, return_exceptions=True)
    assert len(made) == 21
    assert all(isinstance(one, MediaError) for one in made[1::3])
    for first, last in zip(made[::3], made[2::3], strict=True):
        np.testing.assert_allclose(first.astype(int), made[0], atol=1)
        np.testing.assert_allclose(last.astype(int), made[2], atol=1)
    assert np.abs(made[0].astype(int) - made[2]).max() > 1
    *_, untimed = model.generate([wav, samples], return_exceptions=True)
    assert isinstance(untimed, UserError) and "without its rate" in str(untimed)
    assert model.generate([]) == [] and model.hear([wav])[0] == model.hear(wav)


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        (np.int16, [2**14, -(2**15)]),
        (np.int32, [2**30, -(2**31)]),
        (np.uint8, [192, 0]),
        (np.uint16, [49_152, 0]),
        (np.float64, [0.5, -1.25]),
    ],
)
def test_samples_are_of_full_scale(dtype, values):
    waveform = audio.from_samples(np.tile(np.array(values, dtype), 9_000), spec.SAMPLE_RATE_HZ)
    np.testing.assert_array_equal(waveform[:2], [128, -256])


def test_channels_are_mixed_and_the_rate_is_changed():
    stereo = np.stack([np.full(8_000, 0.5), np.full(8_000, 0.25)], axis=1)
    waveform = audio.from_samples(stereo, 16_000)
    assert waveform.shape == (11_025,)
    np.testing.assert_allclose(waveform[1_000:-1_000], 96, atol=0.01)


@pytest.mark.parametrize(
    ("sound", "options", "message"),
    [
        (np.zeros(9), {}, "a waveform without its rate"),
        (("a.wav", "b.wav"), {}, "several sounds are given as a list"),
        ((16_000, np.ones(16_000)), {}, r"no \(waveform, rate in Hz\)"),
        (np.ones(16_000), {"rate_hz": 16_000.5}, "rate 16000.5 Hz; allowed: 1000 to 192000"),
        (np.zeros((2, 16_000)), {"rate_hz": 16_000}, r"\[2, 16000\]; allowed: \[samples\] or"),
        (np.full(16_000, 900.0), {"rate_hz": 16_000}, "a peak of 900; allowed: float in"),
        (np.full(16_000, np.nan), {"rate_hz": 16_000}, "not finite"),
        (np.zeros(16_000), {"rate_hz": 16_000}, "the given waveform: silent"),
        (np.ones(3), {"rate_hz": 16_000}, "at least 0.2 s"),
        (np.ones(16_000), {"rate_hz": 1}, "rate 1 Hz; allowed: 1000 to 192000"),
        (np.ones(16_000, complex), {"rate_hz": 16_000}, "complex128; allowed: float or integers"),
        (b"", {}, "empty"),
        (3, {}, "a file given as int; allowed: a path, bytes"),
        (io.StringIO("text"), {}, "a file given as StringIO; allowed: a path, bytes"),
        ("missing.wav", {}, "missing.wav: no such file"),
        ("a.wav", {"samples": 0}, "samples is 0; allowed: whole numbers from 1"),
        ("a.wav", {"samples": 2.5}, "samples is 2.5; allowed: whole numbers from 1"),
        ("a.wav", {"seed": "a"}, "seed is 'a'; allowed: whole numbers from 0"),
        ("a.wav", {"seed": -1}, "seed is -1; allowed: whole numbers from 0"),
        ("a.wav", {"seed": 2**31}, "seed is 2147483648; allowed: whole numbers from 0"),
        ((np.ones(112_000), 16_000), {"window": 8}, "the sound: 7.0 s can be heard of it"),
    ],
)
def test_mistakes_are_one_line(model, sound, options, message):
    with pytest.raises(UserError, match=message):
        model.generate(sound, **options)


def test_a_long_sound_is_said_to_be_heard_in_part(model, caplog):
    model.hear((np.ones(590_000, np.int8), 1000))
    assert not caplog.messages
    model.hear((np.ones(610_000, np.int8), 1000))
    assert caplog.messages == ["the sound: only its first ten minutes are heard"]


def test_open_files_that_give_nothing_are_said(model, wav, tmp_path):
    with open(wav, "rb") as read:
        read.read()
        with pytest.raises(MediaError, match="an open file: empty, or read to its end before"):
            model.generate(read)
    with pytest.raises(UserError, match="an open file that cannot be read: .*closed"):
        model.generate(read)
    with (
        open(tmp_path / "new.wav", "wb") as written,
        pytest.raises(UserError, match="an open file that cannot be read"),
    ):
        model.generate(written)


def test_what_is_neither_sound_nor_photo_is_said(model):
    with pytest.raises(UserError, match=r"float64 \[9, 9, 3\]; allowed: uint8 \[height, width"):
        model.embed(np.zeros((9, 9, 3)))
    with pytest.raises(MediaError, match="not a sound or video; .*; nor is it a photo"):
        model.embed(b"text" * 99)
    with pytest.raises(UserError, match=r"float64 \[2, 2\]; allowed: uint8 \[height, width, 3\]"):
        model.sounds_for(np.zeros((2, 2)))


def test_threads_get_the_pictures_of_their_own_sounds(model, samples):
    heard = model.hear([(samples[start:], 16_000) for start in range(0, 32_000, 4_000)])
    expected = [model.generate(one, samples=2, seed=seed) for seed, one in enumerate(heard)]
    with futures.ThreadPoolExecutor(8) as pool:
        jobs = [
            pool.submit(model.generate, one, samples=2, seed=seed)
            for _ in range(3)
            for seed, one in enumerate(heard)
        ]
        for job, picture in zip(jobs, expected * 3, strict=True):
            np.testing.assert_array_equal(job.result(), picture)


def test_mixtures_and_vectors_refuse_a_seed_that_runtimes_would_cut(model, samples):
    sound = samples, 16_000
    with pytest.raises(UserError, match="seed is 3000000000; allowed: whole numbers"):
        model.between(sound, sound, seed=3_000_000_000)


@pytest.mark.parametrize(
    ("vectors", "options", "message"),
    [
        (np.zeros(8), {}, r"vectors \[8\]; allowed: finite numbers \[num, hidden units\]"),
        (np.zeros((0, 8)), {}, r"vectors \[0, 8\]; allowed: finite numbers"),
        (np.full((1, 8), np.nan), {}, "allowed: finite numbers"),
        (np.full((1, 8), 1e38), {}, "too long to be drawn"),
        ((("rain", 0.9), ("dog", 0.1)), {}, r"allowed: finite numbers \[num, hidden units\]"),
        (np.zeros((1, 7)), {}, "of 7 values are another model's: this one has 8 hidden units"),
        (np.zeros((1, 8)), {"sample": -1}, "sample is -1; allowed: whole numbers"),
        (np.zeros((1, 8)), {"sample": 10**10}, "sample is 10000000000; allowed: whole numbers"),
    ],
)
def test_vectors_that_are_none_are_refused(model, vectors, options, message):
    with pytest.raises(UserError, match=message):
        model.draw(vectors, **options)


@pytest.mark.parametrize(
    "call",
    [
        lambda model, heard, wav: model.generate(heard),
        lambda model, heard, wav: model.mix([heard, wav], [1, 1]),
        lambda model, heard, wav: model.between(heard, wav),
    ],
)
def test_what_a_model_of_other_vectors_heard_is_refused(model, wav, call):
    other = s2i_tf.load(runtime="lite")
    with pytest.raises(UserError, match="another model's: this one has 8 hidden units"):
        call(model, other.hear(wav), wav)
    with pytest.raises(UserError, match="another model's: this one has .* hidden units"):
        call(other, model.hear(wav), wav)


def test_a_folder_without_a_model_is_refused(tmp_path, monkeypatch):
    with pytest.raises(UserError, match="no trained model here"):
        api.load(tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="no trained model here"):
        api.load("")


def test_a_lite_file_beside_a_run_s_model_does_not_answer_for_it(model, trained, tmp_path, wav):
    trained.save(tmp_path / "run" / "model")
    (tmp_path / "run" / "lite.tflite").write_bytes(b"of an earlier model")
    again = s2i_tf.load(tmp_path / "run")
    np.testing.assert_array_equal(again.generate(wav), model.generate(wav))


def test_the_window_that_the_model_is_surest_of(model, nets, rng):
    """Of four windows the one whose class has the highest probability, by the model itself."""
    seconds = spec.SAMPLE_RATE_HZ
    long = (0.01 * rng.normal(size=40 * seconds)).astype(np.float32)
    long[3 * seconds : 5 * seconds] = 0.4 * rng.normal(size=2 * seconds)
    long[30 * seconds : 32 * seconds] = 0.2 * rng.normal(size=2 * seconds)
    long = np.clip(long, -1, 1)
    heard = model.hear(long, rate_hz=seconds)
    start, end = heard.window_seconds
    assert end - start == pytest.approx(6)
    asked = model.hear(long, rate_hz=seconds, window=start)
    assert asked.window_seconds == heard.window_seconds
    np.testing.assert_allclose(asked.before, heard.before, rtol=1e-3)
    for window in ("middle", "loudest"):
        assert model.hear(long, rate_hz=seconds, window=window)[0][1] <= heard[0][1] + 1e-4
    loudest = model.hear(long, rate_hz=seconds, window="loudest").window_seconds[0]
    assert 0 <= loudest <= 3
    picture = model.generate(long, rate_hz=seconds)
    np.testing.assert_array_equal(picture, model.generate(heard))
    middle = model.generate(long, rate_hz=seconds, window="middle")
    np.testing.assert_array_equal(middle, model.generate(long, rate_hz=seconds, window=17))


def test_a_model_that_was_given_no_ear_knows_every_sound(model, wav):
    heard = model.hear(wav)
    assert heard.known and heard.known_score == 1


def test_a_mixture_of_one_sound_is_that_sound(model, wav, samples):
    def far(mixture):  # in the mean: a vector's noise turns a rounding into steps of single pixels
        return np.abs(mixture.astype(int) - model.generate(wav)).mean()

    other = (samples[::-1] * 0.1, 16_000)
    assert far(model.mix([wav], [3.0])) <= 0.1
    assert far(model.mix([wav, other], [1.0, 0.0])) <= 0.1
    assert far(model.mix([wav, other], [0.5, 0.5])) > 0.1
    large = model.mix([wav, other], [3e38, 3e38])  # their ratio counts, however large they are
    np.testing.assert_array_equal(large, model.mix([wav, other], [1, 1]))
    for weights, message in (([1.0], "2 sounds need"), ([np.nan, 1.0], "must be finite numbers")):
        with pytest.raises(UserError, match=message):
            model.mix([wav, other], weights)
    with pytest.raises(UserError, match="Give a list"):
        model.mix("rain.wav", [1.0])


def test_blended_vectors_have_the_mean_length_and_direction(model, wav, samples):
    one, other = model.hear([wav, (samples[::-1] * 0.1, 16_000)])
    [blended] = model.blend([one, other], [[1, 3]])
    lengths = [np.linalg.norm(heard.before) for heard in (one, other)]
    assert np.linalg.norm(blended) == pytest.approx((lengths[0] + 3 * lengths[1]) / 4, rel=1e-5)
    mean = one.before + 3 * other.before
    np.testing.assert_allclose(
        blended / np.linalg.norm(blended), mean / np.linalg.norm(mean), atol=1e-6
    )


def test_the_way_between_two_sounds_goes_from_one_to_the_other(model, wav, samples):
    one, other = model.hear([wav, (samples[::-1] * 0.1, 16_000)])
    way = model.between(one, other, steps=5, seed=3)
    assert way.shape == (5, 128, 128, 3)
    for end, heard in ((way[0], one), (way[-1], other)):
        drawn = model.draw(heard.before[None], sample=1, seed=3)[0]
        assert np.abs(end.astype(int) - drawn).mean() <= 0.5  # rounding
    assert np.abs(way[0].astype(int) - way[-1]).max() > 20


def test_one_sound_is_no_mixture(model, wav):
    for one in (str(wav), model.hear(wav)):
        with pytest.raises(UserError, match="one sound where several are mixed"):
            model.mix(one, [1.0])


@pytest.mark.parametrize(
    "weights", [[1.0], [1.0, -1.0], [0.0, 0.0], [1.0, float("nan")], ["a", "2"], None]
)
def test_weights_that_do_not_fit_are_refused(model, wav, weights):
    with pytest.raises(UserError, match="weights"):
        model.mix([wav, wav], weights)
