"""Kinds of memory, a file each."""

from prefrontal.cores.attention import Attention
from prefrontal.cores.feedforward import Feedforward
from prefrontal.cores.gru import GRU
from prefrontal.cores.lstm import LSTM
from prefrontal.cores.protocol import Core
from prefrontal.cores.slots import Slots
from prefrontal.cores.tanh import Tanh

CORES: dict[str, type[Core]] = {
    "lstm": LSTM,
    "gru": GRU,
    "tanh": Tanh,
    "attention": Attention,
    "slots": Slots,
    "feedforward": Feedforward,
}
