"""Every flavour, built and trained by EIR itself at the real size, in this process."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from claster.eir.configure import configure, eirtrain_command
from claster.eir.flavours import FLAVOURS
from claster.eir.machine import Machine
from claster.eir.preflight import prepare_training
from claster.eir.run import train
from claster.eir.runs import RunFolder, best_checkpoint, read_run
from claster.eir.yaml_files import plan_schedule

pytestmark = pytest.mark.filterwarnings("ignore")  # EIR's own


@dataclass(frozen=True)
class Eir:
    """EIR in this process."""

    project: Path

    def train(self, configuration):
        """Run what `eirtrain` runs."""
        from eir.train import main

        sys.argv = eirtrain_command(configuration.files, project=self.project)
        main()


@pytest.fixture
def eir(monkeypatch):
    """Return a function that makes EIR work in a project's folder."""

    def start(project):
        monkeypatch.chdir(project)
        monkeypatch.setattr(sys, "argv", [])
        monkeypatch.setitem(os.environ, "EIR_SEED", "1")
        return Eir(project)

    return start


# The lightest at once, the others where there is time.
QUICK = {
    "profile",
    "hyenadna_head",
}


@pytest.mark.parametrize(
    "name",
    [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in FLAVOURS],
)
def test_flavour_trains(name, full_size, eir):
    small = full_size(FLAVOURS[name])
    counts = prepare_training(FLAVOURS[name], small.spec)
    configuration = configure(
        FLAVOURS[name],
        small.spec,
        out=small.project / "configurations" / name,
        machine=Machine("cpu"),
        schedule=plan_schedule(FLAVOURS[name], counts, 1),
    )
    assert (configuration.batch_size, configuration.steps) == (2, 2)
    eir(small.project).train(configuration)
    run = small.project / "runs" / small.spec.name / name
    history = pd.read_csv(run / "eir" / "train_average_history.log")
    assert history["iteration"].tolist() == [1, 2]
    assert np.isfinite(history["loss-average"]).all()
    checkpoint, performance = best_checkpoint(RunFolder(run))
    assert checkpoint.is_file()
    assert np.isfinite(performance)


@pytest.mark.parametrize("layout", ["channels", "rows"])
def test_normalisation_is_a_track_s_own_in_channels_only(layout, small, eir):
    """EIR's statistics against those of NumPy; they are those of training and validation samples."""
    from eir.setup.input_setup_modules.common import get_data_dimension_from_data_source
    from eir.setup.input_setup_modules.setup_array import get_array_normalization_values

    folder = small.project / layout
    folder.mkdir()
    arrays = []
    for file in sorted(small.folders.arrays("landscape", "train_valid").iterdir()):
        arrays.append(np.load(file))
        np.save(folder / file.name, arrays[-1] if layout == "channels" else arrays[-1][:, 0])
    found = get_array_normalization_values(
        source=str(folder),
        normalization="channel",
        data_dimensions=get_data_dimension_from_data_source(folder),
        max_samples=None,
    )
    values = np.concatenate(arrays, axis=-1)
    axes = (1, 2) if layout == "channels" else None
    np.testing.assert_allclose(found.means.ravel(), np.ravel(values.mean(axis=axes)), rtol=1e-4)
    np.testing.assert_allclose(found.stds.ravel(), np.ravel(values.std(axis=axes)), rtol=1e-3)
    assert found.means.numel() == (2 if layout == "channels" else 1)


@pytest.mark.slow
def test_profile_trains_from_dataset_to_record(small):
    run = train(
        "profile",
        small.spec,
        dataset_yaml=small.yaml,
        device="cpu",
        epochs=8,
    )
    record = read_run(run.path)
    assert (record.status, record.output) == ("complete", "array")
    loss = pd.read_csv(run.eir / "validation_average_history.log")["loss-average"]
    assert loss.iloc[-1] < 0.9 * loss.iloc[0]


@pytest.mark.slow
def test_same_seed_same_training(small, tiny):
    histories = []
    for tag in ("a", "b"):
        run = train(
            "tiny",
            small.spec,
            dataset_yaml=small.yaml,
            tag=tag,
            seed=11,
            device="cpu",
        )
        histories.append(pd.read_csv(run.eir / "train_average_history.log"))
    pd.testing.assert_frame_equal(histories[0], histories[1], rtol=1e-5)
