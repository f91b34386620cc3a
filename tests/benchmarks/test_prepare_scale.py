"""What the scale benchmark measures and works out."""

import sys

import pytest

from benchmarks import prepare_scale


def account(stage, num_rows, processor_seconds):
    return {
        "stage": stage,
        "num_rows": num_rows,
        "wall_seconds": 2.0,
        "work_seconds": {"net": 3.0, "decode": 1.0},
        "processor_seconds": processor_seconds,
        "peak_mb": 512.0,
    }


def results(start_seconds=7.0, seconds_per_row=0.036):
    return {
        size: [
            account(stage, size, start_seconds + seconds_per_row * size)
            for stage in prepare_scale.STAGES
        ]
        for size in (100, 1000)
    }


def test_the_cost_of_a_row_is_free_of_the_start():
    found = results()
    assert prepare_scale.extrapolate(found[100][0], found[1000][0]) == pytest.approx(0.036)


def test_hours_of_two_million_videos():
    # Five stages a clip, two features a pair, one record a pair, 36 ms each.
    expected = 0.036 / 3600 * (5 * 2e6 + 2 * 104e3 + 104e3)
    assert f"{expected:.0f} core-hours" in prepare_scale.machine_hours(results())


def test_the_table_has_a_row_for_each_stage():
    lines = prepare_scale.table(results()).splitlines()
    assert [line.split(" | ")[0] for line in lines[2:10]] == [
        f"| {stage}" for stage in prepare_scale.STAGES
    ]
    assert "1,000 rows, 500.0/s, 512 MB, nets 75%" in lines[2] and "36.00 ms" in lines[2]


def test_a_command_s_memory_and_time_count_its_children():
    code = "import time; block = b'x' * 200_000_000; time.sleep(1)"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}])"
    found = prepare_scale.measure([sys.executable, "-c", child])
    assert 200 < found["peak_mb"] < 400
    assert found["command_seconds"] > 1 > found["processor_seconds"] * 0.5


def test_a_command_that_fails_says_why():
    with pytest.raises(RuntimeError, match="no such thing"):
        prepare_scale.measure([sys.executable, "-c", "raise SystemExit('no such thing')"])


def test_the_choice_among_made_up_clips_keeps_a_tenth_in_flat_memory(tmp_path, capsys):
    prepare_scale.choose(tmp_path / "once", 200)
    assert "200 clips: 20 pairs kept" in capsys.readouterr().out
    found = prepare_scale.measure_choice(tmp_path, 4000)
    assert found["peak_mb"] < 700
    assert found["bytes_per_clip"] < 10_000
