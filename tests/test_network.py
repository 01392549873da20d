"""Stacked LSTM actor-critics."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from prefrontal.network import Layout, PrefrontalNetwork, initial_parameters, lstm_step, lstm_step_backward
from tests.textbook import gate_order

LAYOUT = Layout(observations=4, actions=3, units=6)
LAYOUTS = st.builds(Layout, st.integers(1, 5), st.integers(1, 4), st.integers(1, 8))


def random_network(seeds: int, layout: Layout = LAYOUT) -> PrefrontalNetwork:
    generator = torch.Generator().manual_seed(seeds)
    return PrefrontalNetwork(layout, torch.randn(seeds, layout.size, generator=generator, dtype=torch.float64))


def random_sequence(seeds: int, episodes: int, steps: int) -> list[tuple[torch.Tensor, ...]]:
    """Observation, last reward and last action of each step; no action (-1) before the first."""
    g = torch.Generator().manual_seed(7)
    return [
        (
            torch.randn(seeds, episodes, LAYOUT.observations, generator=g, dtype=torch.float64),
            torch.randn(seeds, episodes, generator=g, dtype=torch.float64),
            torch.randint(-(t == 0), 0 if t == 0 else LAYOUT.actions, (seeds, episodes), generator=g),
        )
        for t in range(steps)
    ]


def run(network: PrefrontalNetwork, sequence: list[tuple[torch.Tensor, ...]]) -> list[torch.Tensor]:
    """Activity, probabilities and value, each (seed, steps, episode, ...)."""
    memory, rows = network.begin(sequence[0][0].shape[1]), []
    for entry in sequence:
        memory, probabilities, value = network.step(memory, *entry)
        rows.append((memory["activity"], probabilities, value))
    return [torch.stack(parts, dim=1) for parts in zip(*rows, strict=True)]


def test_step_by_step_equals_whole_sequence():
    """PyTorch's own LSTM gets each network's sequence in one call."""
    seeds, episodes, steps = 3, 2, 9
    network, sequence = random_network(seeds), random_sequence(seeds, episodes, steps)
    activity, probabilities, value = run(network, sequence)
    for s in range(seeds):
        p = {name: tensor[s] for name, tensor in network.parameters.items()}
        lstm = torch.nn.LSTM(LAYOUT.inputs, LAYOUT.units, dtype=torch.float64)
        weight_ih, weight_hh = gate_order(p["lstm_weight"]).T.split([LAYOUT.inputs, LAYOUT.units], dim=1)
        bias = gate_order(p["lstm_bias"])
        lstm.load_state_dict({"weight_ih_l0": weight_ih, "weight_hh_l0": weight_hh, "bias_ih_l0": bias, "bias_hh_l0": 0 * bias})
        one_hot = torch.nn.functional.one_hot(torch.stack([a[s] for _, _, a in sequence]) + 1, LAYOUT.actions + 1)[..., 1:]
        observation, reward = (torch.stack([entry[k][s] for entry in sequence]) for k in (0, 1))
        start = [p[name].expand(1, episodes, -1).contiguous() for name in ("initial_activity", "initial_cell")]
        whole, _ = lstm(torch.cat([observation, reward[..., None], one_hot], dim=-1), tuple(start))
        torch.testing.assert_close(activity[s], whole)
        torch.testing.assert_close(probabilities[s], torch.softmax(whole @ p["policy_weight"] + p["policy_bias"], dim=-1))
        torch.testing.assert_close(value[s], (whole @ p["value_weight"] + p["value_bias"])[..., 0])


def test_shapes():
    activity, probabilities, value = run(random_network(5), random_sequence(5, 2, 4))
    assert activity.shape == (5, 4, 2, LAYOUT.units)
    assert probabilities.shape == (5, 4, 2, LAYOUT.actions)
    assert value.shape == (5, 4, 2)
    torch.testing.assert_close(probabilities.sum(-1), torch.ones(5, 4, 2, dtype=torch.float64))


@given(layout=LAYOUTS, seeds=st.integers(1, 4))
def test_flatten_and_views_are_inverse(layout, seeds):
    flat = torch.arange(seeds * layout.size).reshape(seeds, layout.size)
    views = layout.views(flat)
    assert {name: tuple(view.shape[1:]) for name, view in views.items()} == layout.shapes
    assert torch.equal(layout.flatten(views), flat)
    views["lstm_bias"] += 1
    assert torch.equal(layout.views(flat)["lstm_bias"], views["lstm_bias"]), "views share memory with the flat tensor"


@given(seeds=st.integers(2, 6), changed=st.integers(0, 5), seed=st.integers(0, 1000))
def test_networks_in_a_stack_never_mix(seeds, changed, seed):
    """Another network's weights and inputs leave no trace in one's own results."""
    changed %= seeds
    network, sequence = random_network(seeds), random_sequence(seeds, 2, 4)
    before = run(network, sequence)
    g = torch.Generator().manual_seed(seed)
    other = network.flat.clone()
    other[changed] += torch.randn(LAYOUT.size, generator=g, dtype=torch.float64)
    for observation, reward, _ in sequence:
        observation[changed] += 1
        reward[changed] -= 1
    after = run(PrefrontalNetwork(LAYOUT, other), sequence)
    rest = [s for s in range(seeds) if s != changed]
    for old, new in zip(before, after, strict=True):
        assert torch.equal(old[rest], new[rest])
        assert not torch.equal(old[changed], new[changed])


def test_backward_step_equals_autograd():
    g = torch.Generator().manual_seed(3)
    p = random_network(2).parameters
    inputs = torch.randn(2, 4, LAYOUT.inputs + LAYOUT.units, generator=g, dtype=torch.float64, requires_grad=True)
    cell = torch.randn(2, 4, LAYOUT.units, generator=g, dtype=torch.float64, requires_grad=True)
    d_activity, d_cell = torch.randn(2, 2, 4, LAYOUT.units, generator=g, dtype=torch.float64)
    activity, new_cell, gates = lstm_step(p["lstm_weight"], p["lstm_bias"], inputs, cell)
    d_inputs, d_previous = torch.autograd.grad([activity, new_cell], [inputs, cell], [d_activity, d_cell])
    recurrent = p["lstm_weight"][:, LAYOUT.inputs :].mT
    ours = lstm_step_backward(recurrent, gates.detach(), new_cell.detach(), cell.detach(), d_activity, d_cell)
    torch.testing.assert_close(ours[0], d_inputs[..., LAYOUT.inputs :])
    torch.testing.assert_close(ours[1], d_previous)


def test_initial_weights_lie_in_their_range_and_fill_it():
    layout = Layout(4, 3, 48)
    scales = torch.tensor([1.0, 2.5]), torch.tensor([3.0, 0.5])
    parameters = layout.views(initial_parameters(layout, [0, 1], *scales))
    for name, values in parameters.items():
        if not name.endswith("weight"):
            assert (values == 0).all(), name
            continue
        bound = (scales[0] if name == "lstm_weight" else scales[1]) / math.sqrt(48)
        largest = values.abs().flatten(1).max(1).values
        assert (largest <= bound).all() and (largest > 0.9 * bound).all(), name
        assert (values.flatten(1).mean(1).abs() < 4 * bound / math.sqrt(3 * values[0].numel())).all(), name


def test_initial_weights_depend_on_the_seed_alone():
    def draw(seeds: list[int]) -> torch.Tensor:
        return initial_parameters(LAYOUT, seeds, torch.ones(len(seeds)), torch.ones(len(seeds)))

    assert torch.equal(draw([4, 9, 2])[1], draw([9])[0])
    assert not torch.equal(draw([9])[0], draw([2])[0])


def test_parameters_of_another_size_are_refused():
    with pytest.raises(ValueError, match=rf"shape \(2, 10\), expected \(seeds, {LAYOUT.size}\)"):
        PrefrontalNetwork(LAYOUT, torch.zeros(2, 10))
