"""What `summary.json` of an evaluation holds, and its JSON Schema."""

import json
import math
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

__all__ = ["BaselineFits", "Comparison", "EvaluationSummary", "Score", "evaluation_schema"]


def _none_if_undefined(value: object) -> object:
    return None if isinstance(value, float) and math.isnan(value) else value


Number = Annotated[float | None, BeforeValidator(_none_if_undefined)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Score(_Part):
    """A value and its 95 % interval; null where it is undefined."""

    value: Number
    low: Number
    high: Number


class Comparison(_Part):
    """The network beside the best simple method, by Pearson r of log2(x + 1).

    At bin level each kilobase counts once and all points are pooled. `beats` says whether the paired
    interval of the difference lies above 0; it is null where there is no interval. `share` is the
    network's r over the attainable one, on simulated genomes.
    """

    condition: str
    level: Literal["bin", "gene"]
    network: Score
    baseline: str
    baseline_score: Score
    difference: Score
    beats: bool | None
    share: Score | None


class BaselineFits(_Part):
    """What the simple methods were fitted on, and what the validation genes chose, by condition."""

    training_genes: int
    validation_genes: int
    training_rows: int
    ridge_penalty: dict[str, float]
    boosting_trees: dict[str, int]


class EvaluationSummary(_Part):
    """The result of `claster evaluate`.

    `times_counted` is how often a kilobase of the scored genome is counted where every bin of every
    window is. `shared_bp` are bases of scored input windows that lie in training windows, `worst` the
    genes with the greatest RMSE over their windows.
    """

    format: Literal[1] = 1
    verdict: str
    method: Literal["network", "ensemble"]
    runs: tuple[str, ...]
    datasets: tuple[str, ...]
    split: Literal["train", "valid", "test"]
    genes: int = Field(ge=1)
    blocks: int = Field(ge=1)
    block_length: int = Field(gt=0, description="bp")
    resamples: int = Field(gt=0)
    confidence: float
    seed: int
    times_counted: float
    shared_bp: int
    comparisons: tuple[Comparison, ...]
    worst: tuple[str, ...]
    baselines: tuple[BaselineFits, ...]


def evaluation_schema() -> str:
    """Return the JSON Schema of `summary.json` as text, the same for the same code.

    References
    ----------
    JSON Schema, draft 2020-12: https://json-schema.org/draft/2020-12
    """
    schema = EvaluationSummary.model_json_schema(mode="serialization") | {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "CLASTER evaluation",
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
