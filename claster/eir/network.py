"""The network that EIR builds from a configuration, without any data."""

import logging
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from claster.dataset.spec import DatasetSpec
from claster.eir.arrays import input_views
from claster.eir.configure import configure
from claster.eir.machine import Machine
from claster.eir.parts import Flavour
from claster.eir.target_part import predicted_part
from claster.errors import ClasterError, one_line

if TYPE_CHECKING:
    from eir.setup.config import Configs
    from eir.setup.input_setup_modules.common import DataDimensions
    from torch import nn


def build_network(flavour: Flavour, spec: DatasetSpec) -> "nn.Module":
    """Return the network that EIR builds of a flavour for a dataset, on the CPU, freshly initialised.

    EIR reads the configuration with its own loader and builds the network with its own functions;
    only the shapes come from the dataset's YAML instead of its files, which need not be there.

    Returns
    -------
    torch.nn.Module
        EIR's `MetaModel`: from a dict of input tensors, (samples, channels, height, width) each, to
        a dict of outputs.

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

        files = SimpleNamespace(
            global_configs=[str(configuration.globals)],
            input_configs=[str(path) for path in configuration.inputs],
            fusion_configs=[str(configuration.fusion)],
            output_configs=[str(configuration.output)],
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
