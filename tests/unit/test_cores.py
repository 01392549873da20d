"""Cores, compared with PyTorch's modules and with plain loops over single episodes."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from prefrontal.networks.cores import CORES
from prefrontal.networks.cores.memory_slots import FORGETTING
from tests.textbook import gate_order

INPUTS, UNITS, SEEDS, EPISODES, STEPS = 4, 5, 3, 2, 7
SMALL = {"attention": {"length": 4}, "memory_slots": {"rows": 3}}
"""So small that the past is overwritten."""

core_of_every_kind = pytest.mark.parametrize("kind", list(CORES))


def make(kind: str):
    return CORES[kind](UNITS, **SMALL.get(kind, {}))


def random_parameters(core, seeds: int = SEEDS, dtype=torch.float64) -> dict[str, Tensor]:
    g = torch.Generator().manual_seed(3)
    shapes = core.shapes(INPUTS)
    return {
        name: 0.6 * torch.randn(seeds, *shape, generator=g, dtype=dtype)
        for name, shape in shapes.items()
    }


def random_inputs(seeds: int = SEEDS, dtype=torch.float64) -> Tensor:
    """(network, steps, episode, inputs)."""
    return torch.randn(
        seeds, STEPS, EPISODES, INPUTS, generator=torch.Generator().manual_seed(4), dtype=dtype
    )


def run(core, p: dict[str, Tensor], x: Tensor) -> Tensor:
    """Activity, (network, steps, episode, units)."""
    memory, activity = core.reset(p, x.shape[2]), []
    for now in x.unbind(1):
        memory = core.step(p, memory, now)
        activity.append(memory["activity"])
    return torch.stack(activity, dim=1)


def lstm_loop(core, p, xs):
    h, c = p["initial_activity"], p["initial_cell"]
    for x in xs:
        gates = torch.cat([x, h]) @ p["lstm_weight"] + p["lstm_bias"]
        i, f, o, g = (gates[k * UNITS : (k + 1) * UNITS] for k in range(4))
        c = c / (1 + torch.exp(-f)) + torch.tanh(g) / (1 + torch.exp(-i))
        h = torch.tanh(c) / (1 + torch.exp(-o))
        yield h


def gru_loop(core, p, xs):
    h, n = p["initial_activity"], UNITS
    for x in xs:
        a, b = (
            x @ p["input_weight"] + p["input_bias"],
            h @ p["recurrent_weight"] + p["recurrent_bias"],
        )
        r, z = (
            1 / (1 + torch.exp(-a[k * n : (k + 1) * n] - b[k * n : (k + 1) * n])) for k in range(2)
        )
        h = (1 - z) * torch.tanh(a[2 * n :] + r * b[2 * n :]) + z * h
        yield h


def rnn_loop(core, p, xs):
    h = p["initial_activity"]
    for x in xs:
        h = torch.tanh(torch.cat([x, h]) @ p["recurrent_weight"] + p["recurrent_bias"])
        yield h


def feedforward_loop(core, p, xs):
    for x in xs:
        yield torch.tanh(x @ p["layer_weight"] + p["layer_bias"])


def attention_loop(core, p, xs):
    """All signals of the past are kept and projected anew at every step."""
    past = {layer: [] for layer in ("first", "second")}
    for x in xs:
        signal = x @ p["input_weight"] + p["input_bias"]
        for layer, history in past.items():
            history.append(signal)
            query_bias, value_bias = p[f"{layer}_bias"].split(UNITS)
            q = (signal @ p[f"{layer}_weight"])[:UNITS] + query_bias
            scores, values = [], []
            for age, old in enumerate(reversed(history[-core.length :])):
                _, k, v = (old @ p[f"{layer}_weight"]).split(UNITS)
                scores.append(q @ k / math.sqrt(UNITS) + p[f"{layer}_age_weight"][age, 0])
                values.append(v + value_bias)
            shares = torch.exp(torch.stack(scores))
            found = sum(share * v for share, v in zip(shares / shares.sum(), values, strict=True))
            mixed = torch.cat([signal, found]) @ p[f"{layer}_mix_weight"] + p[f"{layer}_mix_bias"]
            signal = signal + torch.tanh(mixed)
        yield signal


def memory_slots_loop(core, p, xs):
    rows, usage = [torch.zeros(UNITS, dtype=torch.float64)] * core.rows, [0.0] * core.rows
    for x in xs:
        key = x @ p["key_weight"] + p["key_bias"]
        shares = torch.exp(torch.stack([row @ key for row in rows]))
        shares = shares / shares.sum()
        found = sum(share * row for share, row in zip(shares, rows, strict=True))
        activity = torch.tanh(torch.cat([x, found]) @ p["layer_weight"] + p["layer_bias"])
        written = torch.tanh(activity @ p["row_weight"] + p["row_bias"])
        gate = (1 / (1 + torch.exp(-(activity @ p["gate_weight"] + p["gate_bias"]))))[0]
        least = usage.index(min(usage))
        for k in range(core.rows):
            new = gate * shares[k] + ((1 - gate) if k == least else 0)
            rows[k] = rows[k] * (gate if k == least else 1) + new * written
            usage[k] = FORGETTING * usage[k] + float((shares[k] + new).detach())
        yield activity


LOOPS = {
    "lstm": lstm_loop,
    "gru": gru_loop,
    "rnn": rnn_loop,
    "attention": attention_loop,
    "memory_slots": memory_slots_loop,
    "feedforward": feedforward_loop,
}


@core_of_every_kind
def test_playing_in_inference_mode_gives_the_same(kind):
    core, x = make(kind), random_inputs()
    p = random_parameters(core)
    with torch.inference_mode():
        played = run(core, p, x)
    torch.testing.assert_close(played, run(core, p, x))


@core_of_every_kind
def test_forward_and_gradient_equal_a_plain_loop(kind):
    """One network, one episode, one step at a time; every parameter matters."""
    core, target = make(kind), torch.randn(SEEDS, STEPS, EPISODES, UNITS, dtype=torch.float64)
    p = {name: tensor.requires_grad_() for name, tensor in random_parameters(core).items()}
    x = random_inputs().requires_grad_()
    ours = run(core, p, x)
    plain = [
        [
            torch.stack(list(LOOPS[kind](core, {n: t[s] for n, t in p.items()}, x[s, :, e])))
            for e in range(EPISODES)
        ]
        for s in range(SEEDS)
    ]
    theirs = torch.stack([torch.stack(episodes, dim=1) for episodes in plain])
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)
    wanted = [*p.values(), x]
    mine, other = (torch.autograd.grad((out * target).sum(), wanted) for out in (ours, theirs))
    for name, a, b in zip([*p, "x"], mine, other, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9, msg=f"gradient of {name}")
        assert (b != 0).any(), name


def pytorch_cell(kind: str, p: dict[str, Tensor]) -> nn.Module:
    """The same weights of one network in PyTorch's module."""
    if kind == "gru":
        cell = nn.GRUCell(INPUTS, UNITS, dtype=torch.float64)
        tensors = p["input_weight"].T, p["recurrent_weight"].T, p["input_bias"], p["recurrent_bias"]
    elif kind == "lstm":
        cell = nn.LSTMCell(INPUTS, UNITS, dtype=torch.float64)
        weights = gate_order(p["lstm_weight"]).T.split([INPUTS, UNITS], dim=1)
        tensors = *weights, gate_order(p["lstm_bias"]), torch.zeros_like(p["lstm_bias"])
    else:
        cell = nn.RNNCell(INPUTS, UNITS, dtype=torch.float64)
        weights = p["recurrent_weight"].T.split([INPUTS, UNITS], dim=1)
        tensors = *weights, p["recurrent_bias"], torch.zeros_like(p["recurrent_bias"])
    cell.load_state_dict(
        dict(zip(("weight_ih", "weight_hh", "bias_ih", "bias_hh"), tensors, strict=True))
    )
    return cell


@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn"])
def test_forward_equals_pytorchs_cell(kind):
    core = make(kind)
    p, x = random_parameters(core), random_inputs()
    ours = run(core, p, x)
    for n in range(SEEDS):
        of_network = {name: tensor[n] for name, tensor in p.items()}
        cell, h = (
            pytorch_cell(kind, of_network),
            of_network["initial_activity"].expand(EPISODES, -1),
        )
        c = of_network["initial_cell"].expand(EPISODES, -1) if kind == "lstm" else None
        for t in range(STEPS):
            if c is None:
                h = cell(x[n, t], h)
            else:
                h, c = cell(x[n, t], (h, c))
            torch.testing.assert_close(ours[n, t], h)


@core_of_every_kind
def test_shapes_of_memory_stay(kind):
    core = make(kind)
    p, x = random_parameters(core), random_inputs()
    before = core.reset(p, EPISODES)
    after = core.step(p, before, x[:, 0])
    assert before["activity"].shape == (SEEDS, EPISODES, UNITS)
    for name, tensor in before.items():
        assert (after[name].shape, after[name].dtype) == (tensor.shape, tensor.dtype)
    assert set(after) == set(before)


@core_of_every_kind
def test_networks_alone_and_batched_are_the_same_bits(kind):
    """16 units, to fill the processor's vectors; fewer episodes change rounding only."""
    core = CORES[kind](16, **SMALL.get(kind, {}))
    p, x = random_parameters(core, dtype=torch.float32), random_inputs(dtype=torch.float32)
    together = run(core, p, x)
    for s in range(SEEDS):
        alone = run(core, {name: tensor[s : s + 1] for name, tensor in p.items()}, x[s : s + 1])
        assert torch.equal(alone[0], together[s])
    torch.testing.assert_close(run(core, p, x[:, :, :1]), together[:, :, :1])


@core_of_every_kind
@pytest.mark.parametrize("changed", range(STEPS))
def test_no_core_sees_the_future(kind, changed):
    core, x = make(kind), random_inputs()
    p, other = random_parameters(core), x.clone()
    other[:, changed] += 1
    before, after = run(core, p, x), run(core, p, other)
    assert torch.equal(before[:, :changed], after[:, :changed])
    assert (before[:, changed] != after[:, changed]).any()


@core_of_every_kind
def test_only_cores_with_memory_know_the_past(kind):
    core, x = make(kind), random_inputs()
    p, other = random_parameters(core), x.clone()
    other[:, 0] += 1
    later = run(core, p, x)[:, 1:] != run(core, p, other)[:, 1:]
    assert later[:, 0].any() == (kind != "feedforward")


def test_attention_forgets_beyond_its_length():
    """Two layers reach back twice as far as one."""
    core, x = make("attention"), random_inputs()
    p, other = random_parameters(core), x.clone()
    other[:, 0] += 1
    reach = 2 * (core.length - 1)
    before, after = run(core, p, x), run(core, p, other)
    assert torch.equal(before[:, reach + 1 :], after[:, reach + 1 :]) or reach + 1 >= STEPS
    assert (
        (before[:, : min(reach + 1, STEPS)] != after[:, : min(reach + 1, STEPS)])
        .flatten(2)
        .any(-1)
        .all()
    )


@core_of_every_kind
def test_gradient_steps_teach_recall_of_the_last_input(kind):
    """The network has to output its last input, which takes memory."""
    core, g = CORES[kind](8, **SMALL.get(kind, {})), torch.Generator().manual_seed(0)
    p = {n: torch.randn(1, *shape, generator=g) / 8**0.5 for n, shape in core.shapes(1).items()}
    p["out"] = torch.randn(1, 8, 1, generator=g) / 8**0.5
    optimizer = torch.optim.Adam([tensor.requires_grad_() for tensor in p.values()], lr=0.02)
    for _ in range(200):
        x = torch.randint(0, 2, (1, 6, 16, 1), generator=g) * 2.0 - 1
        shown = torch.tanh(run(core, p, x)[:, 1:].flatten(1, 2) @ p["out"])
        error = ((shown - x[:, :-1].flatten(1, 2)) ** 2).mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
        if error < 0.3:
            break
    assert (error < 0.3) == (kind != "feedforward"), float(error)
