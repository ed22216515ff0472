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
# # 1 · Data obtention
#
# From accession numbers to files that are known to be right: which files a dataset has, how to fetch and
# check them, and what each of them holds around one gene.
#
# `DATASET` says which dataset. `demo_tiny` is simulated and served from this machine, so that this
# notebook runs anywhere in a minute; `mesc` is the published one (mouse embryonic stem cells, many
# gigabytes), `k562` the human one of the paper's revisions. Nothing else changes.

# %% tags=["parameters"]
DATASET = "demo_tiny"
GENE = None  # a gene's ID or name; None takes the dataset's example

# %%
from contextlib import ExitStack

from IPython.display import display

from claster import Project, plot
from claster.tutorial import open_archive

# %matplotlib inline
session = ExitStack()
dataset = session.enter_context(open_archive(DATASET, project=Project(progress=True)))
dataset

# %% [markdown]
# ## The registry
#
# A dataset is one YAML file in `configurations/datasets`. Its `downloads` name every public file: address,
# format, terms, whom to cite, and its size and SHA-256 where the archive states them.

# %%
dataset.downloads

# %% [markdown]
# ## Download
#
# A broken connection, a full disk or a closed laptop costs nothing: the same line resumes the download.
# A file appears under its name only when it is whole, and is read-only from then on. Where the archive
# states no SHA-256, the first download records one, and any later difference is an error.
# On a cluster without network: `claster data list mesc --urls` there and `claster data adopt DIR` here.

# %%
dataset.download()

# %% [markdown]
# ## Check
#
# The doctor reads headers, indices and samples and says for each file what it saw, whether that is fine, and
# what to do if not: assembly and chromosome names, resolution and weights, strands, gaps, value ranges.
# Your own files go through the same check: `claster data check NAME`.

# %%
dataset.check()

# %% [markdown]
# ## Build
#
# The build cuts the windows of every gene out of the files. The annotation becomes one table of genes,
# 0-based and half-open, on the assembly's chromosome names. Every gene is either kept, with its split, or
# dropped with one reason.

# %%
dataset.build()

# %%
dataset.genes.head()

# %%
dataset.genes["split"].value_counts().to_frame("genes kept")

# %%
dataset.dropped["reason"].value_counts().to_frame("genes dropped")

# %% [markdown]
# ## What each file holds
#
# ### Chromatin tracks
#
# One bigWig a mark. A window is 10,001 bins of 100 bp with the gene's TSS in the middle; left the whole
# megabase, right its middle 50 kb.

# %%
gene = dataset.gene(GENE or dataset.spec.example_gene)
window, target = dataset.spec.window.binning, dataset.spec.target.binning
fig, _ = plot.landscape_tracks(
    dataset.landscape(gene["gene_id"]).to_numpy(),
    dataset.tracks,
    window,
    genes=plot.genes_around(dataset.genes, gene["gene_id"], window),
    zoom_bp=50_000,
)
fig

# %% [markdown]
# ### Nascent transcription
#
# What is predicted: EU-seq in 401 bins of 1 kb. Where a file has two strands, they are summed.

# %%
measured = dataset.target(gene["gene_id"])
fig, _ = plot.landscape_tracks(
    measured.to_numpy(),
    list(measured.index),
    target,
    genes=plot.genes_around(dataset.genes, gene["gene_id"], target),
)
fig

# %% [markdown]
# ### Contacts
#
# Micro-C over the same megabase as the tracks: across, the middle of two loci; up, how far they lie apart.
# A dataset without contacts has no map to show.

# %%
if contacts := dataset.spec.contacts:
    pixels = dataset.contacts(gene["gene_id"]).to_numpy()
    fig, _ = plot.contact_map(pixels, contacts.resolution, value=contacts.value, kind=contacts.map)
    display(fig)

# %% [markdown]
# ### Genes and elements
#
# Candidate regulatory elements by class. They are not an input; later, silencing them one by one asks the
# trained model what they do.

# %%
if dataset.spec.elements:
    fig, _ = plot.element_map(dataset.elements, dataset.genes, gene["gene_id"], window)
    display(fig)

# %% [markdown]
# ## Next
#
# Notebook 2 trains on the windows. Sequence and blacklist, the last files of the registry, are for sequence
# models and for leaving regions out.

# %%
session.close()
