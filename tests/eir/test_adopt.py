"""Runs that a pasted eirtrain line has trained."""

import shutil

import numpy as np
import pytest
import yaml

from claster.eir.adopt import adopt_run
from claster.eir.predict import _complete, predict
from claster.eir.runs import RunFolder, read_predictions, read_run
from claster.errors import ClasterError
from claster.progress import SILENT


@pytest.fixture
def pasted(trained, request):
    """What EIR alone leaves: its output folder, without a record or configurations."""
    run = RunFolder(trained.run.path.with_name(request.node.name), trained.small.project)
    shutil.copytree(trained.run.eir, run.eir)
    yield run
    shutil.rmtree(run.path)


def test_record_says_what_is_known(pasted, trained):
    record = _complete(pasted, SILENT)
    written = pasted.record.stat().st_mtime_ns
    assert _complete(pasted, SILENT) == record
    assert pasted.record.stat().st_mtime_ns == written
    known = read_run(trained.run.path)
    same = ("dataset_name", "status", "training_samples", "validation_samples", "batch_size")
    assert [getattr(record, name) for name in same] == [getattr(known, name) for name in same]
    assert (record.steps, record.performance) == (known.steps, known.performance)
    assert record.checkpoint == known.checkpoint
    assert (record.seed, record.command) == (None, ())
    assert record.scales == known.scales
    assert set(known.scales) == {"ATAC"}
    for name in known.configurations:
        assert yaml.safe_load((pasted.configurations / name).read_text())


def test_run_without_a_saved_model_is_refused(pasted, trained):
    shutil.rmtree(pasted.eir / "saved_models")
    with pytest.raises(ClasterError, match="no saved model"):
        adopt_run(pasted)
    assert not pasted.record.exists()


def test_run_on_other_arrays_is_refused(pasted, trained):
    path = pasted.eir / "configs" / "input_configs.yaml"
    blocks = yaml.safe_load(path.read_text())
    blocks[0]["input_info"]["input_source"] = "somewhere/arrays"
    path.write_text(yaml.safe_dump(blocks))
    with pytest.raises(ClasterError, match="not a folder of a built dataset"):
        adopt_run(pasted)


@pytest.mark.slow
def test_predictions_are_those_of_the_recorded_run(pasted, trained):
    predict(pasted, device="cpu")
    predict(trained.run, device="cpu")
    tables = [read_predictions(run, "test") for run in (pasted, trained.run)]
    np.testing.assert_array_equal(*tables)


@pytest.mark.parametrize("name", ["/../../../x", "\x1b[31m"], ids=["up", "escape"])
def test_an_input_that_would_be_written_elsewhere(pasted, trained, name):
    path = pasted.eir / "configs" / "input_configs.yaml"
    content = yaml.safe_load(path.read_text())
    content[0]["input_info"]["input_name"] = name
    path.write_text(yaml.safe_dump(content))
    said = r"an input of .*, which is not a file below .*configurations|cannot be printed"
    with pytest.raises(ClasterError, match=said):
        adopt_run(pasted)
    assert not list(pasted.path.parent.glob("**/x.yaml"))


@pytest.mark.parametrize("content", ["[]", "{a: b}", "[{input_info: 3}]", "- {", "text"])
def test_configurations_that_are_not_eirs(pasted, trained, content):
    (pasted.eir / "configs" / "input_configs.yaml").write_text(content)
    with pytest.raises(ClasterError, match=r"as EIR keeps them|is not YAML"):
        adopt_run(pasted)
