"""What EIR builds, measured on its own modules."""

import functools
from types import SimpleNamespace

import pytest

from claster.dataset.signal_settings import ContactsSpec, WindowSpec
from claster.dataset.spec import DatasetSpec
from claster.eir import run as run_module
from claster.eir.flavours import FLAVOURS, find_flavour
from claster.eir.geometry import (
    Branch,
    Cost,
    Geometry,
    _geometry_text,
    measure_cost,
    measure_geometry,
)
from claster.eir.network import Attention, Block, build_network
from claster.eir.parts import derive
from claster.errors import ClasterError
from claster.progress import _Silent

# The first test brings EIR in, whose imports warn.
pytestmark = pytest.mark.filterwarnings("ignore")

REAL = DatasetSpec.model_validate(
    {
        "name": "real",
        "assembly": "mm10",
        "tracks": [{"name": name, "file": f"{name}.bw"} for name in ("ATAC", "H3K27ac", "c", "d")],
        "genes": {"file": "genes.gtf"},
        "target": {"conditions": [{"name": "ctrl", "file": "n.bw"}]},
        "contacts": {"file": "m.mcool"},
    }
)


def with_map(kind, resolution=1600):
    contacts = ContactsSpec(file="m.mcool", map=kind, resolution=resolution)
    return REAL.model_copy(update={"contacts": contacts})


DATASETS = {
    "microc_square": with_map("paper_square"),
    "microc_rotated": with_map("paper_rotated"),
    "promoter_capture": with_map("paper_square", 5000),
    "proximal_contacts": with_map("stripe"),
    "proximal_contacts_200kb": with_map("stripe"),
    "proximal_contacts_log": with_map("stripe"),
    "profile_contacts": with_map("stripe"),
}


def changed(name, **changes):
    return derive(FLAVOURS[name], name="changed", description="d", **changes)


def landscape(name, **settings):
    return changed(name, inputs={"landscape": {"cnn": settings}})


QUICK = {"pure_conv", "conv_attention", "toy", "context_20kb", "profile", "microc_diagonal"}


def slow_but_for_a_few(rows):
    """Return rows that begin with a flavour's name as parameters, of which the heavy networks are slow."""
    return [pytest.param(*row, marks=[] if row[0] in QUICK else pytest.mark.slow) for row in rows]


@functools.cache
def geometry_of(name):
    return measure_geometry(find_flavour(name), DATASETS.get(name, REAL))


def branch(name, modality="landscape"):
    return next(found for found in geometry_of(name).branches if found.modality == modality)


def test_features_that_grow_in_training_silence_no_other_branch():
    """A landscape's features grow a million times, since what follows normalises them away."""
    import torch

    from claster.eir.network import output_values, random_inputs

    moved = {}
    for fusion in ("mlp-residual-sum", "mlp-residual"):
        torch.manual_seed(0)
        flavour = changed("proximal_contacts", fusion={"model_type": fusion})
        network = build_network(flavour, DATASETS["proximal_contacts"]).eval()
        inputs = random_inputs(network, samples=8)
        features = {
            name: module(inputs[name]).square().mean().sqrt()
            for name, module in network.input_modules.items()
        }
        assert 0.1 < features["activity"] / features["landscape"] < 10
        with torch.no_grad():
            for weight in network.input_modules[
                "landscape"
            ].feature_extractor.final_layer.parameters():
                weight *= 1e6
        before, after = (
            torch.cat(output_values(network(seen)))
            for seen in (inputs, inputs | {"activity": inputs["activity"].flip(0)})
        )
        moved[fusion] = ((after - before).square().mean().sqrt() / before.std()).item()
    assert moved["mlp-residual-sum"] > 0.1
    assert moved["mlp-residual"] < 1e-4


@pytest.mark.parametrize("name", slow_but_for_a_few([name] for name in FLAVOURS))
def test_no_flavour_has_a_fault_but_the_short_sight_that_is_its_purpose(name):
    geometry = geometry_of(name)
    faults = [warning for warning in geometry.warnings if "sees 20,100 bp" not in warning]
    assert faults == []
    assert (len(geometry.warnings) == 1) == (name == "context_20kb")
    assert geometry.blocks[-1].name.startswith("output.")


@pytest.mark.parametrize(
    ("name", "modality", "shape", "positions", "pitch"),
    slow_but_for_a_few(
        [
            ("pure_conv", "landscape", (4, 1, 10_001), 31, 256 * 100),
            ("without_H3K27ac", "landscape", (3, 1, 10_001), 31, 256 * 100),
            ("context_20kb", "landscape", (4, 1, 201), 18, 8 * 100),
            ("toy", "landscape", (4, 1, 10_001), 122, 80 * 100),
            ("microc_diagonal", "contacts", (1, 129, 625), 31, 16 * 1600),
            ("microc_rotated", "contacts", (1, 129, 626), 31, 16 * 1600),
            ("microc_square", "contacts", (1, 626, 626), 36, 16 * 1600),
            ("promoter_capture", "contacts", (1, 201, 201), 9, 16 * 5000),
            ("profile", "landscape", (4, 1, 4021), 401, 1000),
            ("enformer_head", "embedding", (3072, 1, 113), 113, 1000),
            ("hyenadna_head", "embedding", (256, 1, 31), 31, 1000),
            ("profile_microc", "contacts", (1, 129, 255), 251, 1600),
        ]
    ),
)
def test_positions_and_their_distance(name, modality, shape, positions, pitch):
    found = branch(name, modality)
    assert (found.shape, found.positions, found.pitch) == (shape, positions, pitch)


@pytest.mark.parametrize("name", ["pure_conv", "toy", "profile"])
def test_reach_is_that_of_the_convolutions(name):
    """The measured reach against the sum over the widths of EIR's kernels."""
    model = build_network(FLAVOURS[name], REAL)
    blocks = list(model.input_modules["landscape"].feature_extractor.conv)
    if name == "profile":
        blocks += list(model.output_modules["landscape"].feature_extractor.blocks)
    reach, step = 1, 1
    for block in blocks:
        for layer in ("conv_ds", "conv_1", "conv_2"):
            if hasattr(block, layer):
                convolution = getattr(block, layer)
                reach += step * (convolution.kernel_size[1] - 1)
                step *= convolution.stride[1]
    assert (branch(name).reach, branch(name).pitch) == (100 * reach, 100 * step)


def test_a_dilated_profile_keeps_a_position_a_bin():
    """EIR dilates the first kernel too: 21 columns, 3 apart, on steps of 10."""
    found = measure_geometry(landscape("profile", dilation_factor_width=3), REAL).branches[0]
    assert (found.shape, found.positions, found.pitch) == ((4, 1, 4061), 401, 1000)


def test_rows_give_the_same_positions_as_channels():
    window = REAL.window.model_copy(update={"layout": "rows"})
    spec = REAL.model_copy(update={"window": window})
    for name in ("pure_conv", "profile"):
        rows, channels = measure_geometry(FLAVOURS[name], spec).branches[0], branch(name)
        assert rows.shape == (1, 4, channels.shape[2])
        assert (rows.positions, rows.reach) == (channels.positions, channels.reach)


def test_attention_runs_over_positions():
    found = geometry_of("conv_attention").attention
    assert [block.length for block in found] == [304, 148, 70, 31]
    assert {(block.over, block.heads) for block in found} == {("positions", 4)}
    assert geometry_of("pure_conv").attention == ()


PUBLISHED = {"layers": (4, 4), "dilation_factor_width": 2}


@pytest.mark.parametrize(
    ("flavour", "spec", "message"),
    [
        (
            landscape("pure_conv", **PUBLISHED),
            REAL,
            "landscape: the last feature map has 1 position of",
        ),
        (
            landscape("pure_conv", **PUBLISHED, down_sample_every_n_blocks=2),
            REAL,
            "landscape: the last feature map has 1 position of 10,001 columns",
        ),
        (
            landscape("conv_attention", channel_exp_base=1, first_channel_expansion=1),
            REAL,
            "landscape.5: EIR takes 2 of 4 attention heads",
        ),
        (
            changed("profile_microc", output={"array": {"num_ca_blocks": 1}}),
            REAL,
            "output: attention runs over 32 channels, not over positions",
        ),
        (
            changed(
                "profile",
                inputs={"landscape": {"cnn": {"layers": (1,), "kernel_width": 3}}},
                output={"array": {"n_final_extra_blocks": 1}},
            ),
            REAL,
            "landscape: a bin of the profile sees 14,100 bp, less than the 20,000 bp",
        ),
        (
            changed("pure_conv", inputs={"landscape": {"window": 300_000}}),
            REAL,
            "landscape: the network sees 300,100 bp around the TSS and predicts 401,000 bp",
        ),
        (
            changed("microc_diagonal", inputs={"contacts": {"map": None}}),
            with_map("paper_square"),
            "contacts: the first kernel spans all 626 rows of a square map",
        ),
    ],
)
def test_each_fault_is_told(flavour, spec, message):
    warnings = measure_geometry(flavour, spec).warnings
    assert any(warning.startswith(message) for warning in warnings), warnings


def test_what_eir_cannot_build_is_one_line():
    spec = REAL.model_copy(update={"window": WindowSpec(bins=4021)})
    with pytest.raises(
        ClasterError, match=r"EIR cannot build flavour 'changed' .*change its"
    ) as raised:
        measure_geometry(landscape("pure_conv", down_stride_width=11), spec)
    assert "\n" not in str(raised.value)


def test_cost_of_a_step():
    small, large = (
        measure_cost(changed("profile", training={"batch_size": size}), REAL) for size in (2, 8)
    )
    assert (small.batch_size, large.batch_size) == (2, 8)
    assert 0 < small.memory < large.memory < 1e9
    assert small.seconds > 0
    assert Cost(batch_size=4, device="cpu", seconds=0.5, memory=1).epoch(80) == 10


def test_text_tells_everything():
    geometry = Geometry(
        flavour="f",
        dataset="d",
        parameters=1234,
        blocks=(Block("landscape.0", "FirstCNNBlock", 64, 1, 4996, 2624),),
        branches=(Branch("landscape", (4, 1, 10_001), 100, 31, 25_600, 698_900),),
        attention=(Attention("landscape.5", "positions", 304, 1, 4),),
        warnings=("landscape: bad",),
    )
    lines = _geometry_text(geometry, Cost(64, "cpu", 2.0, 2_200_000_000), samples=6400).splitlines()
    assert [line.strip() for line in lines] == [
        "f on dataset d: 1,234 parameters",
        "block              class in EIR              channels x height x width   parameters",
        "landscape.0        FirstCNNBlock                        64 x 1 x 4,996        2,624",
        "landscape: 4 x 1 x 10,001 in columns of 100 bp (1,000,100 bp); 31 positions, one every "
        "25,600 bp, each sees 698,900 bp through convolutions",
        "landscape.5: attention over 304 positions, 1 head",
        "one step of 64 samples on cpu: 2 s, 2.2 GB; an epoch of 6,400 samples: about 3 min",
        "warning: landscape: bad",
    ]


def test_text_of_a_single_position():
    branch = Branch("contacts", (1, 41, 99), 10_000, 1, 0, 10**6)
    geometry = Geometry("f", "d", 1, (), (branch,), (), ())
    text = _geometry_text(geometry, Cost(64, "cpu", 2.0, 10**9), samples=64)
    assert "(990,000 bp); 1 position, which sees everything through convolutions" in text


class Heard(_Silent):
    """Progress that keeps what is said."""

    def __init__(self):
        self.said = []

    def say(self, text):
        self.said.append(text)


@pytest.mark.parametrize(("long", "looks"), [(24, True), (25, False)])
def test_long_runs_are_looked_at_first(small, tiny, monkeypatch, long, looks):
    """The flavour `tiny` makes 12 steps in 3 epochs, and 24 in 6."""
    found = SimpleNamespace(warnings=("landscape: bad",))
    monkeypatch.setattr(run_module, "_LONG_RUN", long)
    monkeypatch.setattr(run_module, "measure_geometry", lambda *_: found)
    monkeypatch.setattr(run_module, "lock_folder", lambda *_, **__: 1 / 0)  # what comes next
    heard = Heard()
    with pytest.raises(ZeroDivisionError):
        run_module.train(
            "tiny",
            small.spec,
            dataset_yaml=small.yaml,
            device="cpu",
            epochs=6,
            progress=heard,
        )
    assert ("warning: landscape: bad" in heard.said) == looks
    assert not (small.project / "runs").exists()
