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
# # 3 · Data analysis
#
# The figures of the paper, section by section in its order. Each is one function that takes a data set and
# its runs and gives a figure and the table of its numbers; `claster figures` writes the same ones as files.
# Names are those of `claster figures --list`: T tutorial, F main text, S supplement, R revisions.
#
# On `demo_tiny`, 58 simulated genes and a network trained for half a minute, they show that every step runs
# and nothing else. With `DATASET = "mesc"` and runs on it, they are the figures of the paper.

# %% tags=["parameters"]
DATASET = "demo_tiny"
FLAVOUR = "profile"  # trained where the dataset has no run of it
EPOCHS = 40
CONTROLS = 10  # control regions a stratum; 100 for p-values that mean something

# %%
from pathlib import Path

import pandas as pd
from IPython.display import display

from claster.analysis.attribution.attribute import attribute
from claster.analysis.perturbation.screen import perturb
from claster.dataset.build import build_dataset
from claster.dataset.load import load_dataset
from claster.eir.run import train
from claster.experiments.run import list_experiments
from claster.figures.base import Page
from claster.figures.context import read_context
from claster.figures.make import FIGURES, draw_figures, list_figures
from claster.figures.receipt import receipt_lines
from claster.project import enter_project
from claster.simulation import ensure_genome

# %matplotlib inline
enter_project()
dataset = load_dataset(DATASET)
if dataset.simulation is not None:
    ensure_genome(dataset.data_folder, dataset.simulation.model_dump())
build_dataset(dataset)
runs = sorted(Path("runs", dataset.name).glob(f"{FLAVOUR}*/run.json"))
if not runs:
    train(FLAVOUR, dataset, dataset_yaml=DATASET, tag="analysis", epochs=EPOCHS)
    runs = sorted(Path("runs", dataset.name).glob(f"{FLAVOUR}*/run.json"))
context = read_context(DATASET, [runs[0].parent])
run = context.run
run.path.as_posix()

# %% [markdown]
# What is missing is made first: predictions, scores, and three screens of silenced elements (P1 without
# H3K27ac, P2 without all activating marks, and P2 with each element in the middle of its window).

# %%
screens = {
    "P1": {"tracks": ("H3K27ac",), "controls": 0},
    "P2": {"controls": CONTROLS},
    "centred": {"centre": "element", "controls": 0},
}
for name, settings in screens.items():
    if not (run.path / "perturb" / name / "manifest.json").is_file():
        perturb(run, name=name, profiles=True, **settings)
if not (run.path / "attributions" / "integrated_gradients_test").is_dir():
    attribute(run, genes=5, bins=4, compare=0)
made = draw_figures(context, ["T4", "F2e"], columns=[2], make=True)
list_figures(context).set_index("figure")

# %% [markdown]
# ## Inputs and targets (tutorial)

# %%
page = Page(2)
for name in ("T1", "T2", "T3", "T4"):
    display(FIGURES[name].draw(context, page)[0])

# %% [markdown]
# ## Performance on unseen genes (Figure 1)
#
# Bins, genes, and examples chosen by rank, not by eye.

# %%
for name in ("F1a", "F1b", "F1s"):
    display(FIGURES[name].draw(context, page)[0])

# %% [markdown]
# The published gene value is Simpson's area over whole bins divided by their number, so that short genes
# count less than they should. Both are in the table:

# %%
scores = FIGURES["F1b"].draw(context, page)[2]
scores.dropna(subset=["quantity"])[["quantity", "value"]].round(3)

# %% [markdown]
# ## Silencing elements (Figure 2)

# %%
for name in ("F2a", "F2b", "F2c", "F2d"):
    print(f"{name}. {FIGURES[name].about}")
    display(FIGURES[name].draw(context, page)[0])

# %% [markdown]
# ### Beside simple methods (Figures 2 and 3, e and f)

# %%
for name in ("F2e", "F2f"):
    display(FIGURES[name].draw(context, page)[0])

# %% [markdown]
# ## What predictions rest on (Figure 3)

# %%
display(FIGURES["F3a"].draw(context, page)[0])
print(FIGURES["F3a"].about)

# %% [markdown]
# ## Supplement: smoothing, learning curves

# %%
for name in ("S6", "S3"):
    display(FIGURES[name].draw(context, page)[0])

# %% [markdown]
# ## Revisions: enhancers in the middle, edits of a promoter, targets and distributions

# %%
for name in ("R1", "R18", "R3", "R5", "R7", "R10"):
    display(FIGURES[name].draw(context, page)[0])

# %% [markdown]
# ## Receipts
#
# Each figure that is written has a table and a receipt: which files its numbers come from, with hashes and
# versions, and what the paper prints. `claster receipt F1a` computes the table anew and says whether it has
# the same bytes.

# %%
(receipt,) = draw_figures(context, ["F1a"], columns=[1]).receipts
print(*(line for line in receipt_lines(receipt) if not line.startswith("from")), sep="\n")

# %% [markdown]
# ## Experiments
#
# The networks behind these figures are configurations: a few lines laid over a data set or another flavour,
# run by `claster experiment NAME`. What EIR cannot do is listed with the reason.

# %%
with pd.option_context("display.max_colwidth", 60):
    display(list_experiments().set_index("experiment")[["of", "trains", "figures", "about"]])
