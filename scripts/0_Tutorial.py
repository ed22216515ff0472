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
# # 0 · Tutorial
#
# CLASTER predicts nascent transcription around a gene from the chromatin around it. This tutorial goes the
# whole way once: look at what goes in, train a network, predict genes of a chromosome that it has never
# seen, and ask whether that is better than something simple.
#
# `DATASET` says on what. `toy` is a simulated genome whose rules of transcription are known, so that a
# computer with two cores and no GPU is enough: the tutorial takes about two minutes. For the published data
# set it to `mesc`, after `claster data download mesc`; then take a GPU, and the number of epochs from the
# flavour.

# %% tags=["parameters"]
DATASET = "toy"
FLAVOUR = "profile"
EPOCHS = 24  # None takes the flavour's own number
GENE = None  # the ID of a test gene; None takes a typical expressed one

# %%
from pathlib import Path

import pandas as pd
from IPython.display import display

from claster.analysis.evaluate import evaluate
from claster.analysis.metrics import gene_means
from claster.dataset.build import build_dataset
from claster.dataset.layout import (
    DatasetFolders,
    read_arrays,
    read_genes_table,
    read_landscapes,
    read_targets,
)
from claster.dataset.load import load_dataset
from claster.dataset.report import build_lines
from claster.eir.configure import configure
from claster.eir.flavours import find_flavour
from claster.eir.geometry import measure_geometry
from claster.eir.predict import predict
from claster.eir.run import train
from claster.eir.runs import read_predictions, read_run
from claster.genome.windows import FORWARD, sample_id
from claster.plot import (
    contact_map,
    density,
    gene_scatter,
    genes_around,
    landscape_tracks,
    profile,
    score_bars,
)
from claster.project import enter_project
from claster.simulation import ensure_genome

# %matplotlib inline
enter_project()
dataset = load_dataset(DATASET)

# %% [markdown]
# ## The data set
#
# A data set is one YAML file: which tracks, which contact map, which genes, which chromosomes are for
# training, for validation and for the test. From it each gene gets a window of a megabase around its
# transcription start site (TSS). Genes that cannot be used are counted with the reason. What is built
# already is left as it is.

# %%
if dataset.simulation is not None:
    ensure_genome(dataset.data_folder, dataset.simulation.model_dump())
print(*build_lines(build_dataset(dataset)), sep="\n")

# %%
folders = DatasetFolders.of(dataset)
target = dataset.require_target()
columns = target.columns[: target.bins]
genes = read_genes_table(folders, split="test").set_index("gene_id", drop=False)
samples = [sample_id(gene, FORWARD) for gene in genes.index]
observed = read_targets(folders.target_table("test"), transform=target.transform)
observed = observed.loc[samples, columns].to_numpy()
observed_means = gene_means(observed, genes, target.binning)

by_signal = observed_means.argsort()
gene = genes.loc[GENE or genes.index[by_signal[len(by_signal) * 3 // 4]]]
row = genes.index.get_loc(gene["gene_id"])
genes[["name", "chrom", "start", "end", "strand"]].head()

# %% [markdown]
# ## What goes in
#
# ### Chromatin tracks
#
# One gene of the test chromosome: ATAC (open chromatin), H3K4me3 (active promoters), H3K27ac (active
# promoters and enhancers) and H3K27me3 (repressed chromatin), 10,001 bins of 100 bp. Left the whole
# megabase, right the middle.

# %%
names = [track.name for track in dataset.tracks]
window = dataset.window.binning
annotation = read_genes_table(folders)
landscape = read_landscapes(folders, dataset, [gene["gene_id"]], split="test")[0]
fig, _ = landscape_tracks(
    landscape,
    names,
    window,
    genes=genes_around(annotation, gene["gene_id"], window),
    zoom_bp=100_000,
)
fig

# %% [markdown]
# Every gene comes twice: as it lies in the genome, and mirrored. The network sees both, and so learns that
# a gene read from right to left follows the same rules. This is the mirrored window of the same gene:

# %%
mirrored = read_landscapes(folders, dataset, [gene["gene_id"]], split="test", rev=True)[0]
fig, _ = landscape_tracks(
    mirrored,
    names,
    window,
    genes=genes_around(annotation, gene["gene_id"], window, rev=True),
    zoom_bp=100_000,
)
fig

# %% [markdown]
# ### Contacts
#
# How often two places of the window touch (Micro-C), beyond what their distance explains. Across: the
# middle of the two places, on the same axis as the tracks. Up: how far they are apart. Flavours such as
# `profile_microc` read it; the network below does without.

# %%
if dataset.contacts:
    contacts = read_arrays(folders, [gene["gene_id"]], split="test", modality="contacts")[0]
    fig, _ = contact_map(
        contacts,
        dataset.contacts.resolution,
        value=dataset.contacts.value,
        kind=dataset.contacts.map,
    )
    display(fig)

# %% [markdown]
# ## What comes out
#
# Nascent transcription (EU-seq) of 401 kilobases around the TSS: RNA while it is being made, so that
# enhancers and the ends of genes show as well.

# %%
fig, _ = landscape_tracks(
    [observed[row]],
    ["EU-seq"],
    target.binning,
    genes=genes_around(annotation, gene["gene_id"], target.binning),
)
fig

# %% [markdown]
# ## The network
#
# A *flavour* is a network and how it is trained. `profile` keeps a position for every kilobase from its first
# layer to its last. EIR reads it from four small YAML files; this is the one of the chromatin branch:

# %%
flavour = find_flavour(FLAVOUR)
configuration = configure(
    flavour, dataset, out=Path("runs") / dataset.name / "configurations" / FLAVOUR
)
print((configuration.folder / "input_landscape.yaml").read_text())

# %% [markdown]
# And this is what EIR builds of it:

# %%
geometry = measure_geometry(flavour, dataset)
for branch in geometry.branches:
    print(
        f"{branch.modality}: {' x '.join(map(str, branch.shape))} in, "
        f"{branch.positions} positions at the end, {branch.pitch:,} bp apart"
    )
print(f"{geometry.parameters:,} parameters")

# %% [markdown]
# ## Train
#
# `train` checks the arrays, writes the configuration into the run's folder and starts `eirtrain`, EIR's own
# program. Genes for validation tell when to slow down and when to stop; test genes stay out of sight.

# %%
run = train(FLAVOUR, dataset, dataset_yaml=DATASET, tag="tutorial", epochs=EPOCHS, force=True)
print(f"{run.path.as_posix()}: {read_run(run.path).steps} steps")

# %% [markdown]
# ## Predict genes of an unseen chromosome
#
# The model of the best validation score predicts the test genes, in reads, each from its window and from
# the mirrored one.

# %%
predict(run)
predicted = read_predictions(run, "test").loc[samples, columns].to_numpy()

# %% [markdown]
# ### All bins
#
# Every kilobase of every test window is a point; the colour tells how many points share a place. The corner
# tells Pearson's and Spearman's correlation and the slope of the fitted line, all on log2(reads + 1).

# %%
fig, _ = density(observed, predicted, points="1 kb bins")
fig

# %% [markdown]
# ### All genes
#
# The mean over a gene's own kilobases, one point a gene.

# %%
predicted_means = gene_means(predicted, genes, target.binning)
fig, _ = gene_scatter(observed_means, predicted_means, named={row: gene["name"]})
fig

# %% [markdown]
# ### One gene
#
# Grey is what was measured, the line what is predicted. On a simulated genome the broken line is the signal
# without the noise of the measurement: nothing could be closer to that than itself.

# %%
truth = None
if folders.truth_table().is_file():
    truth = read_targets(folders.truth_table(), transform=target.transform)
    truth = truth.loc[samples[row], columns].to_numpy()
fig, ax = profile(
    observed[row],
    predicted[row],
    target.binning,
    truth=truth,
    gene_span=(gene["start"] - gene["tss"], gene["end"] - gene["tss"], gene["strand"]),
)
ax.set_title(gene["name"], loc="left")
fig

# %% [markdown]
# ## Is that good?
#
# A correlation alone does not tell. Here it stands beside simple methods, fitted on the same training genes
# and scored on the same test genes: the mean profile of all genes, H3K27ac at the bin, a linear model
# (ridge) and boosted trees on all four tracks near the bin. Bars are 95 % intervals from resampled loci;
# bins that several windows cover count once. `attainable` is the noise-free truth scored against the
# measurement.

# %%
evaluation = evaluate(run, dataset)
print(evaluation.summary.verdict)

# %%
shown = ["mean_profile", "H3K27ac_at_bin", "ridge", "boosting", "network", "attainable"]
scores = (
    evaluation.tables.scores.query("against == '' and by == 'all' and how == 'pooled'")
    .query("scale == 'log2(x+1)' and metric == 'pearson' and level == 'bin' and counted == 'once'")
    .set_index("method")
    .loc[lambda rows: [name for name in shown if name in rows.index]]
    .reset_index()
)
fig, _ = score_bars(scores)
fig

# %%
pd.DataFrame(
    {
        "r over bins": scores.set_index("method")["value"],
        "from": scores.set_index("method")["low"],
        "to": scores.set_index("method")["high"],
    }
).round(3)

# %% [markdown]
# ## Where to go next
#
# - What is in the files, and are mine right? [Notebook 1](1_Data_obtention.ipynb) and
#   [your own data](../docs/your_data.md).
# - Which networks are there, and how do I call `eirtrain` myself? [Notebook 2](2_Run_CLASTER.ipynb) and
#   [flavours](../docs/flavours.md).
# - What do the scores mean? [Evaluation](../docs/evaluation.md).
# - What if this enhancer is silenced? `claster perturb`, [perturbation](../docs/perturbation.md).
# - The published data: `claster data download mesc`, then `DATASET = "mesc"` above.
