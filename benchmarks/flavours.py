"""Which flavour is best at equal training time: every flavour, several seeds, one table.

A flavour gets as many steps as fit into the budget at the speed that its training step has on this
machine, measured alone before anything is trained and kept in ``steps.json``; so other work on the cores
changes how long this takes, not what comes out. Every network is trained on the demo's genome (or on
``--dataset``) in batches of 32; those with a table of bins as output take the learning rate of `toy`,
because their published rate of 1e-4 leaves EIR's residual blocks switched off for tens of thousands of
steps. Stop it and start it again: runs that are complete are kept.
"""

import argparse
import json
from pathlib import Path
from statistics import median

import pandas as pd
import yaml

from claster.analysis.evaluate import RunOf, evaluate_together
from claster.cli.console import console_progress
from claster.dataset.build import build_dataset
from claster.dataset.load import find_dataset, load_dataset
from claster.dataset.spec import DatasetSpec
from claster.eir.flavours import FLAVOURS
from claster.eir.geometry import measure_cost
from claster.eir.parts import Flavour, derive
from claster.eir.predict import predict
from claster.eir.preflight import prepare_training
from claster.eir.run import train
from claster.eir.yaml_files import plan_schedule
from claster.files import write_text
from claster.simulation import ensure_genome

SKIPPED = {"promoter_capture", "tutorial"}  # wants its own data; toy with fewer epochs
# Those that predict a part of the target are no match for those that predict all of it.
SKIPPED |= {
    name
    for name, flavour in FLAVOURS.items()
    if "embedding" in flavour.inputs or flavour.output.span is not None
}


def flavour_datasets(name: str, out: Path) -> dict[str, str]:
    """Write the dataset with each kind of contact map that a flavour asks for; flavour -> YAML."""
    yamls = {}
    for flavour in FLAVOURS.values():
        kind = next((block.map for block in flavour.inputs.values() if block.map), None)
        if flavour.name in SKIPPED:
            continue
        content = yaml.safe_load(find_dataset(name).read_text(encoding="utf-8"))
        suffix = "" if kind in (None, content.get("contacts", {}).get("map")) else f"_{kind}"
        if suffix:
            if content.get("contacts", {}).get("resolution") != 1600:
                continue
            content["contacts"] = {
                "file": content["contacts"]["file"],
                "resolution": 1600,
                "map": kind,
            }
        content["name"] += suffix
        path = out / f"{content['name']}.yaml"
        write_text(path, yaml.safe_dump(content, sort_keys=False))
        yamls[flavour.name] = str(path)
    return yamls


def as_timed(flavour: Flavour) -> Flavour:
    """Return the flavour in small batches, with the learning rate that wakes EIR's blocks."""
    rate = flavour.training.lr if flavour.output.array else FLAVOURS["toy"].training.lr
    training = FLAVOURS["toy"].training.model_copy(
        update={"lr": rate, "early_stopping_patience": 0, "lr_plateau_patience": 3}
    )
    return derive(
        flavour, name=flavour.name, description=flavour.description, training=dict(training)
    )


def step_seconds(yamls: dict[str, str], file: Path) -> dict[str, float]:
    """Measure, or read from a run before, what a training step of each flavour takes: medians of 5."""
    if file.is_file():
        return json.loads(file.read_text())
    rounds = [
        {
            name: measure_cost(FLAVOURS[name], load_dataset(path)).seconds
            for name, path in yamls.items()
        }
        for _ in range(5)
    ]
    known = {name: median(times[name] for times in rounds) for name in yamls}
    write_text(file, json.dumps(known, indent=1))
    return known


def prepare(path: str, project: Path) -> DatasetSpec:
    spec = load_dataset(path, project=project)
    if spec.simulation is not None:
        ensure_genome(spec.data_folder, spec.simulation.model_dump())
    build_dataset(spec)
    return spec


def scores(flavour: str, path: str, budget: float, step: float, seeds: int, project: Path) -> dict:
    spec = prepare(path, project)
    counts = prepare_training(FLAVOURS[flavour], spec)
    an_epoch = plan_schedule(FLAVOURS[flavour], counts, 1).steps or 1
    epochs = max(1, round(budget / step / an_epoch))
    runs = []
    for seed in range(seeds):
        run = train(
            flavour, spec, dataset_yaml=path, tag=f"seed{seed}", seed=seed,
            device="cpu", epochs=epochs, resume=True, progress=console_progress(),
        )  # fmt: skip
        if not run.predictions("test").is_file():
            predict(run, device="cpu")
        runs.append(RunOf(run, spec))
    to = project / "runs" / spec.name / flavour
    if not (to / "spread.csv").is_file():
        evaluate_together(runs, to)
    spread = pd.read_csv(to / "spread.csv")
    all_scores = pd.read_csv(to / "scores.csv")
    kept = "scale == 'log2(x+1)' and how == 'pooled' and metric == 'pearson' and by == 'all'"
    row = {"flavour": flavour, "steps": epochs * an_epoch, "step": step}
    for level, counted in (("bin", "once"), ("gene", "all")):
        this = f"{kept} and level == '{level}'" + (
            f" and counted == '{counted}'" if level == "bin" else ""
        )
        one = spread.query(this).iloc[0]
        row |= {level: one["mean"], f"{level} sd": one["sd"]}
        own = all_scores.query(f"{this} and against.isna()").set_index("method")["value"]
        row |= {
            f"{level} ensemble": own["ensemble"],
            f"{level} others": own.drop("ensemble").to_dict(),
        }
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="demo")
    parser.add_argument("--budget", type=float, default=60, help="seconds of training a network")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--project", type=Path, default=Path("benchmarks/flavours"))
    parser.add_argument("--flavours", default=None, help="only these, with commas between")
    parser.add_argument("--measure-only", action="store_true")
    options = parser.parse_args()
    options.project.mkdir(parents=True, exist_ok=True)
    for name in SKIPPED:
        FLAVOURS.pop(name)
    FLAVOURS.update({name: as_timed(flavour) for name, flavour in FLAVOURS.items()})
    yamls = flavour_datasets(options.dataset, options.project)
    chosen = options.flavours.split(",") if options.flavours else list(yamls)
    if strange := [name for name in chosen if name not in yamls]:
        parser.error(
            f"not measured on {options.dataset}: {', '.join(strange)}; choose among {', '.join(yamls)}"
        )
    steps = step_seconds(yamls, options.project / f"steps_{Path(options.dataset).name}.json")
    if options.measure_only:
        return
    rows = []
    for name in chosen:
        path = yamls[name]
        rows.append(scores(name, path, options.budget, steps[name], options.seeds, options.project))
        row = rows[-1]
        print(
            f"| `{name}` | {row['steps']} | {1000 * row['step']:.0f} ms "
            f"| {row['bin']:.3f} ± {row['bin sd']:.3f} | {row['bin ensemble']:.3f} "
            f"| {row['gene']:.3f} ± {row['gene sd']:.3f} | {row['gene ensemble']:.3f} |",
            flush=True,
        )
    for level in ("bin", "gene"):
        print(level, {k: round(v, 3) for k, v in rows[-1][f"{level} others"].items()})


if __name__ == "__main__":
    main()
