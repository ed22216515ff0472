"""The motif that the simulator plants at promoters is learned by a small model."""

import numpy as np
import pandas as pd
import pytest

from claster.dataset.layout import DatasetFolders
from claster.eir.runs import read_predictions
from claster.sequence.tiny import write_tiny_model
from claster.simulation.chromosome import _motif_copies, draw_sequence

COUNTS = {"train": 200, "valid": 40, "test": 40}


def plant(counts):
    """Return genes like those of `write_dataset`, and chromosomes with the motif before their TSSs."""
    rng = np.random.default_rng(8)
    letters, activity = {}, {}
    for number, (split, count) in enumerate(counts.items(), start=1):
        size = count * 3_000 + 12_000
        activity[split] = 2.0 ** rng.uniform(-2, 2.5, count)
        genes = pd.DataFrame(
            {
                "tss": 11_000 + 3_000 * np.arange(count),
                "strand": "+",
                "state": "active",  # all with the same share of G and C, so that the motif alone tells
                "motif_copies": _motif_copies(activity[split]),
            }
        )
        letters[f"chr{number}"] = draw_sequence(rng, size, genes)
    return letters, activity


@pytest.mark.slow
def test_motif_is_learned(tmp_path, write_dataset):
    letters, activity = plant(COUNTS)
    spec = write_dataset(
        tmp_path,
        counts=COUNTS,
        sizes={chrom: len(sequence) for chrom, sequence in letters.items()},
        letters=letters,
        tss=lambda split, number: 11_000 + 3_000 * number,
        level=lambda split, number: 10 * activity[split][number],
        bins=1,
        bin=500,
    )
    name = "hyenadna_small_32k"
    from claster.sequence.finetune import finetune

    run = finetune(
        spec,
        name,
        dataset_yaml=str(tmp_path / "configurations/datasets/small.yaml"),
        weights=write_tiny_model(name, tmp_path / "tiny", settings={"max_seq_len": 514}),
        trust_remote_code=True,
        epochs=16,
        batch_size=8,
        accumulate=1,
        lr=1e-2,
        head_lr=5e-3,
        patience=16,
        device="cpu",
    )
    folders = DatasetFolders.of(spec)
    genes = pd.read_csv(folders.genes, sep="\t").query("split == 'test'")["gene_id"]
    predicted = read_predictions(run, "test").loc[[f"{gene}_forward" for gene in genes]].to_numpy()
    truth = np.log(activity["test"])
    assert np.corrcoef(np.log1p(predicted[:, 0]), truth)[0, 1] > 0.6
