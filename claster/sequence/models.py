"""The sequence models that are known, one entry each.

To add one, write a module with a `Trunk` and a function that loads it, and name it here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from claster.errors import ClasterError
from claster.sequence.trunk import Trunk

__all__ = ["MODELS", "SequenceModel", "find_model"]


class _Loader(Protocol):
    def __call__(self, folder: Path, *, trust_remote_code: bool) -> Trunk: ...


def _enformer() -> _Loader:
    from claster.sequence.loaders import load_enformer

    return load_enformer


def _hyenadna() -> _Loader:
    from claster.sequence.loaders import load_hyenadna

    return load_hyenadna


def _borzoi() -> _Loader:
    from claster.sequence.loaders import load_borzoi

    return load_borzoi


@dataclass(frozen=True)
class SequenceModel:
    """A sequence model: where it comes from, and what loads it.

    Attributes
    ----------
    name
        What commands call it.
    repository, revision
        On the Hugging Face hub, at one commit; None where no commit is pinned here.
    code
        Python files of the repository without which it does not load.
    licence, citation
        Of the weights.
    loader
        Returns the function that makes a `Trunk` from a folder of files.
    """

    name: str
    repository: str
    revision: str | None
    licence: str
    citation: str
    loader: Callable[[], _Loader]
    code: tuple[str, ...] = ()

    def load(self, folder: Path, *, trust_remote_code: bool = False) -> Trunk:
        """Return the model, in evaluation mode, from a folder of its files.

        Raises
        ------
        ClasterError
            If its code may not run, or files are damaged or do not belong together.
        """
        trunk = self.loader()(folder, trust_remote_code=trust_remote_code)
        return trunk.eval()


_HYENA_CODE = ("configuration_hyena.py", "modeling_hyena.py")
_HYENA_CITATION = "Nguyen et al., NeurIPS 2023, arXiv:2306.15794"

MODELS = {
    model.name: model
    for model in (
        SequenceModel(
            name="enformer",
            repository="EleutherAI/enformer-official-rough",
            revision="affe5713ae9017460706a44108289b13c5fee16c",
            licence="CC BY 4.0",
            citation="Avsec et al., Nature Methods 18:1196 (2021), doi 10.1038/s41592-021-01252-x",
            loader=_enformer,
        ),
        SequenceModel(
            name="hyenadna_small_32k",
            repository="LongSafari/hyenadna-small-32k-seqlen-hf",
            revision="8fe770c78eb13fe33bf81501612faeddf4d6f331",
            licence="BSD-3-Clause",
            citation=_HYENA_CITATION,
            loader=_hyenadna,
            code=_HYENA_CODE,
        ),
        SequenceModel(
            name="hyenadna_medium_160k",
            repository="LongSafari/hyenadna-medium-160k-seqlen-hf",
            revision="7ebf71773d22c0ede2cc55cb2be15ee8c289e1ce",
            licence="BSD-3-Clause",
            citation=_HYENA_CITATION,
            loader=_hyenadna,
            code=_HYENA_CODE,
        ),
        SequenceModel(
            name="borzoi",
            repository="johahi/borzoi-replicate-0",
            revision=None,
            licence="CC BY 4.0",
            citation="Linder et al., Nature Genetics 57:949 (2025), doi 10.1038/s41588-024-02053-6",
            loader=_borzoi,
        ),
    )
}


def find_model(name: str) -> SequenceModel:
    """Return the sequence model called `name`.

    Raises
    ------
    ClasterError
        If there is none.
    """
    if name not in MODELS:
        raise ClasterError(
            f"no sequence model {name!r}", remedy=f"choose one of {', '.join(MODELS)}"
        )
    return MODELS[name]
