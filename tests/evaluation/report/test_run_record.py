import pytest

from s2i_tf.evaluation.report import run_record


@pytest.fixture
def stage(tmp_path):
    folder = tmp_path / "multimodal"
    (folder / "samples").mkdir(parents=True)
    return folder


def test_curves_by_name_with_their_own_steps(stage, tmp_path):
    (stage / "metrics.jsonl").write_text(
        '{"step": 10, "loss": 2.5, "l1": 1}\n{"step": 20, "loss": NaN}\n{"step": 30, "late": 4}\n'
    )
    curves = run_record.read_curves(tmp_path, "multimodal")
    assert list(curves) == ["loss", "l1", "late"]
    steps, values = curves["loss"]
    assert steps.tolist() == [10, 20]
    assert values[0] == 2.5 and values[1] != values[1]
    assert curves["late"][0].tolist() == [30]


def test_damaged_lines_are_left_out(stage, tmp_path):
    (stage / "metrics.jsonl").write_bytes(
        b'{"step": 1, "loss": 1}\n[1]\n{"loss": 2}\n\xff\n{"step": 2, "loss": 3}\n{"step": 3, "lo'
    )
    assert run_record.read_curves(tmp_path, "multimodal")["loss"][1].tolist() == [1, 3]


def test_a_stage_that_logged_nothing_has_no_curves(tmp_path):
    assert run_record.read_curves(tmp_path, "image_gan") == {}
    assert run_record.sample_grids(tmp_path, "image_gan", 3) == []


def test_grids_are_thinned_evenly_and_keep_both_ends(stage, tmp_path):
    for step in range(10):
        (stage / "samples" / f"step_{step:06}.png").touch()
    names = [path.stem for path in run_record.sample_grids(tmp_path, "multimodal", 4)]
    assert names == ["step_000000", "step_000003", "step_000006", "step_000009"]
