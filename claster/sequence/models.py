"""Sequence models that are known, and the files of their weights, verified."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from claster.errors import ClasterError, one_line
from claster.files import sha256
from claster.sequence.trunk import Borzoi, Enformer, HyenaDna, Trunk
from claster.text import text_lines


@dataclass(frozen=True)
class SequenceModel:
    """A sequence model: where it comes from, and what loads it.

    Attributes
    ----------
    repository, revision
        On the Hugging Face hub, at one commit; None where no commit is pinned here.
    loader
        Makes a `Trunk` from a folder of files.
    code
        Python files of the repository that it runs.
    """

    name: str
    repository: str
    revision: str | None
    licence: str
    citation: str
    loader: Callable[[Path], Trunk]
    code: tuple[str, ...] = ()

    def load(self, folder: Path, *, trust_remote_code: bool = False) -> Trunk:
        """Return the model, in evaluation mode, from a folder of its files.

        Raises
        ------
        ClasterError
            If its code may not run, or files are damaged or do not belong together.
        """
        if self.code and not trust_remote_code:
            raise ClasterError(
                f"the model in {folder} is made by Python code that lies there and not in this package",
                remedy="read that code, then pass --trust-remote-code to run it with your rights",
            )
        with torch.random.fork_rng(devices=[]):
            return self.loader(folder).eval()


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
            loader=Enformer,
        ),
        SequenceModel(
            name="hyenadna_small_32k",
            repository="LongSafari/hyenadna-small-32k-seqlen-hf",
            revision="8fe770c78eb13fe33bf81501612faeddf4d6f331",
            licence="BSD-3-Clause",
            citation=_HYENA_CITATION,
            loader=HyenaDna,
            code=_HYENA_CODE,
        ),
        SequenceModel(
            name="hyenadna_medium_160k",
            repository="LongSafari/hyenadna-medium-160k-seqlen-hf",
            revision="7ebf71773d22c0ede2cc55cb2be15ee8c289e1ce",
            licence="BSD-3-Clause",
            citation=_HYENA_CITATION,
            loader=HyenaDna,
            code=_HYENA_CODE,
        ),
        SequenceModel(
            name="borzoi",
            repository="johahi/borzoi-replicate-0",
            revision=None,
            licence="CC BY 4.0",
            citation="Linder et al., Nature Genetics 57:949 (2025), doi 10.1038/s41588-024-02053-6",
            loader=Borzoi,
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


HASHES = "SHA256SUMS"
"""File of a folder of weights with the SHA-256 of each file, as ``sha256sum * > SHA256SUMS`` writes it."""

_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class ModelFiles:
    """Where the files of a model are, which commit they are of (None: not known), and their SHA-256."""

    folder: Path
    revision: str | None
    hashes: dict[str, str]


def find_weights(
    model: SequenceModel, *, folder: Path | str | None = None, revision: str | None = None
) -> ModelFiles:
    """Return the files of a model, from a folder of one's own or from the hub at one commit.

    Files of a folder are compared with its `SHA256SUMS` where it has one, files of the hub with the
    hash that the hub names them by.

    Parameters
    ----------
    folder
        Where its files are; None asks the hub and its cache on this machine.
    revision
        Another commit of the hub than the pinned one, 40 hexadecimal digits.

    Raises
    ------
    ClasterError
        If a file is missing, damaged, or not available; the message names files and place.
    """
    if folder is None:
        commit = revision or model.revision
        if commit is None or not _COMMIT.fullmatch(commit):
            raise ClasterError(
                f"no commit of {model.repository} is pinned"
                if commit is None
                else f"{commit!r} is not a commit of {model.repository}",
                remedy="pass --revision with the 40 digits of one, or --weights FOLDER",
            )
        return _from_hub(model, commit)
    folder = Path(folder)
    wanted = ["config.json", *model.code]
    missing = [name for name in wanted if not (folder / name).is_file()]
    weights = next((name for name in _WEIGHTS if (folder / name).is_file()), None)
    if missing or weights is None:
        lacking = [*missing, *([] if weights else [" or ".join(_WEIGHTS)])]
        raise ClasterError(
            f"{folder} lacks {', '.join(lacking)} of {model.name}", remedy=_how_to_bring(model)
        )
    return ModelFiles(folder, revision, _checked_hashes(folder, [*wanted, weights]))


def _checked_hashes(folder: Path, names: Sequence[str]) -> dict[str, str]:
    """Return the SHA-256 of files of a folder, which are those of its `HASHES` if it has any."""
    found = {name: sha256(folder / name) for name in names}
    path = folder / HASHES
    for number, line in enumerate(text_lines(path) if path.is_file() else [], start=1):
        digest, _, rest = line.strip().partition(" ")
        if not _DIGEST.fullmatch(digest) or not rest:
            raise ClasterError(
                f"{path}, line {number}: {line!r} is not a SHA-256 and a file name",
                remedy="write it with 'sha256sum * > SHA256SUMS'",
            )
        name = rest.strip().removeprefix("*")
        if found.get(name, digest) != digest:
            raise ClasterError(
                f"{folder / name} is damaged: its SHA-256 is {found[name][:12]}..., "
                f"{HASHES} says {digest[:12]}...",
                remedy="download the file again",
            )
    return found


def _from_hub(model: SequenceModel, commit: str) -> ModelFiles:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
    from requests.exceptions import RequestException

    try:
        for weights in _WEIGHTS:
            patterns = ["*.json", "*.py", weights]
            folder = Path(
                snapshot_download(model.repository, revision=commit, allow_patterns=patterns)
            )
            if not (folder / weights).is_file():
                continue
            names = ["config.json", *model.code, weights]
            hashes = {name: sha256(folder / name) for name in names}
            blob = (
                (folder / weights).resolve().name
            )  # the cache's name of a large file: its SHA-256
            if _DIGEST.fullmatch(blob) and blob != hashes[weights]:
                raise ClasterError(
                    f"{folder / weights} is damaged: its SHA-256 is {hashes[weights][:12]}..., "
                    f"the hub says {blob[:12]}...",
                    remedy=f"remove {folder.parents[1]} and run again",
                )
            return ModelFiles(folder, commit, hashes)
    except (LocalEntryNotFoundError, HfHubHTTPError, RequestException, OSError) as error:
        raise ClasterError(
            f"no weights of {model.name} on this machine, and the hub does not provide them "
            f"({one_line(error)[:120]})",
            remedy=_how_to_bring(model),
        ) from error
    raise ClasterError(
        f"{model.repository} at {commit} holds neither {' nor '.join(_WEIGHTS)}",
        remedy=_how_to_bring(model),
    )


def _how_to_bring(model: SequenceModel) -> str:
    files = ["config.json", *model.code, " or ".join(_WEIGHTS)]
    at = f" at commit {model.revision}" if model.revision else ""
    return (
        f"bring {', '.join(files)} of {model.repository}{at} (Hugging Face hub) into one folder and pass "
        "--weights FOLDER"
    )
