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
# # 2 · Run CLASTER
#
# From built windows to predicted transcription: write the configurations of two networks, see how they differ
# and what EIR builds of them, train both for equally long, predict genes that neither has seen, and score the
# predictions beside simple methods.
#
# `DATASET` says on what. `demo_tiny` is a simulated genome of three chromosomes and 58 genes: enough to see
# every step run in three minutes on two cores, far too small to judge a network by. Real data is at the end.

# %% tags=["parameters"]
DATASET = "demo_tiny"
FLAVOURS = ["toy", "profile"]
EPOCHS = 80  # None takes each flavour's own number
GENE = None  # the ID of a test gene; None takes the one with the most transcription

# %%
from difflib import unified_diff

import pandas as pd
from IPython.display import display

import claster
from claster import metrics, plot

# %matplotlib inline
project = claster.Project()
dataset = project.dataset(DATASET)

# %% [markdown]
# ## Windows
#
# Notebook 1 showed the files; here they are cut into windows, one a gene and a mirrored one beside it. Whole
# chromosomes are held out, so that no test gene shares a base with a training gene. What is built already is
# left as it is.

# %%
if dataset.spec.simulation is not None:
    project.simulate(DATASET)
dataset.build()

# %% [markdown]
# ## Configurations
#
# A *flavour* is a network and how it is trained. EIR reads it from four YAML files: training, input, how the
# inputs meet, output. This is the first one of `toy`, the published network made small:

# %%
configurations = {name: dataset.configure(name) for name in FLAVOURS}
first, second = configurations.values()
print(first.globals.read_text())

# %% [markdown]
# ### What differs
#
# `toy` presses the whole window into 256 numbers and makes all 401 bins of these. `profile` keeps a position
# for every bin from the first layer to the last and presses nothing. In the files of the branch and of the
# fusion that is all (`-` stands for the first flavour, `+` for the second):

# %%
for file in ("input_landscape.yaml", "fusion.yaml"):
    before, after = (
        [
            line
            for line in (configuration.folder / file).read_text().splitlines()
            if not line.startswith("#")
        ]
        for configuration in (first, second)
    )
    names = (f"{configuration.flavour}/{file}" for configuration in (first, second))
    print(*unified_diff(before, after, *names, n=0, lineterm=""), sep="\n")

# %% [markdown]
# ### What EIR builds of them
#
# EIR's own modules, built and measured: how many positions are left at the end of the branch, how far apart
# they lie, and how much of the genome each of them sees through convolutions. A branch that keeps a handful
# of positions cannot say where along a gene something happens; `warnings` would say so.

# %%
geometries = {name: dataset.geometry(name) for name in FLAVOURS}
pd.DataFrame(
    {
        name: {
            "array that goes in": " x ".join(map(str, branch.shape)),
            "positions at the end": branch.positions,
            "bp between positions": branch.pitch,
            "bp that each sees": branch.reach,
            "parameters": geometry.parameters,
            "warnings": "; ".join(geometry.warnings) or "none",
        }
        for name, geometry in geometries.items()
        for branch in geometry.branches
    }
)

# %% [markdown]
# Block by block, for the second one:

# %%
pd.DataFrame(geometries[FLAVOURS[-1]].blocks).set_index("name")

# %% [markdown]
# ## Train
#
# `train` checks every array and target, writes the configuration into the run's folder, and starts
# `eirtrain`, which takes 20 seconds to get going. `force` replaces an earlier run of this notebook.

# %%
runs = {
    name: claster.train(name, dataset, tag="notebook", epochs=EPOCHS, force=True)
    for name in FLAVOURS
}
display(*runs.values())

# %% [markdown]
# ## Predict
#
# The best model of each run predicts the test genes. Each gene is predicted from its window and from the
# mirrored one, and gets the mean. The table has a row a sample and a column a bin, in reads.

# %%
predicted = {name: run.predict().table() for name, run in runs.items()}
predicted[FLAVOURS[-1]].iloc[:4, 198:203].round(2)

# %% [markdown]
# ### One gene
#
# Grey is what was measured, the line what is predicted, and the broken line what the simulation knows to be
# true, which real data does not tell.

# %%
genes = dataset.genes.query("split == 'test'").set_index("gene_id", drop=False)
target = dataset.spec.require_target()
columns = target.columns[: target.bins]  # of the first condition
samples = genes.index + "_forward"
observed = dataset.targets("test").loc[samples, columns].to_numpy()

highest = genes.index[metrics.gene_means(observed, genes, target.binning).argmax()]
gene = genes.loc[GENE or highest]
row = genes.index.get_loc(gene["gene_id"])
truth = None
if dataset.spec.simulation is not None:
    truth = dataset.targets("test", truth=True).loc[samples[row], columns].to_numpy()

for name in FLAVOURS:
    fig, ax = plot.profile(
        observed[row],
        predicted[name].loc[samples[row], columns].to_numpy(),
        target.binning,
        truth=truth,
        gene_span=(gene["start"] - gene["tss"], gene["end"] - gene["tss"], gene["strand"]),
    )
    ax.set_title(f"{gene['name']}, predicted by {name}", loc="left")
    display(fig)

# %% [markdown]
# ### All test bins

# %%
best = predicted[FLAVOURS[-1]].loc[samples, columns].to_numpy()
fig, _ = plot.density(observed, best, points="1 kb bins")
fig

# %% [markdown]
# ## Score
#
# The same scores for everything, with 95 % intervals from resampled loci: the two networks, simple methods
# fitted on the same training genes, and `attainable`, the noise ceiling: the noise-free truth against the
# noisy measurement, which nothing can pass. Bins that several windows cover count once.

# %%
scores = {
    name: run.evaluate().table().replace({"method": {"network": name}})
    for name, run in runs.items()
}
shown = ["mean_profile", "H3K27ac_at_bin", "ridge", "boosting", *FLAVOURS, "attainable"]
table = (
    pd.concat(scores.values())
    .query("against == '' and by == 'all' and how == 'pooled' and scale == 'log2(x+1)'")
    .query("metric == 'pearson' and method in @shown")
    .drop_duplicates(["method", "level", "counted"])
    .set_index("method")
    .loc[lambda rows: [name for name in shown if name in rows.index]]
    .reset_index()
)
bins = table.query("level == 'bin' and counted == 'once'")
over_genes = table.query("level == 'gene'")
pd.DataFrame(
    {
        "r over bins": bins.set_index("method")["value"],
        "r over genes": over_genes.set_index("method")["value"],
    }
).loc[bins["method"]].round(3)

# %%
fig, _ = plot.score_bars(bins)
fig

# %% [markdown]
# Twenty-two training genes tell little, and in so few steps `toy` has not learned anything yet;
# [docs/flavours.md](../docs/flavours.md) has the same scores for the demo's 265.
#
# ## In memory
#
# A trained network answers questions about arrays that lie in no file. What would it predict for this gene
# without any H3K27ac?

# %%
run = runs[FLAVOURS[-1]]
window = dataset.landscape(gene["gene_id"])
without = window.copy()
without.loc["H3K27ac"] = 0
as_it_is, silenced = (run.predict_arrays(array)[0, 0] for array in (window, without))
fig, ax = plot.profile(as_it_is.clip(0), silenced.clip(0), target.binning)
ax.set_title(f"{gene['name']}: predicted as it is (grey) and without H3K27ac (line)", loc="left")
fig

# %% [markdown]
# ## Real data
#
# The same lines, and another name. `configure` also gives the line that runs EIR by hand in the project's
# folder, once `claster data build mesc` has written the arrays; `claster train` runs the same line, checks
# the data before and records the run.

# %%
for name in ("pure_conv", "microc_diagonal"):
    print(project.dataset("mesc").configure(name).command(), end="\n\n")

# %% [markdown]
# On a cluster with Slurm, `scripts/train.slurm` trains seeds and folds as an array of jobs; a job that was
# cut off resumes when it is submitted again ([training](../docs/training.md)).
#
# Build the dataset once before (`claster data build mesc`, no GPU needed). When all three are done,
# `claster evaluate runs/mesc/pure_conv-seed* --to runs/mesc/seeds` scores them together: mean, spread, and
# the ensemble.
