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
# From accession numbers to files that are known to be right: which files a data set has, fetching them,
# checking them, and a look at what each of them holds around one gene.
#
# `DATASET` says which data set. `demo_tiny` is simulated and served from this machine, so that this
# notebook runs anywhere in a minute; `mesc` is the published one (mouse embryonic stem cells, many
# gigabytes), `k562` the human one of the paper's revisions. Nothing else changes.

# %% tags=["parameters"]
DATASET = "demo_tiny"
GENE = None  # a gene's ID or name; None takes the data set's example

# %%
from contextlib import ExitStack

from IPython.display import display

from claster.cli.console import console_progress
from claster.dataset.choice import choose_genes
from claster.dataset.doctor.check import check_dataset
from claster.dataset.doctor.show import report_table
from claster.dataset.downloads.download import download_dataset, plan_downloads
from claster.dataset.inventory import list_sources
from claster.dataset.report import download_table
from claster.dataset.sources import open_sources
from claster.dataset.window import cut_window
from claster.dataset.words import find_gene
from claster.genome.assembly import chromosome_aliases, rename_chromosomes
from claster.genome.elements import read_elements, select_elements
from claster.plot import contact_map, element_map, genes_around, landscape_tracks
from claster.project import enter_project
from claster.tutorial import open_archive

# %matplotlib inline
enter_project()
session = ExitStack()
dataset = session.enter_context(open_archive(DATASET))

# %% [markdown]
# ## The registry
#
# A data set is one YAML file in `configurations/datasets`. Its `downloads` name every public file: address,
# format, terms, whom to cite, and its size and SHA-256 where the archive states them.

# %%
download_table(dataset, plan_downloads(dataset))

# %% [markdown]
# ## Download
#
# A broken connection, a full disk or a closed laptop costs nothing: the same line goes on where it stopped.
# A file appears under its name only when it is whole, and is read-only from then on. Where the archive
# states no SHA-256, the first download records one, and any later difference is an error.
# On a cluster without network: `claster data list mesc --urls` there and `claster data adopt DIR` here.

# %%
download_dataset(dataset, progress=console_progress())
download_table(dataset, plan_downloads(dataset))

# %% [markdown]
# ## Check
#
# The doctor reads headers, indices and samples and says for each file what it saw, whether that is fine, and
# what to do if not: assembly and chromosome names, resolution and weights, strands, gaps, value ranges.
# Your own files go through the same check: `claster data check NAME`.

# %%
report_table(check_dataset(dataset))

# %% [markdown]
# ## What each file is
#
# The annotation becomes one table of genes, 0-based and half-open, on the assembly's chromosome names. Every
# gene is either kept, with its split, or dropped with one reason.

# %%
sources = session.enter_context(open_sources(dataset))
genes = choose_genes(dataset, sources)
genes.kept.head()

# %%
genes.kept["split"].value_counts().to_frame("genes kept")

# %%
genes.dropped["reason"].value_counts().to_frame("genes dropped")

# %% [markdown]
# ### Chromatin tracks
#
# One bigWig a mark. A window is 10,001 bins of 100 bp with the gene's TSS in the middle; left the whole
# megabase, right its middle 50 kb.

# %%
gene = find_gene(genes.kept, GENE or dataset.example_gene)
window = cut_window(dataset, sources, gene)
fig, _ = landscape_tracks(
    window.landscape,
    [track.name for track in dataset.tracks],
    dataset.window.binning,
    genes=genes_around(sources.genes, gene["gene_id"], dataset.window.binning),
    zoom_bp=50_000,
)
fig

# %% [markdown]
# ### Nascent transcription
#
# What is predicted: EU-seq in 401 bins of 1 kb. Where a file has two strands, they are summed.

# %%
fig, _ = landscape_tracks(
    list(window.targets.values()),
    list(window.targets),
    dataset.target.binning,
    genes=genes_around(sources.genes, gene["gene_id"], dataset.target.binning),
)
fig

# %% [markdown]
# ### Contacts
#
# Micro-C over the same megabase as the tracks: across, the middle of two loci; up, how far they lie apart.
# A data set without contacts has no map to show.

# %%
if window.contacts is not None:
    shown = dataset.contacts
    fig, _ = contact_map(window.contacts, shown.resolution, value=shown.value, kind=shown.map)
    display(fig)

# %% [markdown]
# ### Genes and elements
#
# Candidate regulatory elements by class. They are not an input; later, silencing them one by one asks the
# trained model what they do.

# %%
if dataset.elements is not None:
    elements = rename_chromosomes(
        read_elements(dataset.source(dataset.elements.file)),
        sizes=sources.sizes,
        aliases=chromosome_aliases(dataset.assembly),
    )
    elements = select_elements(elements, groups=dataset.elements.groups)
    fig, _ = element_map(elements, sources.genes, gene["gene_id"], dataset.window.binning)
    display(fig)

# %% [markdown]
# ### All files
#
# The last ones, sequence and blacklist, are for the sequence benchmark and for leaving regions out.

# %%
{source.label: source.path.as_posix() for source in list_sources(dataset)}

# %% [markdown]
# ## Next
#
# `claster data build NAME` writes the windows of every gene; notebook 2 trains on them.

# %%
session.close()
