import shlex
from pathlib import Path

import pytest
import yaml

from claster.dataset.load import load_dataset
from claster.dataset.signal_settings import ContactsSpec, WindowSpec
from claster.dataset.spec import DatasetSpec
from claster.eir.configure import (
    configure,
    eirtrain_command,
    environment,
)
from claster.eir.flavours import FLAVOURS, find_flavour
from claster.eir.parts import SampleCounts, derive
from claster.eir.yaml_files import plan_schedule
from claster.errors import ClasterError
from claster.quoting import pasteable

PROJECT = Path(__file__).parents[2]


def dataset_of(name: str) -> DatasetSpec:
    return load_dataset(FLAVOURS[name].dataset, project=PROJECT)


def read(path: Path) -> dict:
    """Read a YAML file with the loader that EIR uses."""
    return yaml.load(path.read_text(), Loader=yaml.FullLoader)


@pytest.mark.parametrize("name", FLAVOURS)
def test_committed_files_are_what_configure_writes(name, tmp_path):
    configuration = configure(FLAVOURS[name], dataset_of(name), out=tmp_path)
    committed = PROJECT / "configurations" / name
    assert {path.name for path in committed.iterdir()} == {p.name for p in configuration.files}
    for path in configuration.files:
        assert path.read_bytes() == (committed / path.name).read_bytes(), path.name


@pytest.mark.parametrize("name", FLAVOURS)
def test_pasteable_line_parses_back_and_names_existing_files(name, tmp_path):
    configuration = configure(FLAVOURS[name], dataset_of(name), out=tmp_path / "with space")
    command = eirtrain_command(configuration.files, project=tmp_path)
    line = pasteable(command, environment(7))
    words = shlex.split(line)
    assert words[0] == "EIR_SEED=7"
    assert words[1:] == command
    assert command[0] == "eirtrain"
    files = [word for word in command if word.endswith(".yaml")]
    assert len(files) == len(FLAVOURS[name].inputs) + 3
    assert all((tmp_path / file).is_file() for file in files)


@pytest.mark.parametrize(("layout", "height"), [("channels", 1), ("rows", 2)])
def test_heights_and_columns_come_from_the_dataset(small, tmp_path, layout, height):
    window = small.spec.window.model_copy(update={"layout": layout})
    spec = small.spec.model_copy(update={"window": window})
    configuration = configure(FLAVOURS["microc_diagonal"], spec, out=tmp_path / "c")
    heights = {
        content["input_info"]["input_name"]: content["model_config"]["model_init_config"][
            "first_kernel_expansion_height"
        ]
        for content in map(read, configuration.inputs)
    }
    assert heights == {"landscape": height, "contacts": 9}
    columns = read(configuration.output)["output_type_info"]["target_con_columns"]
    assert columns == [f"{k}_ctrl" for k in range(-20, 21)]


def test_left_out_track_lowers_the_rows(small, tmp_path):
    window = small.spec.window.model_copy(update={"layout": "rows"})
    spec = small.spec.model_copy(update={"window": window})
    configuration = configure(find_flavour("without_ATAC"), spec, out=tmp_path / "c")
    content = read(configuration.files[1])
    assert content["model_config"]["model_init_config"]["first_kernel_expansion_height"] == 1
    source = content["input_info"]["input_source"]
    assert source == "inputs/small/view_landscape_without_ATAC/train_valid"


def test_profile_steps_from_target_bin_to_target_bin(small, tmp_path):
    configuration = configure(FLAVOURS["profile"], small.spec, out=tmp_path / "c")
    settings = read(configuration.files[1])["model_config"]["model_init_config"]
    kernel = round(settings["kernel_width"] * settings["first_kernel_expansion_width"])
    stride = settings["down_stride_width"] * settings["first_stride_expansion_width"]
    assert (kernel, stride) == (21, 10)
    output = read(configuration.output)
    assert output["output_info"] == {
        "output_name": "landscape",
        "output_source": "targets/small/view_profiles/train_valid",
        "output_type": "array",
    }


@pytest.mark.parametrize(
    ("flavour", "kind", "kernel"),
    [("microc_rotated", "paper_rotated", (1, 129)), ("microc_square", "paper_square", (5, 1))],
)
def test_published_maps_have_kernels_that_fit(small, tmp_path, flavour, kind, kernel):
    contacts = ContactsSpec(file="m.mcool", map=kind)
    spec = small.spec.model_copy(update={"contacts": contacts, "window": WindowSpec()})
    configuration = configure(FLAVOURS[flavour], spec, out=tmp_path / "c")
    settings = read(configuration.files[2])["model_config"]["model_init_config"]
    assert (settings["kernel_height"], settings["first_kernel_expansion_height"]) == kernel


def test_numbers_are_numbers_for_the_loader_of_eir(small, tmp_path):
    flavour = derive(FLAVOURS["toy"], name="x", description="d", training={"lr": 1e-4, "wd": 1e-7})
    configuration = configure(flavour, small.spec, out=tmp_path / "c")
    optimization = read(configuration.globals)["optimization"]
    assert optimization["lr"] == 1e-4
    assert optimization["wd"] == 1e-7
    assert isinstance(optimization["wd"], float)


def test_column_names_that_look_like_numbers_stay_text(small, tmp_path):
    content = small.spec.model_dump()
    content["target"]["conditions"][0]["name"] = "1"
    spec = DatasetSpec.model_validate(content)
    configuration = configure(FLAVOURS["toy"], spec, out=tmp_path / "c")
    columns = read(configuration.output)["output_type_info"]["target_con_columns"]
    assert columns == spec.target.columns


@pytest.mark.parametrize(
    ("counts", "epochs", "batch", "interval", "steps"),
    [
        (SampleCounts(38_800, 3_000), None, 64, 606, 72_720),
        (SampleCounts(640, 128), 1, 64, 2, 10),
        (SampleCounts(50, 20), 6, 16, 2, 18),
        (SampleCounts(5, 3), 2, 2, 2, 4),
    ],
)
def test_every_run_reaches_an_evaluation(small, tmp_path, counts, epochs, batch, interval, steps):
    flavour = FLAVOURS["pure_conv"]
    schedule = plan_schedule(flavour, counts, epochs)
    configuration = configure(flavour, small.spec, out=tmp_path / "c", schedule=schedule)
    content = read(configuration.globals)
    assert (configuration.batch_size, configuration.steps) == (batch, steps)
    assert content["basic_experiment"]["batch_size"] == batch
    evaluation = content["evaluation_checkpoint"]
    assert evaluation["sample_interval"] == evaluation["checkpoint_interval"] == interval
    assert interval <= steps
    assert content["lr_schedule"]["warmup_steps"] <= steps / 10


def test_paths_start_at_the_project(small, tmp_path):
    configuration = configure(
        FLAVOURS["microc_diagonal"], small.spec, out=tmp_path / "c", run_folder="runs/small/mine"
    )
    experiment = read(configuration.globals)["basic_experiment"]
    assert experiment["output_folder"] == "runs/small/mine/eir"
    assert experiment["manual_valid_ids_file"] == "targets/small/ids_valid.txt"
    sources = [read(path)["input_info"]["input_source"] for path in configuration.inputs]
    assert sources == ["inputs/small/landscape/train_valid", "inputs/small/contacts/train_valid"]
    source = read(configuration.output)["output_info"]["output_source"]
    assert source == "targets/small/train_valid.csv"


@pytest.mark.parametrize(
    ("lacking", "flavour", "message"),
    [
        (
            "contacts",
            "microc_diagonal",
            "dataset 'small' has no contact maps: choose a flavour without contacts",
        ),
        ("target", "pure_conv", "dataset 'small' has no target"),
    ],
)
def test_dataset_without_what_the_flavour_needs(small, tmp_path, lacking, flavour, message):
    spec = small.spec.model_copy(update={lacking: None})
    with pytest.raises(ClasterError, match=message):
        configure(FLAVOURS[flavour], spec, out=tmp_path / "c")
    assert not (tmp_path / "c").exists()
