"""Cores: the memory of a network, one kind per file."""

from prefrontal.networks.cores.attention import Attention
from prefrontal.networks.cores.base import Core
from prefrontal.networks.cores.feedforward import Feedforward
from prefrontal.networks.cores.gru import GRU
from prefrontal.networks.cores.lstm import LSTM
from prefrontal.networks.cores.memory_slots import MemorySlots
from prefrontal.networks.cores.rnn import RNN

CORES: dict[str, type[Core]] = {
    "lstm": LSTM,
    "gru": GRU,
    "rnn": RNN,
    "attention": Attention,
    "memory_slots": MemorySlots,
    "feedforward": Feedforward,
}
