"""Where the scales of a model's training tracks are found."""

import pytest

from claster.eir.reference import reference_scales
from claster.eir.runs import RunFolder, read_run, write_run
from claster.errors import ClasterError


def test_scales_of_a_run_are_those_of_its_dataset(trained):
    small = trained.small
    run = trained.run.path.relative_to(small.project)
    of_run = reference_scales(run.as_posix(), project=small.project)
    assert of_run["ATAC"].q99 == 15
    assert of_run == reference_scales("small", project=small.project)


def test_runs_and_datasets_without_scales(small):
    run = RunFolder(small.project / "runs/old")
    run.path.mkdir(parents=True)
    with pytest.raises(ClasterError, match="no dataset 'runs/old'"):
        reference_scales("runs/old", project=small.project)
    small.folders.manifest.unlink()
    with pytest.raises(ClasterError, match="is not built"):
        reference_scales("small", project=small.project)


def test_run_from_before_there_were_scales(trained, tmp_path):
    old = RunFolder(tmp_path / "runs" / "old")
    old.path.mkdir(parents=True)
    write_run(old, read_run(trained.run.path).model_copy(update={"scales": {}}))
    with pytest.raises(
        ClasterError, match="runs/old has no record of its tracks' values: name its"
    ):
        reference_scales("runs/old", project=tmp_path)
