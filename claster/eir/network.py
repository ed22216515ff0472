"""The network that EIR builds of a flavour, without any data: its blocks, and how far they look."""

import inspect
import logging
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from claster.dataset.spec import DatasetSpec
from claster.eir.arrays import input_views, predicted_part
from claster.eir.configure import configure
from claster.eir.machine import Machine
from claster.eir.parts import Flavour
from claster.errors import ClasterError, one_line

if TYPE_CHECKING:
    import torch
    from eir.setup.config import Configs
    from eir.setup.input_setup_modules.common import DataDimensions
    from torch import nn


def build_network(flavour: Flavour, spec: DatasetSpec) -> "nn.Module":
    """Return the network that EIR builds of a flavour for a dataset, on the CPU, freshly initialised.

    It is EIR's `MetaModel`: from a dict of input tensors, (samples, channels, height, width) each, to a dict
    of outputs. EIR reads the configuration with its own loader and builds the network with its own functions;
    only the shapes come from the dataset's YAML instead of its files, which need not be there.

    Raises
    ------
    ClasterError
        If the dataset lacks what the flavour needs, or EIR cannot build it.
    """
    spec = predicted_part(flavour, spec)
    with tempfile.TemporaryDirectory() as folder, _quiet():
        configuration = configure(flavour, spec, out=folder, machine=Machine("cpu"))
        # Some 20 seconds, and only wanted where a network is asked for.
        from eir.models.model_setup import get_model
        from eir.setup.config import generate_aggregated_config

        own, *inputs, fusion, output = map(str, configuration.files)
        files = SimpleNamespace(
            global_configs=[own],
            input_configs=inputs,
            fusion_configs=[fusion],
            output_configs=[output],
        )
        try:
            configs = generate_aggregated_config(cl_args=files)
            model = get_model(
                global_config=configs.global_config,
                inputs_as_dict=_inputs(configs, flavour, spec),
                fusion_config=configs.fusion_config,
                outputs_as_dict=_outputs(configs, flavour, spec),
            )
        except (ValueError, AssertionError, KeyError, NotImplementedError) as error:
            raise ClasterError(
                f"EIR cannot build flavour {flavour.name!r} for dataset {spec.name!r}: "
                f"{one_line(error) or type(error).__name__}",
                remedy="change its layers, kernels or strides",
            ) from error
    return model


def _inputs(configs: "Configs", flavour: Flavour, spec: DatasetSpec) -> dict[str, Any]:
    from eir.setup.input_setup_modules.setup_array import ComputedArrayInputInfo

    shapes = {name: view.shape(spec) for name, view in input_views(flavour, spec).items()}
    return {
        config.input_info.input_name: ComputedArrayInputInfo(
            input_config=config,
            data_dimensions=_dimensions(shapes[config.input_info.input_name]),
            dtype=np.dtype(np.float32),
        )
        for config in configs.input_configs
    }


def _outputs(configs: "Configs", flavour: Flavour, spec: DatasetSpec) -> dict[str, Any]:
    from eir.setup.output_setup_modules.array_output_setup import ComputedArrayOutputInfo
    from eir.setup.output_setup_modules.tabular_output_setup import ComputedTabularOutputInfo

    target = spec.require_target()
    (config,) = configs.output_configs
    if flavour.output.output_type == "array":
        output = ComputedArrayOutputInfo(
            output_config=config,
            data_dimensions=_dimensions((len(target.groups), 1, target.bins)),
            dtype=np.dtype(np.float32),
        )
    else:
        output = ComputedTabularOutputInfo(
            output_config=config,
            num_outputs_per_target=dict.fromkeys(target.columns, 1),
            target_columns={"con": target.columns, "cat": []},
            target_transformers={},
        )
    return {config.output_info.output_name: output}


def _dimensions(shape: tuple[int, ...]) -> "DataDimensions":
    from eir.setup.input_setup_modules.common import DataDimensions

    channels, height, width = (1, *shape)[-3:]
    return DataDimensions(channels=channels, height=height, width=width, original_shape=shape)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep EIR's log and the warnings of its imports from the user."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


@dataclass(frozen=True)
class Block:
    """One block of EIR's network: its class, what comes out of it, its parameters."""

    name: str
    kind: str
    channels: int
    height: int
    width: int
    parameters: int


@dataclass(frozen=True)
class Attention:
    """One attention block: what its sequence runs over, how long it is, its heads and EIR's default."""

    name: str
    over: str
    length: int
    heads: int
    heads_asked: int


def random_inputs(model: "nn.Module", *, samples: int) -> dict[str, "torch.Tensor"]:
    """Return standard normal arrays as a network of EIR takes them, on its device."""
    import torch

    device = next(model.parameters()).device
    return {
        name: torch.randn(samples, *branch.data_dimensions.full_shape(), device=device)
        for name, branch in _modules(model, "input_modules").items()
    }


def output_values(outputs: dict[str, dict[str, "torch.Tensor"]]) -> list["torch.Tensor"]:
    """Return every tensor of what a network of EIR gives."""
    return [values for output in outputs.values() for values in output.values()]


def trace_blocks(model: "nn.Module") -> dict[str, Block]:
    """Send one sample through a network and return what comes out of each block, by name.

    Names begin with their modality, or with ``message``, ``fusion`` or ``output``; the order is that
    of the data.
    """
    import torch

    seen: dict[str, Block] = {}

    def note(name: str, block: "nn.Module", out: object) -> None:
        channels, height, width = _shape_of(out)
        parameters = sum(weights.numel() for weights in block.parameters())
        seen[name] = Block(name, type(block).__name__, channels, height, width, parameters)

    blocks = _named_blocks(model)
    hooks = [
        block.register_forward_hook(lambda block, _, out, name=name: note(name, block, out))
        for name, block in blocks.items()
    ]
    with torch.no_grad():
        model.eval()(random_inputs(model, samples=1))
    for hook in hooks:
        hook.remove()
    return {name: seen[name] for name in blocks}


def find_attention(model: "nn.Module", blocks: dict[str, Block]) -> tuple[Attention, ...]:
    """Return the attention blocks of a network; `blocks` is what `trace_blocks` has found in it."""
    from eir.models.layers.cnn_layers import ConvAttentionBlock
    from eir.models.output.array.output_array_models_cnn import CrossAttentionArrayOutBlock

    asked = inspect.signature(ConvAttentionBlock).parameters["num_heads"].default
    found = []
    for name, module in _named_blocks(model).items():
        if isinstance(module, ConvAttentionBlock):
            block, spatial = blocks[name], module.attention_mode == "spatial"
            over = "positions" if spatial else "channels"
            length = block.height * block.width if spatial else block.channels
            found.append(Attention(name, over, length, module.num_heads, asked))
    for module in model.modules():
        if isinstance(module, CrossAttentionArrayOutBlock):
            found.append(Attention("output", "channels", module.input_channels, 1, 1))
    return tuple(found)


def as_linear(model: "nn.Module") -> "nn.Module":
    """Turn a network, in place, into one with equal positive weights that looks nowhere at once.

    Norms, channel gates and attention look at all positions; they, curves and dropout become the
    identity, so that the gradient of a position is not zero exactly where convolutions reach.
    """
    from eir.models.layers.cnn_layers import ConvAttentionBlock, ECABlock
    from eir.models.layers.norm_layers import GRN, LayerScale
    from torch import nn

    everywhere = (nn.GroupNorm, GRN, ECABlock, ConvAttentionBlock)
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, (*everywhere, nn.GELU)):
                setattr(module, name, nn.Identity())
            elif isinstance(child, LayerScale):
                child.gamma.data.fill_(1.0)
            elif isinstance(child, nn.Conv2d | nn.ConvTranspose2d):
                child.weight.data.fill_(1.0 / child.weight[0].numel())
                if child.bias is not None:
                    child.bias.data.zero_()
    return model.double().eval()


def steps_and_reach(linear: "nn.Module", modality: str, *, profile: bool) -> tuple[int, int]:
    """Return how many columns lie from one position to the next, and how many one depends on.

    Columns are those of an input, positions the bins of the output (`profile`) or those of the branch's last
    feature map. The convolutions run over an array three times as wide as theirs, whose edges are out of
    sight, if they can. Messages between branches are taken out of the network, which is one of `as_linear`.
    """
    extractor: Any = _modules(linear, "input_modules")[modality].feature_extractor
    layers = [extractor.conv]
    if profile:
        (output,) = _modules(linear, "output_modules").values()
        layers += [output.feature_extractor.blocks, output.feature_extractor.final_layer]
    for layer in layers:
        layer._forward_pre_hooks.clear()  # a message would have another width
    channels, height, width = extractor.data_dimensions.full_shape()
    try:
        return _gradient_steps(layers, (1, channels, height, 3 * width))
    except RuntimeError:  # the two ways through a block that leaves one position fit no other width
        return _gradient_steps(layers, (1, channels, height, width))


def _gradient_steps(layers: list[Any], shape: tuple[int, ...]) -> tuple[int, int]:
    """Return step and reach in the middle of an array of that shape."""
    import torch

    array = torch.ones(shape, dtype=torch.float64, requires_grad=True)
    out = array
    for layer in layers:
        out = layer(out)
    ends = []
    for position in range(out.shape[-1])[out.shape[-1] // 2 :][:2]:
        (gradient,) = torch.autograd.grad(out[..., position].sum(), array, retain_graph=True)
        touched = np.flatnonzero(gradient.sum(dim=(0, 1, 2)).numpy())
        ends.append((int(touched[0]), int(touched[-1]) + 1))
    start, stop = ends[0]
    step = ends[1][0] - start if len(ends) > 1 else shape[-1]
    return step, stop - start


def _modules(model: "nn.Module", name: str) -> dict[str, Any]:
    modules: Any = getattr(model, name)
    return dict(modules.items())


def _named_blocks(model: "nn.Module") -> dict[str, "nn.Module"]:
    blocks: dict[str, nn.Module] = {}
    for modality, branch in _modules(model, "input_modules").items():
        extractor = branch.feature_extractor
        for number, block in enumerate(extractor.conv):
            blocks[f"{modality}.{number}"] = block
        if extractor.model_config.num_output_features:
            blocks[f"{modality}.vector"] = extractor.final_layer
    for module in _modules(model, "fusion_modules").values():
        if any(True for _ in module.parameters()):
            blocks["fusion"] = module
    for name, message in _modules(model, "tensor_broker").items():
        blocks[f"message.{name.partition('>>>')[0]}"] = message
    for name, output in _modules(model, "output_modules").items():
        if not hasattr(output, "feature_extractor"):
            blocks[f"output.{name}"] = output
            continue
        for number, block in enumerate(output.feature_extractor.blocks):
            blocks[f"output.{number}"] = block
        blocks["output.profile"] = output.feature_extractor.final_layer
    return blocks


def _shape_of(out: object) -> tuple[int, int, int]:
    """Return channels, height, width of what a block gives for one sample; a vector is (n, 1, 1)."""
    if isinstance(out, dict):
        return sum(values[0].numel() for values in out.values()), 1, 1
    tensor: Any = out
    channels, height, width = (*tensor.shape[1:], 1, 1)[:3]
    return channels, height, width
