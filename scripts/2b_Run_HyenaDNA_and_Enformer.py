# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 2b · HyenaDNA and Enformer
#
# What does the DNA sequence alone tell of transcription? Two models of DNA beside CLASTER, on the same
# genes and the same bins: Enformer, frozen, with a head that EIR trains on its embedding, and HyenaDNA,
# fine-tuned itself.
#
# As it is, this notebook takes a minute and needs no download: `WEIGHTS = None` writes **random weights**
# of the real classes in a small size and sends them the same way as real ones. What they predict is worth
# nothing. Set `WEIGHTS` to a folder that holds `enformer` and `hyenadna_small_32k` (files and licences are
# in [docs/sequence.md](../docs/sequence.md)), and `DATASET` to `mesc`, for the real comparison.

# %% tags=["parameters"]
DATASET = "demo_tiny"
WEIGHTS = None  # a folder with a folder of files for each model; None: small random models
EPOCHS = {"enformer": 20, "hyenadna_small_32k": 2}

# %%
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import display

from claster.analysis.compare import compare_runs, main_scores
from claster.analysis.metrics import gene_means
from claster.dataset.build import build_dataset
from claster.dataset.layout import read_ids
from claster.dataset.load import load_dataset
from claster.eir.predict import predict
from claster.eir.run import train
from claster.eir.runs import read_predictions
from claster.plot import (
    comparison_bars,
    learning_curves,
    model_densities,
    pearson_spearman,
    profile_panels,
)
from claster.project import enter_project
from claster.sequence.embed import embed_dataset
from claster.sequence.finetune import Tuning, finetune
from claster.sequence.models import MODELS
from claster.sequence.tiny import write_tiny_model
from claster.sequence.windows import extract_windows
from claster.simulation import ensure_genome

# %matplotlib inline
enter_project()
dataset = load_dataset(DATASET)
if dataset.simulation is not None:
    ensure_genome(dataset.data_folder, dataset.simulation.model_dump())
folders = build_dataset(dataset).folders

# %% [markdown]
# ## The models
#
# One entry each; the commit is what the weights are fetched at where no folder is given.

# %%
pd.DataFrame(
    {
        name: {"repository": m.repository, "commit": (m.revision or "")[:12], "licence": m.licence}
        for name, m in MODELS.items()
    }
).T

# %%
used = ["enformer", "hyenadna_small_32k"]
place = Path(WEIGHTS or "inputs/sequence/tiny_weights")
for name in used:
    if WEIGHTS is None and not (place / name).is_dir():
        write_tiny_model(name, place / name)
{name: sorted(path.name for path in (place / name).iterdir()) for name in used}

# %% [markdown]
# ## Sequence
#
# A window is centred on the boundary of the TSS, as landscape and target are. The rev sample of a gene is
# the reverse complement.

# %%
windows = extract_windows(dataset, length=1000, project=".")
middle = slice(490, 510)
for rev in (False, True):
    print("rev    " if rev else "forward", windows.sample(0, rev=rev)[middle].tobytes().decode())
windows.table.head(3)

# %% [markdown]
# ## Enformer: an embedding, and a head on it
#
# The embedding of each sample is stored once. `enformer_head` is a flavour like every other: EIR trains it
# on an array a sample, one position a target bin.

# %%
store = embed_dataset(dataset, "enformer", weights=place / "enformer", force=True)
example = read_ids(folders, "test")[0]
print(f"{store.read(example).shape} channels and bins of {store.record.bin} bp for {example}")

# %%
head = train(
    "enformer_head",
    dataset,
    dataset_yaml=DATASET,
    tag="notebook",
    epochs=EPOCHS["enformer"],
    force=True,
)
predict(head)
read_predictions(head, "test").iloc[:3, :5].round(2)

# %% [markdown]
# ## HyenaDNA: fine-tuned
#
# Its network is Python code that comes with the weights: `trust_remote_code` runs it. Both strands of the
# training genes are learned from; the validation genes choose the epoch; the test genes are predicted once.

# %%
tuned = finetune(
    dataset,
    "hyenadna_small_32k",
    dataset_yaml=DATASET,
    weights=place / "hyenadna_small_32k",
    trust_remote_code=True,
    tuning=Tuning(epochs=EPOCHS["hyenadna_small_32k"]),
    tag="notebook",
    force=True,
)
pd.read_csv(tuned.history).round(3)

# %% [markdown]
# ## Compared
#
# With CLASTER's own runs on this dataset, where notebook 2 has trained any. Each run predicts as far as its
# input reaches; scored are the bins that all predict (`common`), and beside them each run's own.
# `published` repeats the paper's value of that model: other data, other windows, and heads that mixed
# positions and channels.

# %%
trained = sorted(path.parent for path in Path("runs", dataset.name).glob("profile*/run.json"))
compared = compare_runs([*trained, head.path, tuned.path])
scores = main_scores(compared).query("condition == @compared.scored.conditions[0]")
shown = ["method", "level", "metric", "common", "common_bins", "own", "own_bins", "published"]
scores[shown].round(3).reset_index(drop=True)

# %%
for level in ("bin", "paper"):
    fig, _ = comparison_bars(scores.query(f"level == '{level}' and metric == 'pearson'"))
    display(fig)

# %%
fig, _ = pearson_spearman(scores.query("level != 'gene'"))
fig

# %% [markdown]
# ### One gene
#
# The test gene with the most transcription, each model on its own window; the black bar marks the common
# bins.

# %%
genes, scored = compared.scored.genes, compared.scored
row = int(gene_means(scored.observed[:, 0], genes, compared.target).argmax())
widest, binning = max(compared.own.values(), key=lambda part: part[1].width)
fig, _ = profile_panels(
    {name: (part.methods[name][row, 0], bins) for name, (part, bins) in compared.own.items()},
    widest.observed[row, 0],
    binning,
    common=compared.target,
    title=genes["name"].iloc[row],
)
fig

# %% [markdown]
# ### All genes, common bins

# %%
values = {"measured": scored.observed, **scored.methods}
levels = {
    name: {
        "bins": array[:, 0],
        "genes": gene_means(np.asarray(array[:, 0]), genes, compared.target),
    }
    for name, array in values.items()
}
fig, _ = model_densities(levels.pop("measured"), levels)
fig

# %% [markdown]
# ### Learning curves

# %%
fig, _ = learning_curves({name: pd.read_csv(path) for name, path in compared.histories.items()})
fig

# %% [markdown]
# The same by commands: `claster sequence embed`, `claster train enformer_head`, `claster sequence finetune`
# and `claster sequence compare` ([docs/sequence.md](../docs/sequence.md)).
