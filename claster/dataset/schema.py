"""The JSON Schema of dataset YAMLs, for editors that complete and check while one types."""

import json

from claster.dataset.spec import DatasetSpec

__all__ = ["dataset_schema"]


def dataset_schema() -> str:
    """Return the JSON Schema of `DatasetSpec` as text, the same for the same code.

    References
    ----------
    JSON Schema, draft 2020-12: https://json-schema.org/draft/2020-12
    """
    schema = DatasetSpec.model_json_schema() | {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "CLASTER dataset",
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
