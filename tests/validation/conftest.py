"""A small simulated dataset, built, and a made model that knows the planted rules."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import yaml

from claster.analysis.perturbation.measure import Predictor
from claster.dataset.build import build_dataset
from claster.dataset.layout import DatasetFolders
from claster.dataset.load import load_dataset
from claster.dataset.spec import DatasetSpec
from claster.eir.runs import RunFolder, RunRecord, write_run
from claster.simulation import simulate_genome
from claster.simulation import transcription as rules

BINS = 2_001


def knows_the_rules(window):
    """Return a flat profile at the level that the planted rules read off the tracks."""
    signal = np.expm1(window["landscape"].astype(np.float64).reshape(4, BINS))
    places = (np.arange(BINS) - BINS // 2) * 100
    promoter = signal[:, np.abs(places) <= 1_000].max(axis=1)
    activity = rules.promoter_activity(*promoter[:3])
    peaks = np.clip(signal[2] - 4, 0, None) * (np.abs(places) > 3_000)
    # The two acetylated flanks of an enhancer of height h hold about 1,489 h bp of signal.
    gain = (rules.proximal_gain(peaks, places) * 100 / 1_489).sum()
    level = rules.gene_levels(activity, rules.repression(promoter[3]), gain)
    return np.full((1, 401), level)


@dataclass(frozen=True)
class Toy:
    """A simulated dataset in a project, and the folder of a run that was never trained."""

    project: Path
    spec: DatasetSpec
    run: RunFolder

    @property
    def folders(self) -> DatasetFolders:
        return DatasetFolders.of(self.spec)


@pytest.fixture(scope="session")
def toy(tmp_path_factory):
    project = tmp_path_factory.mktemp("validation")
    source = project / "source"
    simulate_genome(source, seed=3, chromosomes=2, megabases=7.0, genes=60)
    for condition in ("ctrl", "a485"):
        content = {
            "name": condition,
            "assembly": "toy",
            "data": str(source),
            "chrom_sizes": "chrom.sizes",
            "tracks": [
                {"name": name, "file": f"{condition}/{name}.bw", "transform": "log1p"}
                for name in ("ATAC", "H3K4me3", "H3K27ac", "H3K27me3")
            ],
            "contacts": {"file": "microc.mcool", "resolution": 1600, "rows": 40},
            "genes": {"file": "genes.gtf.gz", "types": ["protein_coding"]},
            "elements": {"file": "ccres.tsv"},
            "target": {
                "bins": 401,
                "conditions": [
                    {
                        "name": condition,
                        "plus": f"{condition}/nascent.plus.bw",
                        "minus": f"{condition}/nascent.minus.bw",
                    }
                ],
            },
            "window": {"bins": BINS},
            "splits": {"valid": [], "test": ["chr2"]},
        }
        path = project / "configurations" / "datasets" / f"{condition}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(content))
    spec = load_dataset("ctrl", project=project)
    build_dataset(spec)
    run = RunFolder(project / "runs" / "ctrl" / "made", project)
    record = RunRecord(
        name="made",
        flavour="made",
        dataset=str(project / "configurations" / "datasets" / "ctrl.yaml"),
        dataset_name="ctrl",
        tag=None,
        seed=0,
        device="cpu",
        status="complete",
        command=(),
        environment={},
        versions={},
        configurations={},
        training_samples=1,
        validation_samples=1,
        batch_size=1,
        steps=1,
        started="",
    )
    run.path.mkdir(parents=True)
    write_run(run, record)
    return Toy(project, spec, run)


@pytest.fixture
def made_model(toy, monkeypatch):
    """Put the model that knows the rules in place of a trained one."""
    weights = toy.run.path / "weights"
    weights.write_bytes(b"none")

    def predictor(*_, **__):
        return Predictor(lambda windows: map(knows_the_rules, windows))

    at = "claster.analysis.perturbation.screen"
    monkeypatch.setattr(f"{at}.load_predictor", predictor)
    monkeypatch.setattr("claster.analysis.treated.load_predictor", predictor)
    monkeypatch.setattr(f"{at}.trained_weights", lambda run: (run.path, weights))
    monkeypatch.setattr("claster.eir.trained_on.require_same_inputs", lambda *_: None)
    monkeypatch.setattr("claster.eir.trained_on.require_same_divisors", lambda *_, **__: None)
    return knows_the_rules
