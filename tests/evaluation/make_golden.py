#!/usr/bin/env python3
"""Writes tests/golden/evaluation.json: figures by scikit-learn, DeLong's variances by counting every pair.

usage: make_golden.py OUTPUT      needs scikit-learn 1.9 (pip install scikit-learn==1.9.*); its version is written into the file
"""
import json
import sys
import warnings
from fractions import Fraction

import numpy as np
import sklearn
from sklearn import metrics
from sklearn.calibration import calibration_curve

BINS = 10
THRESHOLD = 0.5


def case(name, label, probability, other=None):
    return name, np.array(label), np.array(probability, dtype=float), None if other is None else np.array(other, dtype=float)


def two(positive):
    positive = np.asarray(positive, dtype=float)
    return np.stack([1 - positive, positive], axis=1)


def cases():
    rng = np.random.default_rng(17)
    for n, share in ((40, 0.5), (200, 0.2)):
        label = (rng.random(n) < share).astype(int)
        logit = rng.normal(size=n) + 1.2 * label
        other = logit + rng.normal(size=n)
        yield case(f"random_{n}", label, two(1 / (1 + np.exp(-logit))), 1 / (1 + np.exp(-other)))
    label = (rng.random(60) < 0.4).astype(int)
    tied = np.clip(np.round(0.3 * rng.normal(size=60) + 0.3 + 0.3 * label, 1), 0, 1)
    yield case("tied", label, two(tied), np.round(rng.random(60), 1))
    yield case("three_units", [0, 1, 0], two([0.2, 0.6, 0.7]), [0.1, 0.9, 0.5])
    yield case("two_units", [0, 1], two([0.75, 0.25]), [0.1, 0.9])
    yield case("four_units", [0, 1, 0, 1], two([0.1, 0.4, 0.35, 0.8]), [0.3, 0.2, 0.6, 0.9])
    yield case("negatives_alone", [0] * 6, two(rng.random(6)), rng.random(6))
    yield case("positives_alone", [1] * 5, two(rng.random(5)), rng.random(5))
    separated = np.concatenate([0.4 * rng.random(9), 0.6 + 0.4 * rng.random(7)])
    label = np.array([0] * 9 + [1] * 7)
    yield case("separated", label, two(separated), rng.random(16))
    yield case("inverted", label, two(1 - separated), separated)
    yield case("all_equal", label, two(np.full(16, 0.25)), separated)
    yield case("sure_and_wrong", [0, 1, 1, 0, 1, 0], two([1, 0, 1, 0, 0.5, 0.5]), [0, 1, 1, 0, 0.5, 0.5])
    yield case("bin_edges", rng.integers(0, 2, 44), two(np.repeat(np.arange(11) / 10, 4)), rng.random(44))
    label = rng.integers(0, 3, 50)
    logits = rng.normal(size=(50, 3)) + 1.5 * np.eye(3)[label]
    probability = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    yield case("three_classes", label, probability, rng.random(50))


def numbers(array):
    return [float(v) for v in array]


def none_at_zero(value, denominator):
    return float(value) if denominator > 0 else None


def youden(positive, score):
    """The highest of the scores with the largest J, in exact arithmetic."""
    m, n = int(positive.sum()), int((~positive).sum())
    best = None
    for t in sorted(set(numbers(score)), reverse=True):
        j = Fraction(int((positive & (score >= t)).sum()), m) - Fraction(int((~positive & (score >= t)).sum()), n)
        if best is None or j > best[0]:
            best = (j, t)
    return best[1]


def placements(positive, score):
    x, y = score[positive], score[~positive]
    psi = (x[:, None] > y[None, :]) + 0.5 * (x[:, None] == y[None, :])
    return psi.mean(axis=1), psi.mean(axis=0), psi.mean()


def delong(positive, a, b):
    m, n = positive.sum(), (~positive).sum()
    (x_a, y_a, auc_a), (x_b, y_b, auc_b) = placements(positive, a), placements(positive, b)
    out = {"auc_a": float(auc_a), "auc_b": float(auc_b)}
    if m > 1 and n > 1:
        s = np.cov(np.stack([x_a, x_b])) / m + np.cov(np.stack([y_a, y_b])) / n
        out.update(variance_a=float(s[0, 0]), variance_b=float(s[1, 1]), covariance=float(s[0, 1]))
    return out


def expected(label, probability, other):
    classes = list(range(probability.shape[1]))
    score, positive = probability[:, -1], label == classes[-1]
    predicted = probability.argmax(axis=1)
    confusion = metrics.confusion_matrix(label, predicted, labels=classes)
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(label, predicted, labels=classes, zero_division=0)
    called = score >= THRESHOLD
    out = {
        "accuracy": float(metrics.accuracy_score(label, predicted)),
        "balanced_accuracy": float(metrics.balanced_accuracy_score(label, predicted)) if len(set(label)) == len(classes) else None,
        "confusion": confusion.tolist(),
        "precision": [none_at_zero(v, d) for v, d in zip(precision, confusion.sum(axis=0))],
        "recall": [none_at_zero(v, d) for v, d in zip(recall, confusion.sum(axis=1))],
        "f1": [none_at_zero(v, d) for v, d in zip(f1, confusion.sum(axis=0) + confusion.sum(axis=1))],
        "sensitivity": none_at_zero(metrics.recall_score(positive, called, zero_division=0), positive.sum()),
        "specificity": none_at_zero(metrics.recall_score(~positive, ~called, zero_division=0), (~positive).sum()),
        "log_loss": float(metrics.log_loss(label, y_proba=probability, labels=classes)),
        "brier": float(metrics.brier_score_loss(label, probability if len(classes) > 2 else score, labels=classes)),
    }
    observed, mean = calibration_curve(positive, score, n_bins=BINS, strategy="uniform") if len(set(positive)) == 2 else ([], [])
    out["calibration"] = {"observed": numbers(observed), "predicted": numbers(mean)} if len(mean) else None
    inside = np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], score)
    out["calibration_error"] = float(sum((inside == b).mean() * abs(positive[inside == b].mean() - score[inside == b].mean())
                                         for b in range(BINS) if (inside == b).any()))
    if len(set(positive)) == 2:
        fpr, tpr, threshold = metrics.roc_curve(positive, score, drop_intermediate=False)
        p, r, at = metrics.precision_recall_curve(positive, score)
        out["roc"] = {"fpr": numbers(fpr), "tpr": numbers(tpr), "threshold": numbers(threshold[1:])}
        out["auc"] = float(metrics.roc_auc_score(positive, score))
        out["pr"] = {"precision": numbers(p[::-1]), "recall": numbers(r[::-1]), "threshold": numbers(at[::-1])}
        out["average_precision"] = float(metrics.average_precision_score(positive, score))
        out["youden"] = youden(positive, score)
        out["delong"] = delong(positive, score, other)
    return out


def main():
    warnings.simplefilter("ignore")  # where scikit-learn warns, the case says none
    out = {"scikit-learn": sklearn.__version__, "threshold": THRESHOLD, "cases": []}
    for name, label, probability, other in cases():
        out["cases"].append({"name": name, "label": label.tolist(), "probability": probability.tolist(), "other": other.tolist(),
                             "expected": expected(label, probability, other)})
    with open(sys.argv[1], "w", encoding="utf-8") as f:
        f.write("{\n" + ",\n".join(f"{json.dumps(k)}: " + (json.dumps(v) if k != "cases" else "[\n" + ",\n".join(map(json.dumps, v)) + "\n]")
                                   for k, v in out.items()) + "\n}\n")


if __name__ == "__main__":
    main()
