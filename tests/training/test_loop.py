"""The loop on the smallest trainer that has dropout, an optimizer and a batch."""

import errno
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from s2i_tf.errors import Stopped, UserError
from s2i_tf.training import loop
from s2i_tf.training.backends.tf_updates import Forward, minimize
from s2i_tf.training.checkpoints import FOLDER as CHECKPOINTS
from s2i_tf.training.optimizers import build_adam

NUM_STEPS = 12
BATCH = 4


class Tiny(keras.Model):
    """A regression with dropout and with noise from Keras' global generator."""

    def __init__(self, units=3):
        super().__init__()
        self.net = keras.Sequential(
            [keras.Input((2,)), keras.layers.Dense(units), keras.layers.Dropout(0.5)]
        )
        self.compile(optimizer=build_adam(learning_rate=0.1, num_steps=NUM_STEPS))
        self.optimizer.build(self.net.trainable_variables)
        self.num_traces = 0
        keras.random.normal((1,))  # makes the global generator, which a trace would do twice

    def train_step(self, batch):
        self.num_traces += 1

        def loss():
            noise = keras.random.normal((BATCH, 2))
            loss = keras.ops.mean(keras.ops.square(self.net(batch + noise, training=True) - 1))
            return loss, loss

        loss, norm = minimize(self.optimizer, Forward(loss, self.net.trainable_variables))
        return {"loss": loss, "gradient_norm": norm}


def dataset(step, bad_step=None):
    rows = np.random.default_rng(0).normal(size=(NUM_STEPS, BATCH, 2)).astype(np.float32)
    if bad_step:
        rows[bad_step - 1, 0, 0] = np.nan
    return tf.data.Dataset.from_tensor_slices(rows).skip(step)


def train(folder, *, data=dataset, trainer=None, every=(4, 3), steps_per_call=1, **options):
    keras.utils.set_random_seed(0)
    folder.mkdir(exist_ok=True)
    trainer = trainer or Tiny()
    settings = loop.LoopSettings(NUM_STEPS, BATCH, *every, steps_per_call)
    loop.train(trainer, data, folder, settings, name="tiny", **options)
    return trainer


def metrics(folder):
    return [json.loads(line) for line in (folder / loop.METRICS_FILE).read_text().splitlines()]


def states(folder):
    return sorted(path.name for path in (folder / CHECKPOINTS).iterdir())


def stop_after(num_calls):
    calls = iter(range(1, 1000))
    return lambda: next(calls) == num_calls


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that was never stopped."""
    folder = tmp_path_factory.mktemp("whole")
    train(folder)
    return folder


def test_averages_and_states_come_at_their_steps(whole):
    assert [line["step"] for line in metrics(whole)] == [4, 8, 12]
    assert [list(line) for line in metrics(whole)] == [["step", "loss", "gradient_norm"]] * 3
    assert states(whole) == ["step_00000009.npz", "step_00000012.npz"]


@pytest.mark.parametrize("steps_per_call", [3, 100])
def test_several_steps_a_call_give_the_same_numbers_without_a_retrace(
    steps_per_call, whole, tmp_path
):
    trainer = train(tmp_path, steps_per_call=steps_per_call)
    assert metrics(tmp_path) == metrics(whole)
    assert trainer.num_traces == 1


@pytest.mark.parametrize("num_calls", [1, 5, 6])
def test_a_run_that_was_stopped_anywhere_goes_on_to_the_same_numbers(num_calls, whole, tmp_path):
    with pytest.raises(Stopped, match=f"tiny was stopped after step {num_calls}, which is saved"):
        train(tmp_path, should_stop=stop_after(num_calls))
    keras.random.normal((1,))  # moves the global generator
    train(tmp_path)
    assert metrics(tmp_path) == metrics(whole)


def test_a_damaged_line_of_the_losses_is_left_out_with_a_warning(whole, tmp_path, caplog):
    with pytest.raises(Stopped):
        train(tmp_path, should_stop=stop_after(9))
    path = tmp_path / loop.METRICS_FILE
    path.write_text(path.read_text() + '7\n{"step": 8, "lo')
    train(tmp_path)
    assert metrics(tmp_path) == metrics(whole)
    assert caplog.text.count("left out a line that cannot be read") == 2


def test_drawing_samples_does_not_change_the_training(whole, tmp_path):
    train(tmp_path, draw_samples=lambda step: keras.random.normal((1,)) and None)
    assert metrics(tmp_path) == metrics(whole)


def cut(contents):
    return contents[: len(contents) // 2]


def flip(contents):
    middle = contents.index(b"NUMPY", len(contents) // 2) + 125
    return contents[:middle] + bytes([contents[middle] ^ 1]) + contents[middle + 1 :]


@pytest.mark.parametrize("damage", [cut, flip, lambda contents: b""])
def test_a_damaged_state_falls_back_to_the_one_before(damage, whole, tmp_path, caplog):
    with pytest.raises(Stopped):
        train(tmp_path, should_stop=stop_after(8))
    newest = tmp_path / CHECKPOINTS / "step_00000008.npz"
    newest.write_bytes(damage(newest.read_bytes()))
    with caplog.at_level("INFO"):
        train(tmp_path)
    assert "step_00000008.npz: damaged" in caplog.text
    assert "tiny goes on from step 6" in caplog.text
    assert metrics(tmp_path) == metrics(whole)


def test_states_that_are_all_damaged_are_no_reason_to_start_again_silently(tmp_path):
    train(tmp_path)
    for path in (tmp_path / CHECKPOINTS).iterdir():
        path.write_bytes(b"PK")
    for _ in range(2):  # the second time they have been put aside
        with pytest.raises(UserError, match="every saved state is damaged"):
            train(tmp_path)


def test_a_state_that_cannot_be_read_now_is_no_damaged_one(tmp_path, monkeypatch):
    train(tmp_path)
    before = states(tmp_path)

    def load(*_, **__):
        raise OSError(errno.ESTALE, "Stale file handle")

    monkeypatch.setattr(np, "load", load)
    with pytest.raises(UserError, match=r"\.npz: cannot be read now \(Stale file handle\)"):
        train(tmp_path)
    monkeypatch.undo()
    assert states(tmp_path) == before


def test_another_architecture_is_refused_in_one_line(whole):
    before = states(whole)
    with pytest.raises(UserError, match=r"does not fit this configuration.*\(2, 3\), not \(2, 5\)"):
        train(whole, trainer=Tiny(units=5))
    with pytest.raises(UserError, match="does not fit") as raised:
        train(whole, trainer=Nested())
    assert "\n" not in str(raised.value)
    assert states(whole) == before


class Nested(Tiny):
    """Has one more variable."""

    def __init__(self):
        super().__init__()
        self.more = self.add_weight(shape=(), name="more")


def test_a_full_disk_leaves_the_last_good_state(whole, tmp_path, monkeypatch):
    write_array, written = np.lib.format.write_array, []

    def until_full(member, value, **options):
        written.append(value)
        if len(written) == 20:
            raise OSError(errno.ENOSPC, "No space left on device")
        write_array(member, value, **options)

    with monkeypatch.context() as patch:
        patch.setattr(np.lib.format, "write_array", until_full)
        with pytest.raises(UserError, match="No space left on device.*step_00000003.npz") as raised:
            train(tmp_path)
    assert "\n" not in str(raised.value)
    assert states(tmp_path) == ["step_00000003.npz"]
    train(tmp_path)
    assert metrics(tmp_path) == metrics(whole)


@pytest.mark.parametrize("steps_per_call", [1, 4])
def test_a_nan_in_a_batch_stops_with_the_range_and_keeps_the_last_good_state(
    steps_per_call, tmp_path
):
    message = r"tiny: a batch holds numbers that are not finite between steps 5 and 6; .*00003.npz"
    with pytest.raises(UserError, match=message):
        train(tmp_path, data=lambda step: dataset(step, bad_step=6), steps_per_call=steps_per_call)
    assert states(tmp_path) == ["step_00000003.npz"]
    assert [line["step"] for line in metrics(tmp_path)] == [4]


def test_an_infinite_loss_is_named(tmp_path):
    trainer = Tiny()
    trainer.optimizer.learning_rate = 1e30
    with pytest.raises(UserError, match=r"tiny: loss.* not finite between steps 1 and 3"):
        train(tmp_path, trainer=trainer)
    assert not (tmp_path / CHECKPOINTS).exists()


def test_weights_that_are_not_finite_are_never_saved(tmp_path):
    trainer = Tiny()
    spare = trainer.spare = keras.Variable(np.nan, name="spare")
    with pytest.raises(UserError, match=r"tiny: model/\d+ \(spare\) not finite after step 3"):
        train(tmp_path, trainer=trainer)
    assert states(tmp_path) == [] and np.isnan(spare.numpy())


def test_what_a_killed_process_left_half_written_goes_with_the_next_state(tmp_path):
    (tmp_path / CHECKPOINTS).mkdir()
    (tmp_path / CHECKPOINTS / ".tmp_0123abcd_step_00000005.npz").write_bytes(b"half")
    train(tmp_path)
    assert states(tmp_path) == ["step_00000009.npz", "step_00000012.npz"]


def test_an_error_of_any_other_kind_leaves_no_half_written_state(tmp_path, monkeypatch):
    def interrupt(member, value, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(np.lib.format, "write_array", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path)
    assert states(tmp_path) == []


def test_events_hold_every_value_the_rate_and_the_pictures(tmp_path):
    png = tmp_path / "grid.png"
    png.write_bytes(tf.io.encode_png(np.zeros((2, 5, 3), np.uint8)).numpy())
    with pytest.raises(Stopped):
        train(tmp_path, should_stop=stop_after(5))
    train(tmp_path, draw_samples=lambda step: png)
    files = sorted((tmp_path / "tensorboard").iterdir())
    assert len(files) == 2
    scalars, pictures, starts = {}, {}, []
    for file in files:
        for record in tf.data.TFRecordDataset(str(file)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            if event.session_log.status == tf.compat.v1.SessionLog.START:
                starts.append(event.step)
            for value in event.summary.value:
                if value.HasField("image"):
                    pictures[event.step] = (value.tag, value.image.width, value.image.height)
                else:
                    scalars.setdefault(value.tag, {})[event.step] = value.simple_value
    assert starts == [1, 6]
    assert set(scalars) == {"loss", "gradient_norm", "steps_per_second"}
    logged = {line["step"]: line["loss"] for line in metrics(tmp_path)}
    assert scalars["loss"] == pytest.approx(logged)
    assert pictures == dict.fromkeys([6, 9, 12], ("samples", 5, 2))
