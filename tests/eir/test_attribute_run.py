"""Attribution of whole runs: a table, an array and a flavour with contacts."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pyBigWig
import pytest
import torch
import yaml
from torch import nn
from typer.testing import CliRunner

from claster.analysis.attribution.attribute import attribute
from claster.cli import app
from claster.dataset.layout import read_genes_table
from claster.eir import inference
from claster.eir.inference import TrainedModel, load_model, predict_arrays
from claster.eir.runs import RunFolder, best_checkpoint, read_run, write_run
from claster.eir.trained_network import Network, _Scaling
from claster.errors import ClasterError

QUICK = {"bins": 3, "compare": 2, "steps": 8, "block": 5000, "device": "cpu"}


def turn_every_second_gene(small):
    """Put half the genes on the minus strand."""
    genes = read_genes_table(small.folders)
    genes["strand"] = np.where(np.arange(len(genes)) % 2, "-", "+")
    genes["tss"] = np.where(genes["strand"] == "-", genes["end"] - 1, genes["start"])
    genes.to_csv(small.folders.genes, sep="\t", index=False)


class Branch(nn.Module):
    def __init__(self, rows, filters):
        super().__init__()
        block = nn.Module()
        block.conv_1 = nn.Conv2d(1, filters, (rows, 5), stride=(1, 10 if rows == 2 else 1))
        block.forward = lambda x: torch.tanh(block.conv_1(x))
        self.feature_extractor = nn.Module()
        self.feature_extractor.conv = nn.Sequential(block)


class TwoBranches(nn.Module):
    """A network of landscape and contact map as EIR names its parts, with random weights."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(4)
        self.input_modules = nn.ModuleDict({"landscape": Branch(2, 3), "contacts": Branch(3, 4)})
        self.last = nn.LazyLinear(41)

    def forward(self, inputs):
        seen = [
            self.input_modules[name].feature_extractor.conv(x.reshape(len(x), 1, *x.shape[-2:]))
            for name, x in (
                ("landscape", inputs["landscape"][:, :, 0]),
                ("contacts", inputs["contacts"]),
            )
        ]
        whole = torch.cat([x.flatten(1) for x in seen], dim=1)
        return {"target": {"target": self.last(whole)[:, None, None]}}


@pytest.fixture
def contact_run(small, monkeypatch, record):
    """A run of the network above, whose maps are a view of the dataset's."""
    turn_every_second_gene(small)
    run = RunFolder(small.project / "runs" / "small" / "contacts", small.project)
    run.configurations.mkdir(parents=True)
    for name, folder in {"landscape": "landscape", "contacts": "view_contacts_81"}.items():
        info = {
            "input_name": name,
            "input_source": f"inputs/small/{folder}/train_valid",
            "input_type": "array",
        }
        text = yaml.safe_dump({"input_info": info})
        (run.configurations / f"input_{name}.yaml").write_text(text)
    run.exported_weights.write_bytes(b"weights")
    write_run(run, record.model_copy(update={"dataset": small.yaml, "trained_on": small.spec}))
    none = torch.zeros(()), torch.ones(())
    network = Network(
        TwoBranches().eval(),
        {"landscape": _Scaling((2, 1, 2001), *none), "contacts": _Scaling((1, 9, 81), *none)},
        _Scaling((41,), *none),
        "target",
        None,
    )
    network.module({"landscape": torch.zeros(1, 2, 1, 2001), "contacts": torch.zeros(1, 1, 9, 81)})
    network.module.requires_grad_(requires_grad=False)
    model = TrainedModel(run.path, network, small.spec, torch.device("cpu"))
    monkeypatch.setattr(inference, "load_model", lambda *_, **__: model)
    return run, small, model


@pytest.fixture
def bed(small):
    genes = read_genes_table(small.folders, split="test")
    rows = [
        f"{gene.chrom}\t{gene.tss + offset}\t{gene.tss + offset + 1130}\t{gene.gene_id}_{offset}\n"
        for gene in genes.itertuples()
        for offset in (1500, -3070)
    ]
    path = small.project / "elements.bed"
    path.write_text("".join(rows))
    return path


def test_contact_flavour(contact_run, bed):
    run, small, model = contact_run
    files = attribute(run, **QUICK, elements=bed, bigwig=("test1",))
    genes = pd.read_parquet(files.genes).set_index("gene_id")
    assert len(genes) == 6
    assert set(genes.filter(like="absolute_")) == {
        "absolute_ATAC",
        "absolute_H3K27ac",
        "absolute_contacts",
    }
    assert (genes["delta"].abs() < 1e-3).all()
    total = genes.filter(like="signed_").sum(axis=1)
    np.testing.assert_allclose(total, genes["change"] + genes["delta"], rtol=1e-3, atol=1e-5)
    # The prediction itself, in memory: 5 kb of body from bin 0 to 5 (+), or -5 to 0.
    window = {
        modality: np.load(small.folders.arrays(modality, "test") / "test1_forward.npy")[None]
        for modality in ("landscape", "contacts")
    }
    middle = window["contacts"].shape[-1] // 2
    window["contacts"] = window["contacts"][..., middle - 40 : middle + 41]
    profile = predict_arrays(model, **window)[0, 0]
    strand = genes.loc["test1", "strand"]
    span = slice(20, 26) if strand == "+" else slice(15, 21)
    shares = np.array([0.5, 1, 1, 1, 1, 0.5])
    if strand == "-":  # TSS = end - 1: the body is [-4999, 1)
        shares = np.array([0.499, 1, 1, 1, 1, 0.501])
    assert genes.loc["test1", "predicted"] == pytest.approx(profile[span] @ shares / 5, rel=1e-4)

    maps = [np.load(files.contacts(value)) for value in ("absolute", "signed")]
    assert maps[0].shape == maps[1].shape == (9, 81)
    assert np.nanmax(np.abs(maps[1]) - maps[0]) < 1e-6
    table = pd.read_parquet(files.profile)
    assert set(table["track"]) == {"ATAC", "H3K27ac", "all"}
    assert table["n"].max() == 18
    assert table["distance"].abs().max() > 100_000
    agreement = pd.read_csv(files.agreement)
    assert set(agreement["other"]) == {"gradient_x_input", "occlusion", "zero", "mean"}
    assert "contacts" in set(agreement["track"])
    elements = pd.read_parquet(files.elements)
    assert len(elements) >= 12
    assert (elements["score"] >= elements["signed"].abs() - 1e-9).all()

    tss = int(genes.loc["test1", "tss"])
    row = elements[elements["element_id"] == "test1_1500"].set_index("gene_id").loc["test1"]
    start, end = int(row["element_start"]), int(row["element_end"])
    with pyBigWig.open(str(files.folder / "bigwig" / "test1.all.bw")) as track:
        values = track.values(str(row["chrom"]), start, end)
    assert (start, end) == (tss + 1500, tss + 2630)
    assert sum(values) / 100 == pytest.approx(row["signed"], rel=1e-3, abs=1e-6)
    record = json.loads(files.manifest.read_text())
    assert record["genes_per_second"] > 0
    assert record["contacts"] == {"kind": "diagonal", "resolution": 1600}
    assert record["identity"]["settings"]["tracks"] == ["ATAC", "H3K27ac", "contacts"]
    summary = json.loads(files.summary.read_text())
    assert summary["convergence"]["largest_delta"] < 1e-2

    stamp = files.manifest.stat().st_mtime_ns
    again = {**QUICK, "elements": bed, "bigwig": ("test1",)}
    attribute(run, **again)
    assert files.manifest.stat().st_mtime_ns == stamp
    with pytest.raises(ClasterError, match=r"holds something else: choose another 'name'"):
        attribute(run, **again | {"seed": 5})


def test_chosen_tracks(contact_run):
    run, _, _ = contact_run
    files = attribute(
        run,
        **QUICK | {"compare": 1},
        method="occlusion",
        tracks=("H3K27ac",),
        genes=2,
    )
    genes = pd.read_parquet(files.genes)
    assert (len(genes), list(genes.filter(like="absolute_"))) == (2, ["absolute_H3K27ac"])
    profile = pd.read_parquet(files.profile).groupby("track")["mean_absolute"].max()
    assert profile["ATAC"] == 0 < profile["H3K27ac"]
    assert np.nanmax(np.load(files.contacts("absolute"))) == 0
    agreement = pd.read_csv(files.agreement).query("track == 'H3K27ac'").set_index("other")
    assert agreement.loc["integrated_gradients", "spearman"] > 0.9


def test_mirrored_genes_give_the_same_profile(contact_run, monkeypatch):
    """A network that reads each window along the gene's strand: strands make no difference."""
    run, small, model = contact_run
    monkeypatch.setattr(inference, "load_model", lambda *_, **__: replace(model, network=aligned))

    class Mirrored(nn.Module):
        def forward(self, inputs):
            return {
                "target": {
                    "target": model.network.module(
                        {name: x.flip(-1) for name, x in inputs.items()}
                    )["target"]["target"].flip(-1)
                }
            }

    tables = []
    for strand, module in (("+", model.network.module), ("-", Mirrored())):
        genes = read_genes_table(small.folders).assign(strand=strand)
        genes["start"] = genes["tss"] - 2500
        genes["end"] = genes["tss"] + 2500
        genes.to_csv(small.folders.genes, sep="\t", index=False)
        if strand == "-":
            for modality in ("landscape", "contacts"):
                for file in small.folders.arrays(modality, "test").glob("*_forward.npy"):
                    np.save(file, np.load(file)[..., ::-1])
        aligned = replace(model.network, module=module)
        files = attribute(
            run,
            **QUICK | {"bins": (-4, 0, 7), "compare": 0},
            baselines=("zero",),
            name=f"strand{strand}",
        )
        tables.append((pd.read_parquet(files.profile), np.load(files.contacts("signed"))))
    (ahead, map_ahead), (turned, map_turned) = tables
    pd.testing.assert_frame_equal(ahead, turned, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(map_turned, map_ahead, rtol=1e-3, atol=1e-6)


def test_latents_of_the_contact_branch(contact_run):
    run, small, model = contact_run
    files = attribute(run, latents=True, genes=("test0", "test1"))
    with np.load(files.latents) as layers:
        assert list(layers) == ["conv.0.conv_1"]
        found = layers["conv.0.conv_1"]
    assert found.shape == (4, 7, 77)
    layer = model.network.module.input_modules["contacts"].feature_extractor.conv[0].conv_1
    strands = read_genes_table(small.folders, split="test")["strand"][:2]
    answers = []
    for name, strand in zip(("test0", "test1"), strands, strict=True):
        array = np.load(small.folders.arrays("contacts", "test") / f"{name}_forward.npy")
        middle = array.shape[1] // 2
        given = torch.from_numpy(np.ascontiguousarray(array[:, middle - 40 : middle + 41]))
        answer = layer(given[None, None])[0].numpy()
        answers.append(answer if strand == "+" else answer[..., ::-1])
    assert set(strands) == {"+", "-"}
    np.testing.assert_allclose(found, np.mean(answers, axis=0), rtol=1e-4, atol=1e-5)
    assert json.loads(files.manifest.read_text())["branch"] == "contacts"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tracks": ("H3K4me3",)}, "sees no track 'H3K4me3': choose among ATAC, H3K27ac, contacts"),
        ({"genes": ("nobody",)}, "test split: no gene 'nobody' among 6: choose among test0"),
        ({"bins": 99}, "99 bins of 41"),
        ({"bins": (21,)}, "there is no bin 21"),
        ({"condition": "heat"}, "no condition 'heat': choose among ctrl"),
        ({"baselines": ("one",)}, "no baseline 'one'"),
        ({"elements": "no.bed"}, "no.bed"),
    ],
)
def test_faults_are_one_line(contact_run, options, message):
    run, _, _ = contact_run
    with pytest.raises(ClasterError, match=message) as raised:
        attribute(run, **QUICK | options)
    assert "\n" not in str(raised.value)
    assert not (run.path / "attributions").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "element"),
        ("chr9\t5\t50\n", "none of 1 is on a chromosome"),
        ("chr1\t700000\t700100\n", "lies whole within"),
    ],
)
def test_elements_that_do_not_fit(contact_run, bed, text, message):
    run, _, _ = contact_run
    bed.write_text(text)
    with pytest.raises(ClasterError, match=message):
        attribute(run, **QUICK, elements=bed)


def test_run_without_a_model(contact_run):
    run, small, _ = contact_run
    run.exported_weights.unlink()
    with pytest.raises(ClasterError, match="no saved model"):
        attribute(run, **QUICK)
    with pytest.raises(ClasterError, match="no run in"):
        attribute(small.project / "nothing")


@pytest.mark.slow
def test_memory_that_does_not_suffice(contact_run, monkeypatch):
    run, _, _ = contact_run
    options = QUICK | {"compare": 1, "genes": 1}
    whole = pd.read_parquet(attribute(run, **options, name="whole").profile)
    real = inference.run_network
    sizes = []

    def scarce(network, inputs):
        sizes.append(len(inputs["landscape"]))
        if sizes[-1] > 8:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(network, inputs)

    monkeypatch.setattr(inference, "run_network", scarce)
    part = pd.read_parquet(attribute(run, **options, name="part").profile)
    assert max(sizes) > 8
    pd.testing.assert_frame_equal(part, whole, rtol=1e-3, atol=1e-6)


@pytest.mark.slow
def test_command_on_a_trained_table(trained, monkeypatch):
    """The command with figures; gradients through EIR's own network."""
    monkeypatch.chdir(trained.small.project)
    run = RunFolder(shutil.copytree(trained.run.path, trained.run.path.parent / "attributed"))
    best_checkpoint(run)
    options = "--bins 2 --compare 1 --steps 16 --block 20000 --genes 3 --device cpu --name new"
    done = CliRunner().invoke(app, ["attribute", str(run.path), *options.split()])
    assert done.exit_code == 0, done.output
    assert "genes/s" in done.output
    folder = run.path / "attributions" / "new"
    assert {path.name for path in (folder / "figures").iterdir()} == {
        "distance_absolute.png",
        "distance_signed.png",
        "locality.png",
        "locality_above_level.png",
    }
    targets = pd.read_parquet(folder / "targets.parquet")
    assert len(targets) == 9
    assert (targets["delta"].abs() < 0.05 * targets["change"].abs().max()).all()
    assert read_run(run.path).status == "complete"
    done = CliRunner().invoke(
        app, ["attribute", str(run.path), "--latents", "--genes", "2", "--name", "l"]
    )
    assert done.exit_code == 0, done.output
    assert (run.path / "attributions" / "l" / "figures" / "filters.png").is_file()


@pytest.mark.slow
def test_array_output(profile_run):
    files = attribute(
        profile_run.run,
        **QUICK | {"steps": 32, "compare": 1, "genes": 2},
    )
    model = load_model(profile_run.run, device="cpu")
    assert model.network.columns is None
    targets = pd.read_parquet(files.targets)
    assert targets["change"].abs().max() > 0
    assert targets["delta"].abs().max() < 0.05 * targets["change"].abs().max()
