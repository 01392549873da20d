"""A compiled loop over time steps and its derivative; the step is compiled only once.

``torch.compile`` of a sequence of time steps compiles each of them, which takes minutes. Here
PyTorch traces a single step and its derivative into two graphs, its compiler turns each into a
program, and loops over time call them.

All private PyTorch interfaces that the library uses are in this file. If they are missing, or
without compiling, the same loop runs uncompiled.
"""

from __future__ import annotations

import errno
import functools
import os
import shutil
import tempfile
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
"""Fixed tensors, carried tensors and new inputs of this step -> carried tensors, outputs; each
(network, ...)."""


class Loop:
    """Applies a step repeatedly; can be differentiated.

    Parameters
    ----------
    step : Step
        Must not branch on the values of tensors.
    needs_grad : callable
        Name of a carried tensor -> whether gradients pass through it.
    compiled : bool
        Compile when tensors of new shapes first occur; without a C++ compiler, or if PyTorch's
        private interfaces differ, the loop runs uncompiled after a warning.
    """

    def __init__(
        self, step: Step, needs_grad: Callable[[str], bool], compiled: bool = True
    ) -> None:
        self.step, self.needs_grad, self.compiled = step, needs_grad, compiled and compiler_found()
        self.programs: dict[tuple[torch.Size, ...], Program] = {}

    def __call__(self, fixed: Tensors, carried: Tensors, new: Tensor) -> tuple[Tensors, Tensors]:
        """Loop over the second axis of ``new`` (network, steps, ...).

        Returns
        -------
        carried : dict
            After the last step. Its gradients and those of ``fixed`` are computed.
        outputs : dict
            Of all steps, (network, steps, ...).
        """
        program = self._program(fixed, carried, new) if self.compiled else None
        if program is None:
            return self._uncompiled(fixed, carried, new)
        inputs = *_in_order(fixed).values(), *_in_order(carried).values()
        results = dict(zip(program.outputs, _Looped.apply(program, new, *inputs), strict=True))
        outputs = {name.removeprefix("output "): results[name] for name in program.stacked}
        return {name: results[f"carried {name}"] for name in carried}, outputs

    def _uncompiled(self, fixed: Tensors, carried: Tensors, new: Tensor) -> tuple[Tensors, Tensors]:
        outputs: list[Tensors] = []
        for now in new.unbind(1):
            carried, output = self.step(fixed, carried, now)
            outputs.append(output)
        return carried, {
            name: torch.stack([each[name] for each in outputs], 1) for name in outputs[0]
        }

    def _program(self, fixed: Tensors, carried: Tensors, new: Tensor) -> Program | None:
        """Return the program for tensors of these shapes, compiled on first use."""
        fixed, carried = _in_order(fixed), _in_order(carried)
        key = tuple(tensor.shape for tensor in (*fixed.values(), *carried.values(), new[:, 0]))
        if key not in self.programs:
            try:
                with cache():
                    self.programs[key] = Program(
                        self.step, self.needs_grad, fixed, carried, new[:, 0]
                    )
            except (ImportError, AttributeError, TypeError) as error:
                self.compiled = False
                warn_uncompiled(f"PyTorch {torch.__version__} compiles differently ({error})")
                return None
        return self.programs[key]


def _in_order(tensors: Tensors) -> Tensors:
    """Sort by name, since a checkpoint returns tensors in another order."""
    return dict(sorted(tensors.items()))


@contextmanager
def cache() -> Iterator[None]:
    """Keep compiled programs in the user's cache folder; raise UserError if it cannot be
    written."""
    # PyTorch's own default, which its imports would set, is a temporary folder.
    try:
        home = Path.home()
    except RuntimeError:  # there is none
        home = Path(tempfile.gettempdir())
    folder = os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(home / ".cache" / "prefrontal"))
    try:
        yield
    except Exception as error:  # PyTorch's compiler raises its own exceptions
        cause = error if isinstance(error, OSError) else error.__cause__ or error.__context__
        if isinstance(cause, OSError) or os.strerror(errno.ENOSPC) in str(error):
            why = getattr(cause, "strerror", None) or cause or error
            raise UserError(
                f"{folder}: compiled programs cannot be written ({why}); "
                "name another folder in TORCHINDUCTOR_CACHE_DIR, or train with --compile False"
            ) from error
        raise


class Program:
    """One step and its derivative, compiled for tensors of these shapes.

    ``forward([*fixed, *carried, new])`` returns carried tensors, outputs, and what the derivative
    needs. ``backward`` takes the latter, the gradients of those outputs that have one
    (``received``), and the ``sums``; it returns the sums with its contribution added, the factors
    of the ``products``, two each, and the gradients of the carried tensors.

    Attributes
    ----------
    sums, products : list of int
        Fixed tensors whose gradient is summed step by step, and those (weights) whose gradient at
        every step is a matrix product: its factors are kept, and one product serves all steps.
    """

    def __init__(
        self,
        step: Step,
        needs_grad: Callable[[str], bool],
        fixed: Tensors,
        carried: Tensors,
        new: Tensor,
    ) -> None:
        from functorch.compile import min_cut_rematerialization_partition

        self.fixed, names = len(fixed), [*fixed, *carried]
        self.differentiated = [
            k
            for k, (name, tensor) in enumerate(carried.items())
            if needs_grad(name) and tensor.is_floating_point()
        ]

        def function(*inputs: Tensor) -> Tensors:
            named = dict(zip(names, inputs, strict=False))
            after, output = step(
                {n: named[n] for n in fixed}, {n: named[n] for n in carried}, inputs[-1]
            )
            results = {f"carried {name}": after[name] for name in carried}
            return results | {f"output {name}": tensor for name, tensor in output.items()}

        example = [packed(tensor) for tensor in (*fixed.values(), *carried.values(), new)]
        differentiated = [self.fixed + k for k in self.differentiated]
        learned = [k for k, tensor in enumerate(fixed.values()) if tensor.requires_grad]
        inputs = [
            tensor.clone().requires_grad_(k in (*learned, *differentiated))
            for k, tensor in enumerate(example)
        ]
        outputs = function(*inputs)
        self.outputs = list(outputs)
        self.stacked = [name for name in outputs if name.startswith("output ")]
        self.received = [k for k, tensor in enumerate(outputs.values()) if tensor.requires_grad]
        sources = [tensor for tensor in outputs.values() if tensor.requires_grad]
        if not sources:
            plain = traced(lambda *inputs: list(map(packed, function(*inputs).values())), *example)
            self.forward = compiled(plain, example)
            return
        leaves = [inputs[k] for k in learned]
        used = torch.autograd.grad(sources, leaves, sources, allow_unused=True, retain_graph=True)
        learned = [k for k, gradient in zip(learned, used, strict=True) if gradient is not None]

        def joint(inputs: list[Tensor], cotangents: list[Tensor]) -> list[Tensor]:
            outputs = list(function(*inputs).values())
            at, of = (
                [inputs[k] for k in (*learned, *differentiated)],
                [outputs[k] for k in self.received],
            )
            gradients = torch.autograd.grad(of, at, cotangents, materialize_grads=True)
            of_learned, of_carried = gradients[: len(learned)], gradients[len(learned) :]
            return [*map(packed, outputs), *of_learned, *map(packed, of_carried)]

        cotangents = [packed(tensor) for tensor in sources]
        graph = traced(joint, inputs, cotangents)
        graph.graph.eliminate_dead_code()
        with torch.no_grad():
            forward, backward = min_cut_rematerialization_partition(
                graph, [*inputs, *cotangents], num_fwd_outputs=len(outputs)
            )
            self.forward = compiled(forward, example)
            saved = self.forward(list(example))[len(outputs) :]
            self.products, self.sums = split_gradients(backward, learned)
            self.backward = compiled(
                backward, [*saved, *cotangents, *(example[k] for k in self.sums)]
            )


def split_gradients(graph: torch.fx.GraphModule, learned: list[int]) -> tuple[list[int], list[int]]:
    """Change how a graph returns the gradients of the ``learned`` fixed tensors, its first outputs.

    Of gradients that are matrix products it returns the factors. To others it adds the sum so far,
    which becomes an input.

    Returns
    -------
    products, sums : list of int
        Which gradients are products, and which are summed.
    """
    (end,) = (node for node in graph.graph.nodes if node.op == "output")
    results, aten = list(end.args[0]), torch.ops.aten
    gradients = dict(zip(learned, results, strict=False))
    products = [k for k, node in gradients.items() if node.target == aten.bmm.default]
    sums = [k for k in learned if k not in products]
    last = [node for node in graph.graph.nodes if node.op == "placeholder"][-1]
    with graph.graph.inserting_after(last):
        before = {k: graph.graph.placeholder(f"sum_{k}") for k in reversed(sums)}
    with graph.graph.inserting_before(end):
        call = graph.graph.call_function
        layout: dict[str, Any] = {"memory_format": torch.contiguous_format}
        after = [call(aten.add.Tensor, (before[k], gradients[k])) for k in sums]
        factors = [
            call(aten.clone.default, (factor,), layout)
            for k in products
            for factor in gradients[k].args
        ]
    end.args = ((*after, *factors, *results[len(learned) :]),)
    graph.graph.eliminate_dead_code()
    graph.recompile()
    return products, sums


def traced(
    function: Callable[..., Any], *example: Any, decompositions: Any = None
) -> torch.fx.GraphModule:
    """Trace a function of tensors of these shapes.

    Tensors of the task, such as images, become constants of the graph.
    """
    from torch.fx.experimental.proxy_tensor import make_fx

    tracer = make_fx(function, decompositions, "fake", _allow_non_fake_inputs=True)
    graph: torch.fx.GraphModule = tracer(*example)
    return graph


def compiled(graph: torch.fx.GraphModule, example: list[Tensor]) -> Callable[[list[Tensor]], Any]:
    """Compile a graph for tensors of these shapes, or read the program from the user's cache
    folder."""
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
    """The compiled loop as seen by automatic differentiation."""

    @staticmethod
    def forward(ctx: Any, program: Program, new: Tensor, *tensors: Tensor) -> tuple[Tensor, ...]:
        fixed = [tensor.contiguous() for tensor in tensors[: program.fixed]]
        carried = [tensor.contiguous() for tensor in tensors[program.fixed :]]
        outputs, saved = [], []
        for now in new.transpose(0, 1).contiguous().unbind(0):
            results = program.forward([*fixed, *carried, now])
            carried = results[: len(carried)]
            outputs.append(results[len(carried) : len(program.outputs)])
            saved.append(results[len(program.outputs) :])
        stacked = (torch.stack(steps, dim=1) for steps in zip(*outputs, strict=True))
        all_outputs = (*carried, *stacked)
        ctx.program, ctx.fixed, ctx.saved = program, fixed, saved
        constant = (tensor for k, tensor in enumerate(all_outputs) if k not in program.received)
        ctx.mark_non_differentiable(*constant)
        return all_outputs

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        program = ctx.program
        carried = len(gradients) - len(program.stacked)
        summed, factored = len(program.sums), 2 * len(program.products)
        at_carried = [k for k in program.received if k < carried]
        d_carried = [gradients[k].contiguous() for k in at_carried]
        d_outputs = [
            gradients[k].transpose(0, 1).contiguous().unbind(0)
            for k in program.received
            if k >= carried
        ]
        sums, d_last = [torch.zeros_like(ctx.fixed[k]) for k in program.sums], []
        factors: list[list[Tensor]] = []
        for saved, *d_now in zip(reversed(ctx.saved), *map(reversed, d_outputs), strict=True):
            results = program.backward([*saved, *d_carried, *d_now, *sums])
            sums, d_last = results[:summed], results[summed + factored :]
            factors.append(results[summed : summed + factored])
            d_carried = [d_last[program.differentiated.index(k)] for k in at_carried]
        d_fixed: list[Tensor | None] = [None] * program.fixed
        for k, total in zip(program.sums, sums, strict=True):
            d_fixed[k] = total
        sides = list(zip(*factors, strict=True))
        for k, left, right in zip(program.products, sides[::2], sides[1::2], strict=True):
            d_fixed[k] = torch.bmm(torch.cat(left, dim=2), torch.cat(right, dim=1))
        d_start = dict(zip(program.differentiated, d_last, strict=True))
        return None, None, *d_fixed, *(d_start.get(k) for k in range(carried))


@functools.cache
def compiler_found() -> bool:
    """Return whether there is a C++ compiler; if not, warn once."""
    found = shutil.which(os.environ.get("CXX", "g++")) is not None
    if not found:
        warn_uncompiled("no C++ compiler found")
    return found


@functools.cache
def warn_uncompiled(reason: str) -> None:
    """Warn once that training runs uncompiled."""
    warnings.warn(f"{reason}: training runs uncompiled, about five times slower", stacklevel=2)
