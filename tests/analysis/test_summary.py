from pathlib import Path

from claster.analysis.summary import Score, evaluation_schema

SCHEMA = Path(__file__).parents[2] / "docs/evaluation.schema.json"


def test_the_schema_in_the_docs_is_current():
    assert SCHEMA.read_text() == evaluation_schema(), (
        "run: claster evaluate --schema > docs/evaluation.schema.json"
    )


def test_what_is_undefined_is_null():
    assert Score(value=float("nan"), low=0.1, high=None).model_dump_json() == (
        '{"value":null,"low":0.1,"high":null}'
    )
