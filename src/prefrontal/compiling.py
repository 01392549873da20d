"""A loop over time steps and its derivative, compiled: the step once for all steps.

``torch.compile`` of a stretch of time steps compiles every one of them, which takes minutes. Here PyTorch traces a single step
and its derivative into two graphs, its compiler turns each into a program, and loops over time call them.
"""

from __future__ import annotations

import errno
import functools
import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from prefrontal.errors import UserError

Tensors = dict[str, Tensor]

Step = Callable[[Tensors, Tensors, Tensor], tuple[Tensors, Tensors]]
"""Fixed tensors, carried tensors and what is new (seed, ...) -> carried tensors, record; all lead with (seed, ...)."""


class Loop:
    """Applies a step over and over, and can be differentiated; compiles when it first meets tensors of such shapes.

    Parameters
    ----------
    step : Step
        Must not branch on the values of tensors.
    flows : callable
        Name of a carried tensor -> whether gradients flow through it.
    """

    def __init__(self, step: Step, flows: Callable[[str], bool]) -> None:
        self.step, self.flows = step, flows
        self.programs: dict[tuple[torch.Size, ...], Program] = {}

    def __call__(self, fixed: Tensors, carried: Tensors, new: Tensor) -> tuple[Tensors, Tensors]:
        """Loop over the second axis of ``new`` (seed, steps, ...) -> carried tensors, record (seed, steps, ...).

        Gradients are those at the fixed tensors that require one, and at the carried tensors.
        """
        # A checkpoint brings tensors back in another order.
        fixed, carried = (dict(sorted(tensors.items())) for tensors in (fixed, carried))
        key = tuple(tensor.shape for tensor in (*fixed.values(), *carried.values(), new[:, 0]))
        if key not in self.programs:
            with cache():
                self.programs[key] = Program(self.step, self.flows, fixed, carried, new[:, 0])
        program = self.programs[key]
        outputs = dict(zip(program.outputs, _Looped.apply(program, new, *fixed.values(), *carried.values()), strict=True))
        record = {name.removeprefix("record "): outputs[name] for name in program.recorded}
        return {name: outputs[f"carried {name}"] for name in carried}, record


@contextmanager
def cache() -> Iterator[None]:
    """Keep what is compiled in the user's cache folder; raise UserError if it cannot be written there."""
    # PyTorch's own default, which its imports would set, is a temporary folder.
    folder = os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(Path.home() / ".cache" / "prefrontal"))
    try:
        yield
    except Exception as error:  # PyTorch's compiler raises kinds of its own
        cause = error if isinstance(error, OSError) else error.__cause__ or error.__context__
        if isinstance(cause, OSError) or os.strerror(errno.ENOSPC) in str(error):
            why = f"{folder}: what is compiled cannot be written ({getattr(cause, 'strerror', None) or cause or error})"
            raise UserError(f"{why}; name another folder in TORCHINDUCTOR_CACHE_DIR, or train with --no-compile") from error
        raise


class Program:
    """One step and its derivative, compiled for tensors such as these.

    ``forward([*fixed, *carried, new])`` returns carried tensors, record, and what the derivative needs. ``backward`` takes the
    latter, the gradients at those outputs that have one (``received``), and the ``sums``; it returns the sums with its share
    added, the factors of the ``products``, two each, and the gradients at the carried tensors.

    Attributes
    ----------
    sums, products : list of int
        Fixed tensors whose gradient is summed step by step, and those whose gradient is a matrix product in every step (a
        weight's): its factors are kept, and one product serves all steps.
    """

    def __init__(self, step: Step, flows: Callable[[str], bool], fixed: Tensors, carried: Tensors, new: Tensor) -> None:
        from functorch.compile import min_cut_rematerialization_partition

        self.fixed, names = len(fixed), [*fixed, *carried]
        self.flowing = [k for k, (name, tensor) in enumerate(carried.items()) if flows(name) and tensor.is_floating_point()]

        def function(*inputs: Tensor) -> Tensors:
            named = dict(zip(names, inputs, strict=False))
            after, record = step({n: named[n] for n in fixed}, {n: named[n] for n in carried}, inputs[-1])
            return {f"carried {n}": after[n] for n in carried} | {f"record {n}": tensor for n, tensor in record.items()}

        example = [packed(tensor) for tensor in (*fixed.values(), *carried.values(), new)]
        flowing = [self.fixed + k for k in self.flowing]
        learned = [k for k, tensor in enumerate(fixed.values()) if tensor.requires_grad]
        inputs = [tensor.clone().requires_grad_(k in (*learned, *flowing)) for k, tensor in enumerate(example)]
        outputs = function(*inputs)
        self.outputs = list(outputs)
        self.recorded = [name for name in outputs if name.startswith("record ")]
        self.received = [k for k, tensor in enumerate(outputs.values()) if tensor.requires_grad]
        sources = [tensor for tensor in outputs.values() if tensor.requires_grad]
        if not sources:
            plain = traced(lambda *inputs: list(map(packed, function(*inputs).values())), *example)
            self.forward = compiled(plain, example)
            return
        found = torch.autograd.grad(sources, [inputs[k] for k in learned], sources, allow_unused=True, retain_graph=True)
        learned = [k for k, gradient in zip(learned, found, strict=True) if gradient is not None]

        def joint(inputs: list[Tensor], cotangents: list[Tensor]) -> list[Tensor]:
            outputs = list(function(*inputs).values())
            at = [inputs[k] for k in (*learned, *flowing)]
            gradients = torch.autograd.grad([outputs[k] for k in self.received], at, cotangents, materialize_grads=True)
            return [*map(packed, outputs), *gradients[: len(learned)], *map(packed, gradients[len(learned) :])]

        cotangents = [packed(tensor) for tensor in sources]
        graph = traced(joint, inputs, cotangents)
        graph.graph.eliminate_dead_code()
        with torch.no_grad():
            there, back = min_cut_rematerialization_partition(graph, [*inputs, *cotangents], num_fwd_outputs=len(outputs))
            self.forward = compiled(there, example)
            kept = self.forward(list(example))[len(outputs) :]
            self.products, self.sums = split_gradients(back, learned)
            self.backward = compiled(back, [*kept, *cotangents, *(example[k] for k in self.sums)])


def split_gradients(graph: torch.fx.GraphModule, learned: list[int]) -> tuple[list[int], list[int]]:
    """Let a graph return, of gradients that are matrix products, the factors, and of others, sums with what comes in last.

    Its first outputs are the gradients at the ``learned`` fixed tensors -> which are products, and which are summed.
    """
    (end,) = (node for node in graph.graph.nodes if node.op == "output")
    results = list(end.args[0])
    gradients = dict(zip(learned, results, strict=False))
    products = [k for k, node in gradients.items() if node.target == torch.ops.aten.bmm.default]
    sums = [k for k in learned if k not in products]
    last = [node for node in graph.graph.nodes if node.op == "placeholder"][-1]
    with graph.graph.inserting_after(last):
        before = {k: graph.graph.placeholder(f"sum_{k}") for k in reversed(sums)}
    with graph.graph.inserting_before(end):
        after = [graph.graph.call_function(torch.ops.aten.add.Tensor, (before[k], gradients[k])) for k in sums]
        factors = [
            graph.graph.call_function(torch.ops.aten.clone.default, (factor,), {"memory_format": torch.contiguous_format})
            for k in products
            for factor in gradients[k].args
        ]
    end.args = ((*after, *factors, *results[len(learned) :]),)
    graph.graph.eliminate_dead_code()
    graph.recompile()
    return products, sums


def traced(function: Callable[..., Any], *example: Any, decompositions: Any = None) -> torch.fx.GraphModule:
    """Trace a function of tensors such as these; tensors that a task holds, such as pictures, become constants of the graph."""
    from torch.fx.experimental.proxy_tensor import make_fx

    graph: torch.fx.GraphModule = make_fx(function, decompositions, "fake", _allow_non_fake_inputs=True)(*example)
    return graph


def compiled(graph: torch.fx.GraphModule, example: list[Tensor]) -> Callable[[list[Tensor]], Any]:
    """Compile a graph for tensors such as these; what was compiled before is found in the user's cache folder."""
    from torch._inductor import config
    from torch._inductor.compile_fx import compile_fx_inner
    from torch._inductor.decomposition import select_decomp_table

    decomposed = traced(graph, *example, decompositions=select_decomp_table())
    with config.patch(size_asserts=False):
        program: Any = compile_fx_inner(decomposed, example)
    return program.current_callable


def packed(tensor: Tensor) -> Tensor:
    """Copy without gaps or gradient: programs are compiled for one layout in memory."""
    return tensor.detach().clone(memory_format=torch.contiguous_format)


class _Looped(torch.autograd.Function):
    """The loop as automatic differentiation sees it."""

    @staticmethod
    def forward(ctx: Any, program: Program, new: Tensor, *tensors: Tensor) -> tuple[Tensor, ...]:
        fixed = [tensor.contiguous() for tensor in tensors[: program.fixed]]
        carried = [tensor.contiguous() for tensor in tensors[program.fixed :]]
        records, kept = [], []
        for now in new.transpose(0, 1).contiguous().unbind(0):
            results = program.forward([*fixed, *carried, now])
            carried = results[: len(carried)]
            records.append(results[len(carried) : len(program.outputs)])
            kept.append(results[len(program.outputs) :])
        outputs = (*carried, *(torch.stack(parts, dim=1) for parts in zip(*records, strict=True)))
        ctx.program, ctx.fixed, ctx.kept = program, fixed, kept
        ctx.mark_non_differentiable(*(tensor for k, tensor in enumerate(outputs) if k not in program.received))
        return outputs

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        program = ctx.program
        carried, summed, factored = len(gradients) - len(program.recorded), len(program.sums), 2 * len(program.products)
        at_carried = [k for k in program.received if k < carried]
        d_carried = [gradients[k].contiguous() for k in at_carried]
        d_record = [gradients[k].transpose(0, 1).contiguous().unbind(0) for k in program.received if k >= carried]
        sums, shares = [torch.zeros_like(ctx.fixed[k]) for k in program.sums], []
        factors: list[list[Tensor]] = []
        for kept, *d_now in zip(reversed(ctx.kept), *map(reversed, d_record), strict=True):
            results = program.backward([*kept, *d_carried, *d_now, *sums])
            sums, shares = results[:summed], results[summed + factored :]
            factors.append(results[summed : summed + factored])
            d_carried = [shares[program.flowing.index(k)] for k in at_carried]
        d_fixed: list[Tensor | None] = [None] * program.fixed
        for k, total in zip(program.sums, sums, strict=True):
            d_fixed[k] = total
        sides = list(zip(*factors, strict=True))
        for k, left, right in zip(program.products, sides[::2], sides[1::2], strict=True):
            d_fixed[k] = torch.bmm(torch.cat(left, dim=2), torch.cat(right, dim=1))
        d_start = [shares[program.flowing.index(k)] if k in program.flowing else None for k in range(carried)]
        return None, None, *d_fixed, *d_start


@functools.cache
def compiler_found() -> bool:
    """Tell whether programs can be compiled; if not, say so once."""
    found = shutil.which(os.environ.get("CXX", "g++")) is not None
    if not found:
        warnings.warn("no C++ compiler found: training runs uncompiled, about five times slower", stacklevel=2)
    return found
