"""Tables of the settings of verbs, from their models, and of the flavours, from their definitions.

`conf.py` calls `write_options`, so that a new setting or flavour stands in the documentation.
"""

from claster.analysis import settings as analysis
from claster.analysis.attribution.settings import AttributeSettings
from claster.analysis.perturbation.settings import PerturbSettings
from claster.cost.settings import PlanSettings
from claster.eir.flavours import FLAVOURS
from claster.eir.settings import PredictSettings, TrainSettings
from claster.sequence.settings import EmbedSettings, FinetuneSettings

MODELS = {
    "train": TrainSettings,
    "predict": PredictSettings,
    "intervals": analysis.IntervalSettings,
    "evaluate": analysis.EvaluateSettings,
    "perturb": PerturbSettings,
    "attribute": AttributeSettings,
    "validate": analysis.ValidateSettings,
    "reach": analysis.ReachSettings,
    "crispr": analysis.CrisprSettings,
    "treat": analysis.TreatSettings,
    "link": analysis.LinkSettings,
    "embed": EmbedSettings,
    "finetune": FinetuneSettings,
    "plan": PlanSettings,
}


def table(model):
    """Every setting in Markdown: keyword, option, default, meaning."""
    rows = ["| keyword | option | default | meaning |", "| --- | --- | --- | --- |"]
    for name, field in model.model_fields.items():
        extra = field.json_schema_extra or {}
        flags = extra.get("flags", [f"--{name.replace('_', '-')}"])
        option = f"`{flags[0]}`" if flags else "only in Python"
        empty = field.default is False or field.default in (None, ())
        shown = "needed" if field.is_required() else "" if empty else f"`{field.default}`"
        says = (field.description or "").replace("|", "\\|").replace("<", "&lt;")
        rows.append(f"| `{name}` | {option} | {shown} | {says} |")
    return "\n".join(rows) + "\n"


def flavours():
    """Every flavour in Markdown: name, what goes in, what it is."""
    rows = ["| flavour | inputs | what it is |", "| --- | --- | --- |"]
    rows += [f"| `{f.name}` | {', '.join(f.inputs)} | {f.description} |" for f in FLAVOURS.values()]
    return "\n".join(rows) + "\n"


def write_options(folder):
    """Write `_figures/options_<verb>.md` and `_figures/flavours.md` below a folder."""
    figures = folder / "_figures"
    figures.mkdir(exist_ok=True)
    for verb, model in MODELS.items():
        (figures / f"options_{verb}.md").write_text(table(model), encoding="utf-8")
    (figures / "flavours.md").write_text(flavours(), encoding="utf-8")
