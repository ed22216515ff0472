"""What the convolutions of one branch of a trained network answer, layer by layer."""

from functools import partial

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from claster.analysis.attribution.genes import choose_genes
from claster.analysis.attribution.inputs import CONTACTS, Explained, read_window
from claster.analysis.attribution.locality import along_strand
from claster.analysis.attribution.output import PACKAGES, AttributionFiles, write_json
from claster.analysis.attribution.settings import AttributeSettings
from claster.dataset.layout import read_genes_table
from claster.eir.inference import TrainedModel
from claster.eir.runs import now
from claster.errors import ClasterError
from claster.files import atomic_folder, sha256
from claster.progress import SILENT, Progress
from claster.settings import Split
from claster.versions import versions

_CONVOLUTION = ".conv_1"
"""How EIR names the first convolution of a block, whose answers are taken, as published."""


def attribute_latents(
    explained: Explained, asked: AttributeSettings, *, progress: Progress = SILENT
) -> AttributionFiles:
    """Write the mean activations of the contact branch of a run, or of its landscape branch without one.

    Parameters
    ----------
    asked
        `split`, `genes` (6 unless told otherwise) and `seed` choose samples; `name` is the folder below
        ``<run>/attributions``, ``latents_<split>`` by default.

    Returns
    -------
    AttributionFiles
        With `latents`: an array a layer, (filters, rows, columns).

    Raises
    ------
    ClasterError
        If genes have a fault, the branch has no convolutions, or the folder exists.
    """
    from claster.eir.inference import load_model  # EIR: many seconds

    split, seed = asked.split, asked.seed
    table = read_genes_table(explained.folders, split=split)
    chosen = choose_genes(table, asked.genes or 6, (), split=split, seed=seed)
    files = AttributionFiles(
        explained.run.path / "attributions" / (asked.name or f"latents_{split}")
    )
    with (
        atomic_folder(files.folder, replace=asked.force) as folder,
        progress.step("latents", len(chosen)) as step,
    ):
        model = load_model(explained.run, device=asked.device)
        branch = CONTACTS if explained.seen.maps else "landscape"
        layers = _mean_activations(model, explained, branch, chosen, split)
        step.advance(len(chosen))
        unfinished = AttributionFiles(folder)
        np.savez(unfinished.latents, allow_pickle=False, **layers)
        write_json(
            {
                "format": 1,
                "run": explained.record.name,
                "weights": sha256(explained.weights),
                "dataset": sha256(explained.folders.manifest),
                "branch": branch,
                "split": split,
                "genes": chosen["gene_id"].tolist(),
                "seed": seed,
                "layers": {layer: list(array.shape) for layer, array in layers.items()},
                "versions": versions(PACKAGES),
                "finished": now(),
            },
            unfinished.manifest,
        )
    return files


def _mean_activations(
    model: TrainedModel, explained: Explained, branch: str, genes: pd.DataFrame, split: Split
) -> dict[str, np.ndarray]:
    """Return the mean activations of a branch over genes, each turned along its strand.

    Returns float32 by name of the layer, (filters, rows, columns): of the first convolution of each block.
    """
    from claster.eir.inference import predict_tensors

    inside = f"input_modules.{branch}.feature_extractor."
    convolutions = {
        name.removeprefix(inside): layer
        for name, layer in model.network.module.named_modules()
        if name.startswith(inside) and name.endswith(_CONVOLUTION) and isinstance(layer, nn.Conv2d)
    }
    if not convolutions:
        raise ClasterError(
            f"the {branch} branch has no convolutions",
            remedy="choose a run of a flavour that is a CNN",
        )
    maps = explained.seen.maps
    kind = maps.kind if maps is not None and branch == CONTACTS else "diagonal"
    totals: dict[str, np.ndarray] = {}
    answers: dict[str, np.ndarray] = {}

    def keep(name: str, _layer: nn.Module, _given: tuple[Tensor, ...], answer: Tensor) -> None:
        answers[name] = answer[0].double().cpu().numpy()

    hooks = [
        layer.register_forward_hook(partial(keep, name)) for name, layer in convolutions.items()
    ]
    try:
        for gene in genes.itertuples():
            tensors = {
                name: torch.from_numpy(array[np.newaxis]).to(model.device)
                for name, array in read_window(explained, gene.gene_id, split=split).items()
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
                turned = along_strand(answer, gene.strand, kind=kind)
                totals[name] = totals.get(name, 0) + turned
    finally:
        for hook in hooks:
            hook.remove()
    return {name: (total / len(genes)).astype(np.float32) for name, total in totals.items()}
