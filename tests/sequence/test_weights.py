import json
import shutil

import pytest
import torch
from huggingface_hub.errors import LocalEntryNotFoundError

from claster.errors import ClasterError
from claster.sequence.models import MODELS, find_model, find_weights
from claster.sequence.tiny import write_tiny_model


@pytest.fixture
def folder(weights, tmp_path):
    """Return a copy of Enformer's tiny weights."""
    return shutil.copytree(weights("enformer"), tmp_path / "enformer")


def test_unknown_model_names_the_known_ones():
    with pytest.raises(
        ClasterError, match=r"no sequence model 'evo'.*enformer, hyenadna_small_32k"
    ):
        find_model("evo")


@pytest.mark.parametrize("name", MODELS)
def test_every_model_says_where_it_comes_from(name):
    model = MODELS[name]
    assert model.licence
    assert "doi" in model.citation or "arXiv" in model.citation
    assert "/" in model.repository
    assert model.revision is None or len(model.revision) == 40


def test_hashes_are_those_of_the_files(folder):
    files = find_weights(MODELS["enformer"], folder=folder)
    assert set(files.hashes) == {"config.json", "model.safetensors"}
    listed = (folder / "SHA256SUMS").read_text()
    assert all(digest in listed for digest in files.hashes.values())


@pytest.mark.parametrize("damage", ["flip", "cut"])
def test_damaged_weights_are_refused(folder, damage):
    path = folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content if damage == "flip" else content[:-100])
    with pytest.raises(ClasterError, match=r"model\.safetensors is damaged: its SHA-256 is"):
        find_weights(MODELS["enformer"], folder=folder)


def test_cut_weights_are_refused_without_hashes_too(folder):
    (folder / "SHA256SUMS").unlink()
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ClasterError, match=r"model\.safetensors cannot be read as weights"):
        MODELS["enformer"].load(find_weights(MODELS["enformer"], folder=folder).folder)


def test_weights_of_another_size_are_refused(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"depth": 2}))
    with pytest.raises(ClasterError, match=r"the weights lack transformer\.1"):
        MODELS["enformer"].load(folder)


def test_pickled_weights_load_and_pickled_code_does_not(folder, tmp_path):
    model = MODELS["enformer"].load(folder)
    (folder / "model.safetensors").unlink()
    torch.save(model.model.state_dict(), folder / "pytorch_model.bin")
    again = MODELS["enformer"].load(folder)
    for name, value in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], value)
    torch.save({"x": print}, folder / "pytorch_model.bin")
    with pytest.raises(ClasterError, match=r"pytorch_model\.bin cannot be read as weights"):
        MODELS["enformer"].load(folder)


@pytest.mark.parametrize(
    ("name", "lacking"),
    [
        ("enformer", r"lacks config\.json, model\.safetensors or pytorch_model\.bin of enformer"),
        (
            "hyenadna_small_32k",
            r"lacks config\.json, configuration_hyena\.py, modeling_hyena\.py, ",
        ),
    ],
)
def test_an_empty_folder_is_told_what_it_lacks(name, lacking, tmp_path):
    with pytest.raises(ClasterError, match=lacking) as fault:
        find_weights(MODELS[name], folder=tmp_path)
    assert MODELS[name].repository in fault.value.remedy
    assert MODELS[name].revision in fault.value.remedy


def test_without_network_it_says_what_to_bring(monkeypatch):
    import huggingface_hub

    def offline(*_, **__):
        raise LocalEntryNotFoundError("no network")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    with pytest.raises(ClasterError, match="no weights of enformer on this machine") as fault:
        find_weights(MODELS["enformer"])
    assert fault.value.remedy == (
        "bring config.json, model.safetensors or pytorch_model.bin of EleutherAI/enformer-official-rough "
        "at commit affe5713ae9017460706a44108289b13c5fee16c (Hugging Face hub) into one folder and pass "
        "--weights FOLDER"
    )


def test_files_of_the_hub_are_compared_with_its_names(weights, tmp_path, monkeypatch):
    import huggingface_hub

    source = weights("enformer")
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshots" / "x"
    blobs.mkdir()
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_bytes((source / "config.json").read_bytes())
    content = (source / "model.safetensors").read_bytes()
    asked = []

    def give(name, revision, allow_patterns):
        asked.append((name, revision, allow_patterns[-1]))
        return str(snapshot)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", give)
    blob = blobs / ("0" * 64)
    blob.write_bytes(content)
    (snapshot / "model.safetensors").symlink_to(blob)
    with pytest.raises(ClasterError, match=r"is damaged.*the hub says 000000000000"):
        find_weights(MODELS["enformer"])
    assert asked == [
        (MODELS["enformer"].repository, MODELS["enformer"].revision, "model.safetensors")
    ]


@pytest.mark.parametrize("revision", [None, "main"])
def test_the_hub_is_asked_for_commits_only(revision):
    with pytest.raises(ClasterError, match="commit"):
        find_weights(MODELS["borzoi"], revision=revision)


def test_code_runs_behind_its_flag_only(weights):
    model = MODELS["hyenadna_small_32k"]
    with pytest.raises(ClasterError, match=r"made by Python code .* pass trust_remote_code=True"):
        model.load(weights(model.name))
    trunk = model.load(weights(model.name), trust_remote_code=True)
    assert type(trunk.model).__module__.startswith("transformers_modules.")
    assert trunk.geometry.length == 5120


def test_geometry_of_the_official_sizes():
    """What the registered models say of themselves, without their weights."""
    from claster.dataset.embeddings import covered_bins
    from claster.genome.windows import Binning

    target = Binning(401, 1000)
    spans = {"enformer": 896 * 128, "hyenadna": 32_768, "hyenadna_160k": 160_000, "borzoi": 196_608}
    assert {name: covered_bins(span, target) for name, span in spans.items()} == {
        "enformer": 113,
        "hyenadna": 31,
        "hyenadna_160k": 159,
        "borzoi": 195,
    }


def test_tiny_folder_is_not_overwritten(tmp_path):
    (tmp_path / "x").mkdir()
    with pytest.raises(ClasterError, match="exists already"):
        write_tiny_model("enformer", tmp_path / "x")
