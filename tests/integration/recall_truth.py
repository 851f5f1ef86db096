#!/usr/bin/env python3
"""What searches find, computed by numpy: the figures that recall and the exact scan are held against.

usage: recall_truth.py           prints the figures; integration/data/recall_truth.json has them
       recall_truth.py --check   computes them again and compares
The vectors follow a formula that tests/support/formula_vectors.h has too. Every calculation is in double.
"""

import json
import pathlib
import sys

import numpy

STORED = pathlib.Path(__file__).parent / "data" / "recall_truth.json"
ROWS, DIMENSION, QUERIES = 1000, 48, 20
KS = (10, 100)
STORED_SEED, QUERY_SEED, DAMAGE_SEED = 1, 2, 3


def formula_vectors(seed, rows):
    """SplitMix64 of seed, row and column; its upper 24 bits as a float from -1 to 1."""
    row, column = numpy.meshgrid(numpy.arange(rows), numpy.arange(DIMENSION), indexing="ij")
    bits = (numpy.uint64(seed) << numpy.uint64(48)) ^ (row.astype(numpy.uint64) << numpy.uint64(16)) ^ column.astype(
        numpy.uint64)
    with numpy.errstate(over="ignore"):
        bits = bits + numpy.uint64(0x9E3779B97F4A7C15)
        bits = (bits ^ (bits >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        bits = (bits ^ (bits >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
    bits = bits ^ (bits >> numpy.uint64(31))
    return (bits >> numpy.uint64(40)).astype(numpy.float64) / 2.0**23 - 1


def distances(metric, queries, vectors):
    if metric == "l2":
        return numpy.sqrt(((queries[:, None, :] - vectors[None, :, :]) ** 2).sum(axis=2))
    if metric == "l1":
        return numpy.abs(queries[:, None, :] - vectors[None, :, :]).sum(axis=2)
    products = queries @ vectors.T
    if metric == "inner product":
        return -products
    return 1 - products / numpy.linalg.norm(queries, axis=1)[:, None] / numpy.linalg.norm(vectors, axis=1)[None, :]


def recall(metric, queries, vectors, damaged, replaced, k):
    """Of the k nearest rows, the share that is among the k nearest of the damaged copy, and the same vector there."""
    before = numpy.argsort(distances(metric, queries, vectors), axis=1)[:, :k]
    after = numpy.argsort(distances(metric, queries, damaged), axis=1)[:, :k]
    kept = sum(len((set(b) & set(a)) - replaced) for b, a in zip(before.tolist(), after.tolist()))
    return kept / before.size


def compute():
    vectors, queries = formula_vectors(STORED_SEED, ROWS), formula_vectors(QUERY_SEED, QUERIES)
    replaced = set(range(3, ROWS, 10))
    damaged = vectors.copy()
    damaged[3::10] = formula_vectors(DAMAGE_SEED, ROWS)[3::10]
    figures = {"rows": ROWS, "dimension": DIMENSION, "queries": QUERIES, "metrics": {}}
    for metric in ("cosine", "l2", "inner product", "l1"):
        ordered = numpy.sort(distances(metric, queries, vectors), axis=1)
        figures["metrics"][metric] = {str(k): {
            "farthest": [round(float(distance), 12) for distance in ordered[:, k - 1]],
            "recall_of_queries": recall(metric, queries, vectors, damaged, replaced, k),
            "recall_of_every_row": recall(metric, vectors, vectors, damaged, replaced, k),
        } for k in KS}
    return figures


def main():
    figures = compute()
    if sys.argv[1:] != ["--check"]:
        json.dump(figures, sys.stdout, indent=1)
        print()
        return 0
    stored = json.loads(STORED.read_text(encoding="utf-8"))
    for metric, of_metric in figures["metrics"].items():
        for k, expected in of_metric.items():
            for name, figure in expected.items():
                if not numpy.allclose(stored["metrics"][metric][k][name], figure, rtol=1e-9, atol=1e-9):
                    print(f"{STORED.name}: {name} of {metric} at {k} is not {figure}")
                    return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
