"""What the convolutions of one branch of a trained network answer, layer by layer."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from claster.analysis.attribution.inputs import CONTACTS, read_window
from claster.analysis.attribution.locality import along_strand
from claster.analysis.attribution.output import PACKAGES, AttributionFiles, write_json
from claster.analysis.attribution.settings import AttributeSettings
from claster.analysis.attribution.targets import Explained, choose_genes, explained_run
from claster.dataset.layout import read_genes_table
from claster.eir.inference import TrainedModel
from claster.eir.runs import RunFolder
from claster.errors import ClasterError
from claster.files import atomic_folder, sha256
from claster.progress import SILENT, Progress
from claster.versions import versions

_CONVOLUTION = ".conv_1"
"""How EIR names the first convolution of a block, whose answers are taken, as published."""


@dataclass(frozen=True)
class _Layers:
    """Mean activations of the convolutions of a branch.

    Attributes
    ----------
    branch
        ``contacts`` or ``landscape``.
    means
        float32 by name of the layer, (filters, rows, columns), along the strands of the genes.
    genes
        Their IDs.
    """

    branch: str
    means: dict[str, np.ndarray]
    genes: tuple[str, ...]


def attribute_latents(
    run: RunFolder | Path | str,
    settings: AttributeSettings,
    *,
    progress: Progress = SILENT,
) -> AttributionFiles:
    """Write the mean activations of the contact branch of a run, or of its landscape branch without one.

    Parameters
    ----------
    run
        A trained run; its dataset must be built.
    settings
        `split`, `genes` (6 unless told otherwise) and `seed` choose samples; `name` is the folder below
        ``<run>/attributions``, ``latents_<split>`` by default.
    progress
        See `attribute`.

    Returns
    -------
    AttributionFiles
        With `latents`: an array a layer, (filters, rows, columns).

    Raises
    ------
    ClasterError
        If run or genes have a fault, the branch has no convolutions, or the folder exists.
    """
    from claster.eir.inference import load_model  # EIR: many seconds

    explained = explained_run(run)
    split, seed = settings.split, settings.seed
    table = read_genes_table(explained.folders, split=split)
    chosen = choose_genes(table, settings.genes or 6, (), split=split, seed=seed)
    files = AttributionFiles(
        explained.run.path / "attributions" / (settings.name or f"latents_{split}")
    )
    with (
        atomic_folder(files.folder, replace=settings.force) as folder,
        progress.step("latents", len(chosen)) as step,
    ):
        model = load_model(explained.run, device=settings.device)
        branch = CONTACTS if explained.seen.maps else "landscape"
        windows = {
            str(gene.gene_id): (
                read_window(
                    explained.seen,
                    explained.spec,
                    explained.folders,
                    str(gene.gene_id),
                    split=split,
                ),
                str(gene.strand),
            )
            for gene in chosen.itertuples()
        }
        layers = _mean_activations(model, explained, branch, windows)
        step.advance(len(chosen))
        partial = AttributionFiles(folder)
        np.savez(partial.latents, allow_pickle=False, **layers.means)
        write_json(
            {
                "format": 1,
                "run": explained.name,
                "weights": sha256(explained.weights),
                "dataset": sha256(explained.folders.manifest),
                "branch": branch,
                "split": split,
                "genes": list(layers.genes),
                "seed": seed,
                "layers": {layer: list(array.shape) for layer, array in layers.means.items()},
                "versions": versions(PACKAGES),
                "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            },
            partial.manifest,
        )
    return files


def _branch_convolutions(module: nn.Module, branch: str) -> dict[str, nn.Module]:
    """Return the first convolution of each block of a branch, in order, by its name in the branch."""
    inside = f"input_modules.{branch}.feature_extractor."
    found: dict[str, nn.Module] = {
        name.removeprefix(inside): layer
        for name, layer in module.named_modules()
        if name.startswith(inside) and name.endswith(_CONVOLUTION) and isinstance(layer, nn.Conv2d)
    }
    if not found:
        raise ClasterError(
            f"the {branch} branch has no convolutions",
            remedy="choose a run of a flavour that is a CNN",
        )
    return found


def _mean_activations(
    model: TrainedModel,
    explained: Explained,
    branch: str,
    windows: dict[str, tuple[dict[str, np.ndarray], str]],
) -> _Layers:
    """Return the mean activations of a branch over windows, each turned along its gene's strand."""
    from claster.eir.inference import predict_tensors

    maps = explained.seen.maps
    kind = maps.kind if maps is not None and branch == CONTACTS else "diagonal"
    totals: dict[str, np.ndarray] = {}
    answers: dict[str, np.ndarray] = {}

    def keeper(name: str) -> Callable[..., None]:
        def keep(_layer: nn.Module, _given: tuple[Tensor, ...], answer: Tensor) -> None:
            answers[name] = answer[0].double().cpu().numpy()

        return keep

    convolutions = _branch_convolutions(model.network.module, branch)
    hooks = [layer.register_forward_hook(keeper(name)) for name, layer in convolutions.items()]
    try:
        for window, strand in windows.values():
            tensors = {
                name: torch.from_numpy(array[np.newaxis]).to(model.device)
                for name, array in window.items()
            }
            given = explained.seen.network_inputs(tensors, explained.spec)
            with torch.inference_mode():
                predict_tensors(
                    model,
                    landscape=given.get("landscape"),
                    contacts=given.get("contacts"),
                    activity=given.get("activity"),
                )
            for name, answer in answers.items():
                totals[name] = totals.get(name, 0) + along_strand(answer, strand, kind=kind)
    finally:
        for hook in hooks:
            hook.remove()
    means = {name: (total / len(windows)).astype(np.float32) for name, total in totals.items()}
    return _Layers(branch, means, tuple(windows))
