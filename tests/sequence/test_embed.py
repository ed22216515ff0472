import shutil

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from claster.cli import app
from claster.dataset.embeddings import covered_bins, open_embeddings, pool_weights
from claster.dataset.layout import DatasetFolders
from claster.errors import ClasterError
from claster.genome.windows import Binning
from claster.progress import _Silent
from claster.sequence import embed as embed_module
from claster.sequence.embed import embed_dataset, embed_letters
from claster.sequence.models import MODELS, SequenceModel
from claster.sequence.windows import extract_windows

CODE = {"trust_remote_code": True}
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:torch")


def files_of(path):
    return {p.relative_to(path): p.read_bytes() for p in sorted(path.rglob("*")) if p.is_file()}


def random_letters(samples, length):
    return np.random.default_rng(1).choice(np.frombuffer(b"ACGTN", np.uint8), (samples, length))


@pytest.mark.parametrize(
    "name", ["enformer", "hyenadna_small_32k", pytest.param("borzoi", marks=pytest.mark.slow)]
)
def test_a_batch_is_its_samples_one_by_one(name, weights):
    trunk = MODELS[name].load(weights(name), **CODE)
    geometry = trunk.geometry
    letters = random_letters(2, geometry.length)
    together = embed_letters(trunk, letters)
    assert together.shape == (2, geometry.channels, geometry.bins)
    alone = np.concatenate([embed_letters(trunk, letters[row : row + 1]) for row in range(2)])
    np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-5)
    assert np.abs(together[0] - together[1]).max() > 1e-3


def test_channels_and_bins_are_enformers_own(weights):
    trunk = MODELS["enformer"].load(weights("enformer"))
    letters = random_letters(1, trunk.geometry.length)
    with torch.inference_mode():
        own = trunk.model([letters[0].tobytes().decode()], return_only_embeddings=True)
    found = embed_letters(trunk, letters)
    np.testing.assert_allclose(found[0, 5, 7], own[0, 7, 5].item(), rtol=1e-5)
    np.testing.assert_allclose(found[0], own[0].numpy().T, rtol=1e-5, atol=1e-6)


def test_a_base_changes_the_bin_that_it_lies_in(weights):
    """HyenaDNA is causal: nothing before the changed base may change, its own bin must."""
    trunk = MODELS["hyenadna_small_32k"].load(weights("hyenadna_small_32k"), **CODE)
    letters = random_letters(1, trunk.geometry.length)
    letters[:, :] = ord("A")
    changed = letters.copy()
    changed[0, 128 * 10 + 5] = ord("G")
    difference = np.abs(embed_letters(trunk, changed) - embed_letters(trunk, letters)).max(
        axis=(0, 1)
    )
    assert (difference[:10] < 1e-5).all()
    assert difference[10] > 1e-4


def test_store_holds_both_orientations_under_their_names(spec, tmp_path, weights):
    store = embed_dataset(spec, "enformer", weights=weights("enformer"))
    trunk = MODELS["enformer"].load(weights("enformer"))
    windows = extract_windows(spec, length=8192)
    row = windows.table["gene_id"].tolist().index("valid1")
    for way in ("forward", "rev"):
        letters = windows.sample(row, rev=way == "rev")
        found = store.read(f"valid1_{way}")
        assert (found.dtype, found.shape) == (np.float16, (48, 40))
        np.testing.assert_allclose(
            found, embed_letters(trunk, letters[None])[0], rtol=2e-3, atol=1e-4
        )
    assert store.record.samples == len(store.samples) == 44
    assert store.record.weights.keys() == {"config.json", "model.safetensors"}
    assert store.record.padded > 0
    assert open_embeddings(DatasetFolders.of(spec), "enformer").record == store.record


def test_killed_and_resumed_is_the_same_store(spec, tmp_path, weights, monkeypatch):
    settings = {
        "weights": weights("hyenadna_small_32k"),
        "batch_size": 3,
        **CODE,
    }
    name = "hyenadna_small_32k"
    whole = embed_dataset(spec, name, **settings)
    wanted = files_of(whole.path)
    shutil.rmtree(whole.path)
    calls = []

    def killed(*arguments, **options):
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return embed_letters(*arguments, **options)

    monkeypatch.setattr(embed_module, "embed_letters", killed)
    with pytest.raises(KeyboardInterrupt):
        embed_dataset(spec, name, **settings)
    assert not whole.path.exists()
    with pytest.raises(ClasterError, match=r"was started with other settings \(batch_size\)"):
        embed_dataset(spec, name, **settings | {"batch_size": 4})
    embed_dataset(spec, name, **settings)
    assert len(calls) == 5 + 15 - 4
    assert files_of(whole.path) == wanted


def test_a_complete_store_is_left_and_another_one_refused(spec, tmp_path, weights, monkeypatch):
    settings = {"weights": weights("hyenadna_small_32k"), **CODE}
    embed_dataset(spec, "hyenadna_small_32k", **settings)
    monkeypatch.setattr(SequenceModel, "load", None)
    embed_dataset(spec, "hyenadna_small_32k", **settings)
    embed_dataset(spec, "hyenadna_small_32k", **settings | {"trust_remote_code": False})
    with pytest.raises(ClasterError, match=r"was made otherwise \(bins\).*force=True"):
        embed_dataset(spec, "hyenadna_small_32k", **settings, central_bins=30)
    changed = shutil.copytree(
        settings["weights"], tmp_path / "changed", ignore=shutil.ignore_patterns("SHA256SUMS")
    )
    (changed / "config.json").write_text((changed / "config.json").read_text() + "\n")
    with pytest.raises(ClasterError, match=r"was made otherwise \(weights\).*force=True"):
        embed_dataset(spec, "hyenadna_small_32k", **settings | {"weights": changed})


def test_central_bins_are_the_middle(spec, tmp_path, weights):
    settings = {"weights": weights("enformer"), "force": True}
    folders = DatasetFolders.of(spec)
    stale, other = (
        folders.inputs / f"view_embedding_{name}_48x5" for name in ("enformer", "borzoi")
    )
    stale.mkdir()
    other.mkdir()
    whole = embed_dataset(spec, "enformer", **settings).read("test0_rev")
    assert (stale.exists(), other.exists()) == (False, True)
    part = embed_dataset(spec, "enformer", **settings, central_bins=24).read("test0_rev")
    np.testing.assert_array_equal(part, whole[:, 8:32])
    for count in (23, 42, 0):
        with pytest.raises(ClasterError, match=f"{count} of 40 bins cannot lie.*even"):
            embed_dataset(spec, "enformer", **settings, central_bins=count)


def test_size_is_said_and_a_small_disk_refused(spec, tmp_path, weights, monkeypatch):
    said = []

    class Told(_Silent):
        def say(self, text):
            said.append(text)

    monkeypatch.setattr("claster.files.free_disk", lambda _: 160_000)
    settings = {"weights": weights("enformer"), "progress": Told()}
    with pytest.raises(ClasterError, match="sequence of 'small' needs"):
        embed_dataset(spec, "enformer", **settings)
    monkeypatch.undo()
    extract_windows(spec, length=8192)
    monkeypatch.setattr("claster.files.free_disk", lambda _: 160_000)
    with pytest.raises(ClasterError, match=r"embeddings_enformer needs 0\.00 GB"):
        embed_dataset(spec, "enformer", **settings)
    assert "3.8 kB a sample, 7.7 kB a gene (forward and rev), 169.0 kB for 22 genes" in said


def test_other_genes_are_noticed(spec, tmp_path, weights):
    embed_dataset(spec, "enformer", weights=weights("enformer"))
    folders = DatasetFolders.of(spec)
    text = folders.genes.read_text()
    folders.genes.write_text(text.replace("\t1000\tvalid\t", "\t1001\tvalid\t"))
    with pytest.raises(ClasterError, match="embeddings of other genes or TSSs"):
        open_embeddings(folders, "enformer")
    with pytest.raises(ClasterError, match="no embeddings of dataset 'small' by borzoi"):
        open_embeddings(folders, "borzoi")


def test_pooling_of_bins_that_divide():
    weights = pool_weights(500, 8, Binning(3, 1000))
    assert weights.T.tolist() == [
        [0, 0.5, 0.5, 0, 0, 0, 0, 0],
        [0, 0, 0, 0.5, 0.5, 0, 0, 0],
        [0, 0, 0, 0, 0, 0.5, 0.5, 0],
    ]


@pytest.mark.parametrize(("bins", "bin"), [(896, 128), (256, 128), (1536, 128), (40, 100)])
def test_pooled_bins_are_means_over_bases(bins, bin):
    target = Binning(covered_bins(bins * bin, Binning(401, 1000)), 1000)
    weights = pool_weights(bin, bins, target)
    np.testing.assert_allclose(weights.sum(axis=0), 1, rtol=1e-5)
    np.testing.assert_array_equal(weights, weights[::-1, ::-1])
    values = np.random.default_rng(0).normal(size=bins)
    bases = np.repeat(values, bin)
    middle = bins * bin // 2
    for k in (-(target.bins // 2), 0, target.bins // 2):
        wanted = bases[middle + 1000 * k - 500 : middle + 1000 * k + 500].mean()
        np.testing.assert_allclose(values @ weights[:, k + target.bins // 2], wanted, atol=1e-5)


def test_target_beyond_the_embedding():
    with pytest.raises(ValueError, match=r"401,000 bp are not within 114,688 bp"):
        pool_weights(128, 896, Binning(401, 1000))


def test_command(spec, tmp_path, weights, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = [
        "sequence",
        "embed",
        "small",
        "-m",
        "enformer",
        "--weights",
        str(weights("enformer")),
    ]
    found = CliRunner().invoke(app, [*command, "--device", "cpu", "--precision", "bfloat16"])
    assert found.exit_code == 0, found.output
    assert "embeddings: inputs/sequence/small/embeddings_enformer" in found.output
