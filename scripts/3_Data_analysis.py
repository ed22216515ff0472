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
# The figures of the paper, section by section in its order. `run.paper_figure` gives a figure and the table
# of its numbers; `claster figures` writes the same ones as files. Their names begin with T (tutorial), F
# (main text), S (supplement) or R (revisions).
#
# On `demo_tiny`, 58 simulated genes and a network trained for half a minute, they show that every step runs
# and nothing else. With `DATASET = "mesc"` and runs on it, they are the figures of the paper.

# %% tags=["parameters"]
DATASET = "demo_tiny"
FLAVOUR = "profile"  # trained where the dataset has no run of it
EPOCHS = 40
CONTROLS = 10  # control regions a stratum; 100 for p-values that mean something

# %%
from IPython.display import display

import claster

# %matplotlib inline
project = claster.Project()
dataset = project.dataset(DATASET)
if dataset.spec.simulation is not None:
    project.simulate(DATASET)
dataset.build()
runs = [name for name in project.runs if f"/{dataset.name}/{FLAVOUR}" in name]
trained = project.run(runs[0]) if runs else None
run = trained or claster.train(FLAVOUR, dataset, tag="analysis", epochs=EPOCHS)
run

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
    screen = run.perturb(name=name, profiles=True, **settings)
run.attribute(genes=5, bins=4, compare=0)
run.evaluate()

# %%
run.paper_figures

# %% [markdown]
# ## Inputs and targets (tutorial)

# %%
for name in ("T1", "T2", "T3", "T4"):
    display(run.paper_figure(name)[0])

# %% [markdown]
# ## Performance on unseen genes (Figure 1)
#
# Bins, genes, and examples chosen by rank, not by eye.

# %%
for name in ("F1a", "F1b", "F1s"):
    display(run.paper_figure(name)[0])

# %% [markdown]
# The published gene value is Simpson's area over whole bins divided by their number, so that short genes
# count less than they should. Both are in the table:

# %%
_, scores = run.paper_figure("F1b")
scores.dropna(subset=["quantity"])[["quantity", "value"]].round(3)

# %% [markdown]
# ## Silencing elements (Figure 2)

# %%
shows = run.paper_figures["shows"]
for name in ("F2a", "F2b", "F2c", "F2d"):
    print(f"{name}. {shows[name]}")
    display(run.paper_figure(name)[0])

# %% [markdown]
# ### Beside simple methods (Figures 2 and 3, e and f)

# %%
for name in ("F2e", "F2f"):
    display(run.paper_figure(name)[0])

# %% [markdown]
# ## What predictions rest on (Figure 3)

# %%
display(run.paper_figure("F3a")[0])
print(shows["F3a"])

# %% [markdown]
# ## Supplement: smoothing, learning curves

# %%
for name in ("S6", "S3"):
    display(run.paper_figure(name)[0])

# %% [markdown]
# ## Revisions: enhancers in the middle, edits of a promoter, targets and distributions

# %%
for name in ("R1", "R18", "R3", "R5", "R7", "R10"):
    display(run.paper_figure(name)[0])

# %% [markdown]
# ## Receipts
#
# `claster figures F1a` writes a figure as PDF, SVG and PNG, with a table and a receipt: which files its
# numbers come from, with hashes and versions, and what the paper prints. `claster receipt F1a` computes the
# table again and says whether it has the same bytes.
#
# ## Experiments
#
# The networks behind these figures are configurations: a few lines laid over a dataset or another flavour,
# run by `claster experiment NAME`. What EIR cannot do is listed with the reason.

# %%
project.experiments.set_index("experiment")[["of", "trains", "figures", "about"]]
