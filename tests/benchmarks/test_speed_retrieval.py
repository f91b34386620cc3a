"""The retrieval benchmark at toy size."""

import dataclasses

import numpy as np

from benchmarks.speed import retrieval, retrieval_sides


def test_rows_and_tables(sides_here, monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "")  # a side sets it for its process, here this one
    kernels = 2 if retrieval_sides.best_core_type() else 1
    found = retrieval.measure(num_queries=60, num_targets=(60, 200), size=32, rounds=(2, 1))
    assert [row.more["num_targets"] for row in found["rows"]] == [60] * kernels + [200] * kernels
    assert all(row.goal == 0.8 for row in found["rows"])
    assert found["rows"][0].more["peak_bytes"] > 1 << 20
    built = retrieval.blocks({**found, "rows": [dataclasses.asdict(row) for row in found["rows"]]})
    assert "| 60 × 60 | whole |" in built["profile"]
    assert "| 18 × 200 | products |" in built["profile"]
    assert len(built["memory"].splitlines()) == 4


def test_numpy_multiplies_all_queries_with_all_targets(monkeypatch, tmp_path):
    monkeypatch.setattr(retrieval_sides, "_NUMPY_BLOCK_BYTES", 4 * 7 * 3)
    retrieval_sides.write_vectors(tmp_path, "queries", 8, 16, 3)
    retrieval_sides.write_vectors(tmp_path, "targets", 7, 16, 3)
    num_products = []
    monkeypatch.setattr(np, "matmul", lambda one, other, out: num_products.append(out.size))
    step, _ = retrieval_sides.build("numpy", str(tmp_path), "targets", 8)
    step()
    assert sum(num_products) == 8 * 7
