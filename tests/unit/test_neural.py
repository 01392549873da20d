"""The shift test: against plain regressions, and its level where both series drift."""

import numpy as np
import pytest

from prefrontal.analysis import neural


def drifting(rng, trials, series=1, size=0.9):
    """Slow noise: autoregressive of order 1."""
    noise = rng.normal(size=(trials, series))
    for t in range(1, trials):
        noise[t] += size * noise[t - 1]
    return noise


def partial(y, x, others):
    """Partial correlation by two ordinary regressions."""
    base = np.column_stack([np.ones(len(y)), others])
    ry, rx = (v - base @ np.linalg.lstsq(base, v, rcond=None)[0] for v in (y, x))
    return np.corrcoef(ry, rx)[0, 1]


def test_shift_test_equals_regression_at_every_shift():
    rng = np.random.default_rng(0)
    y, x, z = rng.normal(size=(37, 3)), rng.normal(size=(37, 2)), rng.normal(size=(37, 2))
    w = rng.normal(size=(37, 2))
    y[:, 0] += x[:, 0]
    y[:, 2] = 1.0
    r, p = neural.shift_test(y, x, z)
    for k in range(2):
        others = np.column_stack([z, x[:, 1 - k]])
        for s in range(2):
            by_shift = [partial(np.roll(y[:, s], j), x[:, k], others) for j in range(37)]
            assert r[k, s] == pytest.approx(by_shift[0])
            assert p[k, s] == pytest.approx(np.mean(np.abs(by_shift) >= abs(by_shift[0]) - 1e-12))
    again = neural.shift_test(y, x[:, :1], np.column_stack([z, x[:, 1]]), {"more": (0, w)})
    alone = neural.shift_test(y, x[:, :1], np.column_stack([z, x[:, 1], w]))
    assert again[0][0] == pytest.approx(r[0]) and again[1][1] == pytest.approx(alone[1][0])
    assert again[0][1] == pytest.approx(alone[0][0])
    assert p[0, 0] == pytest.approx(1 / 37) and (p[:, 2] == 1).all() and (r[:, 2] == 0).all()


def test_shift_test_keeps_its_level_where_both_drift():
    rng = np.random.default_rng(1)
    found = [
        neural.shift_test(drifting(rng, 300, 20), drifting(rng, 300), np.empty((300, 0)))[1]
        for _ in range(30)
    ]
    assert 0.02 < np.mean(np.concatenate(found) < 0.05) < 0.09
    y, x = drifting(rng, 300, 200), drifting(rng, 300)[:, 0]
    ordinary = np.array([np.corrcoef(column, x)[0, 1] for column in y.T])
    assert np.mean(np.abs(ordinary) > 1.97 / np.sqrt(300)) > 0.3  # what t tests would find
