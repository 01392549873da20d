"""Networks: encoder, core and wiring, stacked."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from prefrontal.networks.cores import LSTM
from prefrontal.networks.encoders import Convolutions, Identity
from prefrontal.networks.network import Network, NetworkInput, initial_parameters
from tests.textbook import gate_order

NETWORK = Network(Identity(4), LSTM(6), 3)
NETWORKS = st.builds(
    Network,
    st.builds(Identity, st.integers(1, 5)),
    st.builds(LSTM, st.integers(1, 8), st.booleans()),
    st.integers(1, 4),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
VIEWS = Network(Convolutions(36, 7), LSTM(5, learned_initial_state=False), 3)


def random_flat(seeds: int, network: Network = NETWORK) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seeds)
    return torch.randn(seeds, network.size, generator=generator, dtype=torch.float64)


def random_sequence(seeds: int, episodes: int, steps: int) -> list[NetworkInput]:
    """No action (-1) before the first step."""
    g = torch.Generator().manual_seed(7)
    return [
        NetworkInput(
            torch.randn(
                seeds, episodes, NETWORK.encoder.features, generator=g, dtype=torch.float64
            ),
            torch.randn(seeds, episodes, generator=g, dtype=torch.float64),
            torch.randint(
                -(t == 0), 0 if t == 0 else NETWORK.actions, (seeds, episodes), generator=g
            ),
        )
        for t in range(steps)
    ]


def run(network: Network, flat: torch.Tensor, sequence: list[NetworkInput]) -> list[torch.Tensor]:
    """Activity, logits and value, each (network, steps, episode, ...)."""
    p, rows = network.views(flat), []
    memory, discount = (
        network.reset(p, sequence[0].reward.shape[1]),
        torch.full((len(flat),), 0.9, dtype=flat.dtype),
    )
    for network_input in sequence:
        memory, logits, value = network.step(p, memory, network_input, discount)
        rows.append((memory["activity"], logits, value))
    return [torch.stack(parts, dim=1) for parts in zip(*rows, strict=True)]


def test_step_by_step_equals_whole_sequence():
    """PyTorch's own LSTM gets each network's sequence in one call."""
    seeds, episodes, steps = 3, 2, 9
    flat, sequence = random_flat(seeds), random_sequence(seeds, episodes, steps)
    activity, logits, value = run(NETWORK, flat, sequence)
    units = NETWORK.core.units
    for s in range(seeds):
        p = {name: tensor[s] for name, tensor in NETWORK.views(flat).items()}
        lstm = nn.LSTM(NETWORK.inputs(), units, dtype=torch.float64)
        weight_ih, weight_hh = gate_order(p["lstm_weight"]).T.split(
            [NETWORK.inputs(), units], dim=1
        )
        bias = gate_order(p["lstm_bias"])
        lstm.load_state_dict(
            {
                "weight_ih_l0": weight_ih,
                "weight_hh_l0": weight_hh,
                "bias_ih_l0": bias,
                "bias_hh_l0": 0 * bias,
            }
        )
        one_hot = nn.functional.one_hot(
            torch.stack([m.action[s] for m in sequence]) + 1, NETWORK.actions + 1
        )[..., 1:]
        observation, reward = (
            torch.stack([network_input[k][s] for network_input in sequence]) for k in (0, 1)
        )
        start = [
            p[name].expand(1, episodes, -1).contiguous()
            for name in ("initial_activity", "initial_cell")
        ]
        whole, _ = lstm(torch.cat([observation, reward[..., None], one_hot], dim=-1), tuple(start))
        torch.testing.assert_close(activity[s], whole)
        torch.testing.assert_close(logits[s], whole @ p["policy_weight"] + p["policy_bias"])
        torch.testing.assert_close(value[s], (whole @ p["value_weight"] + p["value_bias"])[..., 0])


@given(network=NETWORKS, seeds=st.integers(1, 4))
def test_flatten_and_views_are_inverse(network, seeds):
    flat = torch.arange(seeds * network.size).reshape(seeds, network.size)
    views = network.views(flat)
    assert {name: tuple(view.shape[1:]) for name, view in views.items()} == network.shapes
    assert torch.equal(network.flatten(views), flat)
    views["lstm_bias"] += 1
    assert torch.equal(network.views(flat)["lstm_bias"], views["lstm_bias"]), (
        "views share memory with the flat tensor"
    )


@settings(deadline=None)
@given(
    seeds=st.integers(2, 6),
    changed=st.integers(0, 5),
    seed=st.integers(0, 1000),
    separate=st.booleans(),
)
def test_networks_in_a_stack_never_mix(seeds, changed, seed, separate):
    """Another network's weights and inputs leave no trace in one's own results."""
    changed %= seeds
    network = Network(Identity(4), LSTM(6), 3, separate)
    flat, sequence = random_flat(seeds, network), random_sequence(seeds, 2, 4)
    before = run(network, flat, sequence)
    g = torch.Generator().manual_seed(seed)
    other = flat.clone()
    other[changed] += torch.randn(network.size, generator=g, dtype=torch.float64)
    for network_input in sequence:
        network_input.observation[changed] += 1
        network_input.reward[changed] -= 1
    after = run(network, other, sequence)
    rest = [s for s in range(seeds) if s != changed]
    for old, new in zip(before, after, strict=True):
        assert torch.equal(old[rest], new[rest])
        assert not torch.equal(old[changed], new[changed])


def test_stateless_networks_start_anew_at_every_step():
    network, sequence = Network(Identity(4), LSTM(6), 3, stateful=False), random_sequence(2, 3, 4)
    flat = random_flat(2, network)
    alone = [run(network, flat, [network_input]) for network_input in sequence]
    for together, *steps in zip(run(network, flat, sequence), *alone, strict=True):
        assert torch.equal(together, torch.cat(steps, dim=1))


@pytest.mark.parametrize("separate", [False, True])
@pytest.mark.parametrize(
    ("blind", "sense"), [("reward", "reward_input"), ("action", "action_input")]
)
def test_inputs_left_out_change_nothing(blind, sense, separate):
    network = Network(Identity(4), LSTM(6), 3, separate, **{sense: False})
    flat, sequence = random_flat(2, network), random_sequence(2, 3, 5)

    def other(network_input: NetworkInput) -> NetworkInput:
        action = torch.where(network_input.action < 0, -1, (network_input.action + 1) % 3)
        return (
            network_input._replace(reward=network_input.reward + 1)
            if blind == "reward"
            else network_input._replace(action=action)
        )

    changed = [other(network_input) for network_input in sequence]
    for old, new in zip(run(network, flat, sequence), run(network, flat, changed), strict=True):
        assert torch.equal(old, new)
    whole = Network(Identity(4), LSTM(6), 3, separate)
    seen = run(whole, random_flat(2, whole), sequence), run(whole, random_flat(2, whole), changed)
    assert not torch.equal(seen[0][1], seen[1][1])


def test_actor_receives_the_critics_prediction_error():
    network, discount = (
        Network(Identity(2), LSTM(4), 3, separate_actor_critic=True),
        torch.tensor([0.8, 0.5], dtype=torch.float64),
    )
    p = network.views(random_flat(2, network).requires_grad_())
    memory, g = network.reset(p, 5), torch.Generator().manual_seed(0)
    values, received = [], []

    def spy(error, reward, action):
        received.append(error)
        return error

    rewards = torch.randn(4, 2, 5, generator=g, dtype=torch.float64)
    for t in range(4):
        action = torch.full((2, 5), -1 if t == 0 else 1)
        observation = torch.randn(2, 5, 2, generator=g, dtype=torch.float64)
        memory, _, value = network.step(
            p, memory, NetworkInput(observation, rewards[t], action), discount, spy
        )
        values.append(value)
    assert (received[0] == 0).all()
    for t in range(1, 4):
        torch.testing.assert_close(
            received[t], (rewards[t] + discount[:, None] * values[t] - values[t - 1]).detach()
        )
    assert not any(error.requires_grad for error in received), (
        "the actor's gradient ends at the error"
    )


@pytest.mark.parametrize("received", ["reward", "error"])
def test_actor_may_receive_reward_and_error(received):
    """Where the weights of one of the two are 0, it is the network that receives the other."""
    both = Network(Identity(2), LSTM(4), 3, True, actor_reward=True)
    alone = Network(Identity(2), LSTM(4), 3, True)
    p = both.views(random_flat(2, both))
    other = {"reward": 3, "error": 2}[received]
    p["lstm_weight"][:, other] = 0
    rows = [k for k in range(p["lstm_weight"].shape[1]) if k != other]
    one = p | {"lstm_weight": p["lstm_weight"][:, rows]}
    instead = {"reward": lambda error, reward, action: reward, "error": None}[received]
    memories, g = [both.reset(p, 5), alone.reset(one, 5)], torch.Generator().manual_seed(0)
    discount = torch.full((2,), 0.9, dtype=torch.float64)
    for t in range(4):
        observation, reward = (
            torch.randn(*shape, generator=g, dtype=torch.float64) for shape in ((2, 5, 2), (2, 5))
        )
        seen = NetworkInput(observation, reward, torch.full((2, 5), t - 1))
        outputs = [
            both.step(p, memories[0], seen, discount),
            alone.step(one, memories[1], seen, discount, instead),
        ]
        torch.testing.assert_close(outputs[0].logits, outputs[1].logits)
        memories = [output.memory for output in outputs]


def test_initial_weights_fill_their_range():
    network = Network(Identity(4), LSTM(48), 3)
    scales = torch.tensor([1.0, 2.5]), torch.tensor([3.0, 0.5])
    parameters = network.views(initial_parameters(network, [0, 1], *scales))
    for name, values in parameters.items():
        if not name.endswith("weight"):
            assert (values == 0).all(), name
            continue
        bound = (scales[0] if name == "lstm_weight" else scales[1]) / math.sqrt(48)
        largest = values.abs().flatten(1).max(1).values
        assert (largest <= bound).all() and (largest > 0.9 * bound).all(), name
        assert (
            values.flatten(1).mean(1).abs() < 4 * bound / math.sqrt(3 * values[0].numel())
        ).all(), name


@pytest.mark.parametrize("network", [NETWORK, VIEWS], ids=["symbols", "pixels"])
def test_initial_weights_depend_on_the_seed_alone(network):
    def draw(seeds: list[int]) -> torch.Tensor:
        return initial_parameters(network, seeds, torch.ones(len(seeds)), torch.ones(len(seeds)))

    assert torch.equal(draw([4, 9, 2])[1], draw([9])[0])
    assert not torch.equal(draw([9])[0], draw([2])[0])


def test_parameters_of_another_size_raise():
    with pytest.raises(
        ValueError, match=rf"shape \(2, 10\), expected \(networks, {NETWORK.size}\)"
    ):
        NETWORK.views(torch.zeros(2, 10))


@pytest.mark.parametrize("pixels", [torch.uint8, torch.float32])
def test_convolutions_equal_pytorchs_modules(pixels):
    torch.manual_seed(0)
    encoders = [
        nn.Sequential(
            nn.Conv2d(3, 16, 8, 4),
            nn.ReLU(),
            nn.Conv2d(16, 32, 4, 2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * 3**2, 7),
            nn.ReLU(),
        )
        for _ in range(2)
    ]
    states = [encoder.state_dict(prefix="encoder_") for encoder in encoders]
    p = {name: torch.stack([state[name] for state in states]) for name in states[0]}
    p = {name.replace(".", "_"): tensor for name, tensor in p.items()}
    views = torch.randint(0, 256, (2, 4, 36, 36, 3), dtype=torch.uint8)
    scaled = views / 127.5 - 1
    features = VIEWS.encoder.encode(p, views if pixels == torch.uint8 else scaled)
    for n, encoder in enumerate(encoders):
        expected = encoder(scaled[n].permute(0, 3, 1, 2))
        torch.testing.assert_close(features[n], expected, rtol=1e-4, atol=1e-5)
