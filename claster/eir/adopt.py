"""Runs that were trained by a pasted `eirtrain` line, given the record that `claster train` writes."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from claster.dataset.layout import DatasetFolders
from claster.dataset.load import load_dataset
from claster.dataset.yaml_file import read_yaml, to_yaml
from claster.eir.preflight import sample_counts
from claster.eir.runs import RunFolder, RunRecord, best_checkpoint, require_own_folders, write_run
from claster.eir.trained_on import built_from
from claster.errors import ClasterError, one_line
from claster.files import below, sha256, write_text
from claster.text import read_text


def adopt_run(run: RunFolder) -> RunRecord:
    """Record a run that EIR trained by itself, from the configurations that EIR kept.

    EIR's output folder is `eir` in the run's, as the generated configurations name it. Seed and command are
    not known of such a run and stay empty.

    Raises
    ------
    ClasterError
        If EIR saved no model yet, trained on arrays that `claster data build` did not make, or the folder
        leads elsewhere.
    """
    require_own_folders(run.path)
    checkpoint, performance = best_checkpoint(run)
    try:
        kept = {
            name: read_yaml(run.eir / "configs" / f"{name}.yaml")[0]
            for name in ("global_config", "input_configs", "fusion_config", "output_configs")
        }
        source = Path(kept["input_configs"][0]["input_info"]["input_source"])
        contents: dict[str, Any] = {
            "globals.yaml": kept["global_config"],
            "fusion.yaml": kept["fusion_config"],
            "output.yaml": kept["output_configs"][0],
        }
        for block in kept["input_configs"]:
            contents[f"input_{block['input_info']['input_name']}.yaml"] = block
        hardware = kept["global_config"]["accelerator"]["hardware"]
        batch_size = kept["global_config"]["basic_experiment"]["batch_size"]
        output = kept["output_configs"][0]["output_info"]["output_type"]
        table = Path(kept["output_configs"][0]["output_info"]["output_source"])
    except (KeyError, IndexError, TypeError) as error:
        raise ClasterError(
            f"{run.eir / 'configs'} holds no configurations as EIR keeps them ({one_line(error)})",
            remedy="restore them from a copy of the run, or train again",
        ) from error
    if len(source.parts) < 3 or source.name != "train_valid":
        raise ClasterError(
            f"{run.eir} was trained on {source}, which is not a folder of a built dataset",
            remedy="train with the configurations of 'claster configure', or with 'claster train'",
        )
    dataset = source.parts[-3]
    spec = load_dataset(dataset, project=run.project)
    for name, content in contents.items():
        path = below(run.configurations, name, named=f"an input of {run.eir}")
        write_text(path, to_yaml(content))
    folders = DatasetFolders.of(spec)
    counts = sample_counts(folders)
    scales, data = built_from(folders)
    trained = read_text(run.eir / "train_average_history.log").split()[-1]
    record = RunRecord(
        name=run.path.name,
        flavour=run.path.name,
        dataset=dataset,
        dataset_name=spec.name,
        tag=None,
        seed=None,
        device=hardware,
        status="complete",
        command=(),
        environment={},
        versions={"eir-dl": (run.eir / "meta" / "eir_version.txt").read_text().strip()},
        configurations={name: sha256(run.configurations / name) for name in contents},
        training_samples=counts.train,
        validation_samples=counts.valid,
        batch_size=batch_size,
        steps=int(float(trained.partition(",")[0])),
        started=datetime.fromtimestamp((run.eir / "configs").stat().st_mtime, tz=UTC).isoformat(
            timespec="seconds"
        ),
        output=output,
        checkpoint=checkpoint.relative_to(run.path).as_posix(),
        performance=performance,
        scales=scales,
        trained_on=spec,
        data=data,
        transform=folders.scale_of(table),
    )
    write_run(run, record)
    return record
