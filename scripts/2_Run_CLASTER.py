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
from pathlib import Path

import pandas as pd
from IPython.display import display

from claster.analysis.evaluate import evaluate
from claster.analysis.metrics import gene_means
from claster.dataset.build import build_dataset
from claster.dataset.layout import DatasetFolders, read_arrays, read_genes_table, read_targets
from claster.dataset.load import load_dataset
from claster.dataset.report import build_lines
from claster.eir.arrays import input_views
from claster.eir.configure import configure, eirtrain_command, environment
from claster.eir.flavours import find_flavour
from claster.eir.geometry import measure_geometry
from claster.eir.inference import load_model, predict_arrays
from claster.eir.predict import predict
from claster.eir.run import train
from claster.eir.runs import read_predictions
from claster.genome.windows import FORWARD, sample_id
from claster.plot import density, profile, score_bars
from claster.project import enter_project
from claster.quoting import pasteable
from claster.simulation import ensure_genome

# %matplotlib inline
enter_project()
dataset = load_dataset(DATASET)

# %% [markdown]
# ## Windows
#
# Notebook 1 showed the files; here they are cut into windows, one a gene and a mirrored one beside it. Whole
# chromosomes are held out, so that no test gene shares a base with a training gene. What is built already is
# left as it is.

# %%
if dataset.simulation is not None:
    ensure_genome(dataset.data_folder, dataset.simulation.model_dump())
print(*build_lines(build_dataset(dataset)), sep="\n")

# %% [markdown]
# ## Configurations
#
# A *flavour* is a network and how it is trained. EIR reads it from four YAML files: training, input, how the
# inputs meet, output. This is the first one of `toy`, the published network made small:

# %%
configurations = {
    name: configure(
        find_flavour(name), dataset, out=Path("runs") / dataset.name / "configurations" / name
    )
    for name in FLAVOURS
}
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
geometries = {name: measure_geometry(find_flavour(name), dataset) for name in FLAVOURS}
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
    name: train(name, dataset, dataset_yaml=DATASET, tag="notebook", epochs=EPOCHS, force=True)
    for name in FLAVOURS
}
{name: run.path.as_posix() for name, run in runs.items()}

# %% [markdown]
# ## Predict
#
# The best model of each run predicts the test genes. Each gene is predicted from its window and from the
# mirrored one, and gets the mean. The table has a row a sample and a column a bin, in reads.

# %%
for run in runs.values():
    predict(run)
predicted = {name: read_predictions(run, "test") for name, run in runs.items()}
predicted[FLAVOURS[-1]].iloc[:4, 198:203].round(2)

# %% [markdown]
# ### One gene
#
# Grey is what was measured, the line what is predicted, and the broken line what the simulation knows to be
# true, which real data does not tell.

# %%
folders = DatasetFolders.of(dataset)
target = dataset.require_target()
columns = target.columns[: target.bins]
genes = read_genes_table(folders, split="test").set_index("gene_id", drop=False)
samples = [sample_id(gene, FORWARD) for gene in genes.index]
observed = read_targets(folders.target_table("test"), transform=target.transform)
observed = observed.loc[samples, columns].to_numpy()

highest = genes.index[gene_means(observed, genes, target.binning).argmax()]
gene = genes.loc[GENE or highest]
row = genes.index.get_loc(gene["gene_id"])
truth = None
if folders.truth_table().is_file():
    truth = read_targets(folders.truth_table(), transform=target.transform)
    truth = truth.loc[samples[row], columns].to_numpy()

for name in FLAVOURS:
    fig, ax = profile(
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
fig, _ = density(observed, best, points="1 kb bins")
fig

# %% [markdown]
# ## Score
#
# The same scores for everything, with 95 % intervals from resampled loci: the two networks, simple methods
# fitted on the same training genes, and `attainable`, the noise-free truth against the noisy measurement,
# which nothing can pass. Bins that several windows cover count once.

# %%
scores = {
    name: evaluate(run, dataset).tables.scores.replace({"method": {"network": name}})
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
fig, _ = score_bars(bins)
fig

# %% [markdown]
# Twenty-two training genes tell little, and in so few steps `toy` has not learned anything yet;
# [docs/flavours.md](../docs/flavours.md) has the same scores for the demo's 265.
#
# ## In memory
#
# A trained network answers questions about arrays that lie in no file. What would it predict for this gene
# without any H3K27ac? (It takes the part of the window that its flavour reads.)

# %%
model = load_model(runs[FLAVOURS[-1]])
part = input_views(find_flavour(FLAVOURS[-1]), dataset)["landscape"]
window = read_arrays(folders, [gene["gene_id"]], split="test", modality=part.folder)
without = window.copy()
without[:, [track.name for track in dataset.tracks].index("H3K27ac")] = 0  # no reads, on any scale
as_it_is, silenced = (predict_arrays(model, landscape=array)[0, 0] for array in (window, without))
fig, ax = profile(as_it_is.clip(0), silenced.clip(0), target.binning)
ax.set_title(f"{gene['name']}: predicted as it is (grey) and without H3K27ac (line)", loc="left")
fig

# %% [markdown]
# ## Real data
#
# The same functions, and another name. These lines run EIR by hand, in the project's folder, once
# `claster data build mesc` has written the arrays and the configurations are made; `claster train` runs the
# same line, checks the data before and records the run.

# %%
for name in ("pure_conv", "microc_diagonal"):
    written = configure(
        find_flavour(name), load_dataset("mesc"), out=Path("runs/mesc/configurations") / name
    )
    print(pasteable(eirtrain_command(written.files), environment(seed=0)), end="\n\n")

# %% [markdown]
# On a cluster with Slurm, `scripts/train.slurm` trains seeds and folds as an array of jobs; a job that was
# cut off goes on where it stopped when it is submitted again ([training](../docs/training.md)).
#
# Build the data set once before (`claster data build mesc`, no GPU needed). When all three are done,
# `claster evaluate runs/mesc/pure_conv-seed* --to runs/mesc/seeds` scores them together: mean, spread, and
# the ensemble.
