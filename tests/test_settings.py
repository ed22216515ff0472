"""Settings made from one another and from keywords."""

import runpy
from pathlib import Path

import pytest
from pydantic import Field

from claster.analysis.attribution.settings import AttributeSettings
from claster.analysis.perturbation.settings import PerturbSettings
from claster.analysis.settings import CrisprSettings, ValidateSettings
from claster.errors import ClasterError
from claster.settings import Settings


class Shown(Settings):
    genes: int = Field(3, ge=1)
    tracks: tuple[str, ...] = ()


def test_keywords_change_what_is_given():
    given = Shown(genes=5)
    assert Shown.of(None) == Shown()
    assert Shown.of(given) == given
    assert Shown.of(given, tracks=["ATAC"]) == Shown(genes=5, tracks=("ATAC",))


@pytest.mark.parametrize(
    ("keywords", "said"),
    [
        ({"gene": 1}, "Shown has no 'gene': did you mean 'genes'"),
        ({"genes": 0}, "genes must be 1 or more, not 0"),
    ],
)
def test_what_is_not_possible_is_named(keywords, said):
    with pytest.raises(ClasterError, match=said):
        Shown.of(Shown(), **keywords)


@pytest.mark.parametrize("name", ["../x", "/tmp/x", "", "a/../../b", "a\x1b"])
@pytest.mark.parametrize(
    ("model", "field"),
    [
        (PerturbSettings, "name"),
        (AttributeSettings, "name"),
        (CrisprSettings, "name"),
        (ValidateSettings, "perturbation"),
        (ValidateSettings, "attribution"),
    ],
)
def test_a_folder_of_results_stays_below_the_run(model, field, name):
    with pytest.raises(ClasterError, match="is not the name of a folder below"):
        model.of(None, **{"pairs": "x.tsv"} if model is CrisprSettings else {}, **{field: name})


@pytest.mark.parametrize(
    ("keywords", "told"),
    [
        ({"around_tss": (-5, -5)}, "-5 bp upstream and -5 downstream hold no base"),
        ({"around_tss": (0, 0)}, "hold no base"),
        ({"pseudocount": float("inf")}, "finite number"),
        ({"gain": float("nan")}, "finite number"),
        ({"gain": -1.0}, "gain must be 0 or more, not -1"),
        ({"min_activity": float("nan")}, "finite number"),
        ({"batch_size": 10**12}, "batch_size must be 100"),
    ],
)
def test_numbers_that_mean_nothing_are_told(keywords, told):
    with pytest.raises(ClasterError, match=told):
        PerturbSettings.of(None, **keywords)


def test_the_documentation_lists_every_setting():
    docs = Path(__file__).parents[1] / "docs"
    options = runpy.run_path(str(docs / "options.py"))
    pages = {
        "train": "training.md",
        "predict": "predict.md",
        "intervals": "predict.md",
        "evaluate": "evaluation.md",
        "perturb": "perturbation.md",
        "attribute": "attribution.md",
        "validate": "validation.md",
        "reach": "validation.md",
        "crispr": "validation.md",
        "treat": "validation.md",
        "link": "link.md",
        "embed": "sequence.md",
        "finetune": "sequence.md",
        "plan": "cluster.md",
    }
    assert options["MODELS"].keys() == pages.keys()
    for verb, model in options["MODELS"].items():
        rows = options["table"](model).splitlines()[2:]
        assert [row.split("`")[1] for row in rows] == list(model.model_fields)
        assert all(field.description for field in model.model_fields.values())
        assert f"_figures/options_{verb}.md" in (docs / pages[verb]).read_text(encoding="utf-8")
