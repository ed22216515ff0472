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
from IPython.display import display

import claster
from claster import metrics, plot

# %matplotlib inline
project = claster.Project()
dataset = project.dataset(DATASET)
dataset

# %% [markdown]
# ## The dataset
#
# A dataset is one YAML file: which tracks, which contact map, which genes, which chromosomes are for
# training, for validation and for the test. From it each gene gets a window of a megabase around its
# transcription start site (TSS). Genes that cannot be used are counted with the reason. What is built
# already stays as it is.

# %%
if dataset.spec.simulation is not None:
    project.simulate(DATASET)
dataset.build()

# %%
dataset.dropped["reason"].value_counts().to_frame("genes dropped")

# %%
genes = dataset.genes.query("split == 'test'").set_index("gene_id", drop=False)
target = dataset.spec.require_target()
columns = target.columns[: target.bins]  # of the first condition
observed = dataset.targets("test").loc[genes.index + "_forward", columns].to_numpy()
observed_means = metrics.gene_means(observed, genes, target.binning)

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
window = dataset.spec.window.binning
fig, _ = plot.landscape_tracks(
    dataset.landscape(gene["gene_id"]).to_numpy(),
    dataset.tracks,
    window,
    genes=plot.genes_around(dataset.genes, gene["gene_id"], window),
    zoom_bp=100_000,
)
fig

# %% [markdown]
# Every gene comes twice: as it lies in the genome, and mirrored. The network sees both, and so learns that
# a gene read from right to left follows the same rules. This is the mirrored window of the same gene:

# %%
fig, _ = plot.landscape_tracks(
    dataset.landscape(gene["gene_id"], rev=True).to_numpy(),
    dataset.tracks,
    window,
    genes=plot.genes_around(dataset.genes, gene["gene_id"], window, rev=True),
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
if contacts := dataset.spec.contacts:
    fig, _ = plot.contact_map(
        dataset.contacts(gene["gene_id"]).to_numpy(),
        contacts.resolution,
        value=contacts.value,
        kind=contacts.map,
    )
    display(fig)

# %% [markdown]
# ## What comes out
#
# Nascent transcription (EU-seq) of 401 kilobases around the TSS: RNA while it is being made, so that
# enhancers and the ends of genes show as well.

# %%
fig, _ = plot.landscape_tracks(
    [observed[row]],
    ["EU-seq"],
    target.binning,
    genes=plot.genes_around(dataset.genes, gene["gene_id"], target.binning),
)
fig

# %% [markdown]
# ## The network
#
# A *flavour* is a network and how it is trained. `profile` keeps a position for every kilobase from its first
# layer to its last. EIR reads it from four small YAML files; this is the one of the chromatin branch:

# %%
configuration = dataset.configure(FLAVOUR)
print((configuration.folder / "input_landscape.yaml").read_text())

# %% [markdown]
# And this is what EIR builds of it:

# %%
geometry = dataset.geometry(FLAVOUR)
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
run = claster.train(FLAVOUR, dataset, tag="tutorial", epochs=EPOCHS, force=True)
run

# %% [markdown]
# ## Predict genes of an unseen chromosome
#
# The model of the best validation score predicts the test genes, in reads, each from its window and from
# the mirrored one.

# %%
predicted = run.predict().table().loc[genes.index + "_forward", columns].to_numpy()

# %% [markdown]
# ### All bins
#
# Every kilobase of every test window is a point; the colour tells how many points share a place. The corner
# tells Pearson's and Spearman's correlation and the slope of the fitted line, all on log2(reads + 1).

# %%
fig, _ = plot.density(observed, predicted, points="1 kb bins")
fig

# %% [markdown]
# ### All genes
#
# The mean over a gene's own kilobases, one point a gene.

# %%
predicted_means = metrics.gene_means(predicted, genes, target.binning)
fig, _ = plot.gene_scatter(observed_means, predicted_means, named={row: gene["name"]})
fig

# %% [markdown]
# ### One gene
#
# Grey is what was measured, the line what is predicted. On a simulated genome the broken line is the signal
# without the noise of the measurement: nothing could be closer to that than itself.

# %%
truth = None
if dataset.spec.simulation is not None:
    truth = (
        dataset.targets("test", truth=True).loc[f"{gene['gene_id']}_forward", columns].to_numpy()
    )
fig, ax = plot.profile(
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
# bins that several windows cover count once. `attainable` is the noise ceiling: the noise-free truth scored
# against the measurement.

# %%
evaluation = run.evaluate()
evaluation.summary["verdict"]

# %%
shown = ["mean_profile", "H3K27ac_at_bin", "ridge", "boosting", "network", "attainable"]
scores = (
    evaluation.table()
    .query("against == '' and by == 'all' and how == 'pooled'")
    .query("scale == 'log2(x+1)' and metric == 'pearson' and level == 'bin' and counted == 'once'")
    .set_index("method")
    .loc[lambda rows: [name for name in shown if name in rows.index]]
    .reset_index()
)
fig, _ = plot.score_bars(scores)
fig

# %%
shown = {"value": "r over bins", "low": "from", "high": "to"}
scores.set_index("method")[list(shown)].rename(columns=shown).round(3)

# %% [markdown]
# ## Where to go next
#
# - What is in the files, and are mine right? [Notebook 1](1_Data_obtention.ipynb) and
#   [your own data](../docs/your_data.md).
# - Which networks are there, and how do I call `eirtrain` myself? [Notebook 2](2_Run_CLASTER.ipynb) and
#   [flavours](../docs/flavours.md).
# - What do the scores mean? [Evaluation](../docs/evaluation.md).
# - What if this enhancer is silenced? `run.perturb`, [three nouns](../docs/python.md) and
#   [perturbation](../docs/perturbation.md).
# - The published data: `claster data download mesc`, then `DATASET = "mesc"` above.
