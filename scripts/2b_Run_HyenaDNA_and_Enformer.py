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
import pandas as pd
from IPython.display import display

import claster
from claster import metrics, plot, sequence

# %matplotlib inline
project = claster.Project()
dataset = project.dataset(DATASET)
if dataset.spec.simulation is not None:
    project.simulate(DATASET)
dataset.build()

# %% [markdown]
# ## The models
#
# One entry each; the commit is what the weights are fetched at where no folder is given.

# %%
pd.DataFrame(
    {
        name: {"repository": m.repository, "commit": (m.revision or "")[:12], "licence": m.licence}
        for name, m in sequence.MODELS.items()
    }
).T

# %%
used = ["enformer", "hyenadna_small_32k"]
place = project.below(WEIGHTS or "inputs/sequence/tiny_weights")
for name in used:
    if WEIGHTS is None and not (place / name).is_dir():
        sequence.write_tiny_model(name, place / name)
{name: sorted(path.name for path in (place / name).iterdir()) for name in used}

# %% [markdown]
# ## Sequence
#
# A window is centred on the boundary of the TSS, as landscape and target are. The rev sample of a gene is
# the reverse complement.

# %%
windows = sequence.extract_windows(dataset.spec, length=1000)
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
store = sequence.embed_dataset(dataset.spec, "enformer", weights=place / "enformer", force=True)
example = dataset.targets("test").index[0]
print(f"{store.read(example).shape} channels and bins of {store.record.bin} bp for {example}")

# %%
head = claster.train(
    "enformer_head", dataset, tag="notebook", epochs=EPOCHS["enformer"], force=True
)
head.predict().table().iloc[:3, :5].round(2)

# %% [markdown]
# ## HyenaDNA: fine-tuned
#
# Its network is Python code that comes with the weights: `trust_remote_code` runs it. Both strands of the
# training genes are learned from; the validation genes choose the epoch; the test genes are predicted once.

# %%
tuned = sequence.finetune(
    dataset.spec,
    "hyenadna_small_32k",
    dataset_yaml=DATASET,
    weights=place / "hyenadna_small_32k",
    trust_remote_code=True,
    epochs=EPOCHS["hyenadna_small_32k"],
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
trained = [project.run(name) for name in project.runs if f"/{dataset.name}/profile" in name]
first, *others = [*trained, head, project.run(tuned.path.absolute())]
compared = first.compare(*others)
scores = compared.main_scores().query("condition == @compared.scored.conditions[0]")
shown = ["method", "level", "metric", "common", "common_bins", "own", "own_bins", "published"]
scores[shown].round(3).reset_index(drop=True)

# %%
for level in ("bin", "paper"):
    fig, _ = plot.comparison_bars(scores.query(f"level == '{level}' and metric == 'pearson'"))
    display(fig)

# %%
fig, _ = plot.pearson_spearman(scores.query("level != 'gene'"))
fig

# %% [markdown]
# ### One gene
#
# The test gene with the most transcription, each model on its own window; the black bar marks the common
# bins.

# %%
genes, scored = compared.scored.genes, compared.scored
row = int(metrics.gene_means(scored.observed[:, 0], genes, compared.target).argmax())
widest, binning = max(compared.own.values(), key=lambda part: part[1].width)
fig, _ = plot.profile_panels(
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
        "genes": metrics.gene_means(array[:, 0], genes, compared.target),
    }
    for name, array in values.items()
}
fig, _ = plot.model_densities(levels.pop("measured"), levels)
fig

# %% [markdown]
# ### Learning curves

# %%
fig, _ = plot.learning_curves(
    {name: pd.read_csv(path) for name, path in compared.histories.items()}
)
fig

# %% [markdown]
# The same by commands: `claster sequence embed`, `claster train enformer_head`, `claster sequence finetune`
# and `claster sequence compare` ([docs/sequence.md](../docs/sequence.md)).
