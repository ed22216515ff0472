"""A trained run as a folder to hand on: weights as safetensors, configuration, model card."""

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from claster.dataset.manifest import write_checksums
from claster.dataset.spec import DatasetSpec
from claster.dataset.yaml_file import to_yaml
from claster.eir.runs import (
    RunFolder,
    RunRecord,
    require_complete,
    run_views,
    trained_weights,
    write_run,
)
from claster.eir.trained_on import trained_dataset
from claster.errors import ClasterError
from claster.files import atomic_folder, sha256
from claster.quoting import printable
from claster.text import read_table

_KEPT = ("serializations", "meta")
_COLUMNS = (
    ("bin", "once", "pearson"),
    ("bin", "once", "spearman"),
    ("gene", "all", "pearson"),
    ("gene", "all", "spearman"),
)
"""Level, how bins are counted, and metric of the scores on the card."""


def export_run(
    run: RunFolder | Path | str,
    out: Path | str,
    *,
    licence: str = "not stated",
    force: bool = False,
) -> Path:
    """Write the best model of a run as a folder that `load_model` and `claster predict` read.

    Parameters
    ----------
    out
        The new folder: ``model.safetensors`` (weights by EIR's names, float32 as trained),
        ``config.json`` (what goes in and comes out), ``README.md`` (model card), ``run.json``,
        ``configurations/``, in ``eir/`` what EIR needs to build the network and to scale values, and
        ``checksums.sha256``, the SHA-256 of each file.
    licence
        Licence of the weights, for the card.
    force
        Whether an existing folder gives way.

    Raises
    ------
    ClasterError
        If the run is not complete, holds no weights of its own, or the folder exists.
    """
    from safetensors.torch import save_file  # PyTorch: seconds

    from claster.eir.trained_network import read_weights

    run = RunFolder.of(run)
    record = require_complete(run)
    if record.members or run.exported_weights.is_file():
        raise ClasterError(
            f"{run.path} is not a run with weights of its own",
            remedy="export a run that 'claster train' made",
        )
    spec = trained_dataset(run, record)
    folder, checkpoint = trained_weights(run)
    with atomic_folder(out, replace=force) as partial:
        exported = RunFolder(partial)
        save_file(
            {name: value.clone().contiguous() for name, value in read_weights(checkpoint).items()},
            exported.exported_weights,
            metadata={"format": "pt"},  # several entries come in any order, so with another SHA-256
        )
        for name in _KEPT:
            shutil.copytree(folder / name, exported.eir / name)
        shutil.copytree(run.configurations, exported.configurations)
        table = run.evaluation / "scores.csv"
        scores = read_table(table) if table.is_file() else None
        if scores is not None:
            exported.evaluation.mkdir()
            shutil.copy(table, exported.evaluation)
        arrays = {name: view.shape(spec) for name, view in run_views(run).items()}
        card = _model_card(
            record,
            spec,
            arrays=arrays,
            scores=scores,
            licence=licence,
            weights_sha256=sha256(exported.exported_weights),
        )
        (partial / "README.md").write_text(card, encoding="utf-8")
        changes = {"checkpoint": exported.exported_weights.name, "trained_on": spec}
        write_run(exported, record.model_copy(update=changes))
        described = json.dumps(_config(record, spec, arrays), indent=2) + "\n"
        (partial / "config.json").write_text(described, encoding="utf-8")
        write_checksums(partial)
    return Path(out)


def _model_card(
    record: RunRecord,
    spec: DatasetSpec,
    *,
    arrays: Mapping[str, tuple[int, ...]],
    scores: pd.DataFrame | None,
    licence: str,
    weights_sha256: str,
) -> str:
    """Return the model card of a run, Markdown with a YAML head."""
    target = spec.require_target()
    as_it_is = {"none": "as it is"}
    tracks = [f"{t.name} ({as_it_is.get(t.transform, t.transform)})" for t in spec.tracks]
    inputs = f"{', '.join(tracks)}, {spec.window.bins:,} bins of {spec.window.bin} bp"
    if spec.contacts and "input_contacts.yaml" in record.configurations:
        inputs += f"; contact map {spec.contacts.map}"
    facts = {
        "flavour": record.flavour,
        "trained on": f"{record.dataset_name} ({spec.assembly})",
        "inputs": inputs,
        "arrays": "; ".join(
            f"{name} {' x '.join(f'{length:,}' for length in shape)}"
            for name, shape in arrays.items()
        ),
        "output": (
            f"{', '.join(target.groups)}: {target.bins} bins of "
            f"{target.bin} bp around the TSS, {target.statistic} signal"
        ),
        "samples": f"{record.training_samples:,} to train, {record.validation_samples:,} to validate",
        "steps": f"{record.steps:,} of {record.batch_size} samples",
        "seed": record.seed if record.seed is not None else "not recorded",
        "weights": f"{record.parameters:,}" if record.parameters else "not recorded",
        "versions": ", ".join(f"{name} {version}" for name, version in record.versions.items()),
        "SHA-256 of model.safetensors": f"`{weights_sha256}`",
    }
    given = ", ".join(f"{name}={name}" for name in arrays)
    data = {name: f"`{digest}`" for name, digest in record.data.items()}
    terms = {item.name: f"{item.licence}. {item.citation}" for item in spec.downloads}
    return "\n".join(
        [
            "---",
            to_yaml({"license": licence}).strip(),
            "tags: [genomics, nascent-transcription, chromatin]",
            "---",
            f"# {_markdown_text(record.flavour)} on {record.dataset_name}",
            "",
            "Predicts nascent transcription around a gene's start from chromatin tracks and contact maps.",
            "",
            *_rows(facts),
            "",
            "## Scores",
            "",
            *(_scores(scores) if scores is not None else ["Not evaluated."]),
            "",
            "## Data",
            "",
            "SHA-256 of the source files that the dataset was built from.",
            "",
            *(_rows(data) if data else ["Not recorded."]),
            "",
            "## Licence",
            "",
            f"Weights: {_markdown_text(licence)}. EIR, which runs them, is AGPL-3.0-or-later from 0.24 on.",
            "",
            *([*_rows(terms), ""] if terms else []),
            "## Not for",
            "",
            "Diagnosis or treatment of people. Other inputs than those above: other assays, scales, bins or",
            "windows than it was trained on. A predicted effect of an edit is no measurement of it.",
            "",
            "## Use",
            "",
            "```python",
            "from claster.eir.inference import load_model, predict_arrays",
            "",
            'model = load_model("this folder")',
            f"signal = predict_arrays(model, {given})  # (samples, groups, bins)",
            "```",
            "",
        ]
    )


def _markdown_text(text: object) -> str:
    r"""Return text on one line of Markdown, a cell of a table included; code spans in it stay.

    Examples
    --------
    >>> _markdown_text("a|b\n# <c>")
    'a\\|b # &lt;c&gt;'
    """
    line = " ".join(printable(str(text)).split())
    return line.replace("|", "\\|").replace("<", "&lt;").replace(">", "&gt;")


def _config(
    record: RunRecord, spec: DatasetSpec, arrays: Mapping[str, tuple[int, ...]]
) -> dict[str, object]:
    """Return what ``config.json`` says: what goes in, on which scale, and what comes out."""
    target = spec.require_target()
    return {
        "model_type": "claster",
        "flavour": record.flavour,
        "dataset": record.dataset_name,
        "assembly": spec.assembly,
        "inputs": arrays,
        "tracks": [{"name": track.name, "transform": track.transform} for track in spec.tracks],
        "scales": {name: scale.model_dump() for name, scale in record.scales.items()},
        "window": {"bins": spec.window.bins, "bin": spec.window.bin},
        "output": {"conditions": list(target.groups), "bins": target.bins, "bin": target.bin},
        "versions": record.versions,
    }


def _rows(entries: Mapping[str, object]) -> list[str]:
    return [
        "| | |",
        "| --- | --- |",
        *(f"| {_markdown_text(key)} | {_markdown_text(value)} |" for key, value in entries.items()),
    ]


def _scores(scores: pd.DataFrame) -> Iterable[str]:
    """Return the main scores as a table, a method and condition a row."""
    chosen = scores["against"].isna() & (scores["by"] == "all") & (scores["how"] == "pooled")
    main = scores[chosen & (scores["scale"] == "log2(x+1)")]
    keys = ["condition", "method", "level", "counted", "metric"]
    cells = main.set_index(keys)[["value", "low", "high"]].apply(_cell, axis="columns")
    yield "Pearson and Spearman r on log2(x + 1) with 95 % intervals, test genes; each kilobase once."
    yield ""
    yield f"| condition | method | {' | '.join(f'{level}s, {m}' for level, _, m in _COLUMNS)} |"
    yield f"| --- | --- |{' --- |' * len(_COLUMNS)}"
    pairs = main[["condition", "method"]].drop_duplicates()
    for condition, method in pairs.itertuples(index=False):
        row = [cells[condition, method, *column] for column in _COLUMNS]
        yield f"| {condition} | {method} | {' | '.join(row)} |"


def _cell(score: pd.Series) -> str:
    value = f"{score['value']:.3f}"
    return value if score.isna().any() else f"{value} ({score['low']:.3f}-{score['high']:.3f})"
