"""How tracks compare with those that a model was trained on."""

from collections.abc import Sequence

from claster.dataset.doctor.findings import Finding
from claster.dataset.doctor.uses import SignalUse
from claster.dataset.doctor.wording import number, times
from claster.dataset.scale import SignalScale, scale_ratio
from claster.dataset.spec import DatasetSpec

__all__ = ["check_scale", "check_tracks"]

_LARGEST_RATIO = 3.0


def check_tracks(spec: DatasetSpec, trained: Sequence[str], *, named: str) -> list[Finding]:
    """Compare names and order of the tracks with those that a model was trained on. Check ``tracks``."""
    have = [track.name for track in spec.tracks]
    if not trained or have == list(trained):
        return []
    wanted, place = ", ".join(trained), spec.place("tracks")
    return [
        Finding(
            "tracks",
            "",
            "tracks",
            "warning",
            f"{', '.join(have)} here, {wanted} in {named or 'the model'}: it cannot read this dataset",
            f"name the tracks {wanted}, in this order ({place})",
        )
    ]


def check_scale(
    scale: SignalScale, reference: SignalScale, use: SignalUse, *, named: str
) -> Finding:
    """Compare how large a track is with a reference.

    Check ``scale``: a warning when the 99 % quantiles (means where one is 0) differ by more than 3 times.
    """
    ratio = scale_ratio(scale, reference)
    named = f"in {named}" if named else "the tracks that the model was trained on"
    seen = f"99 % of bins below {number(scale.q99)} against {number(reference.q99)}, "
    seen += f"mean {number(scale.mean)} against {number(reference.mean)}"
    if 1 / _LARGEST_RATIO <= ratio <= _LARGEST_RATIO:
        return use.found("scale", "fine", f"{times(ratio)} {_than(ratio)} {named} ({seen})")
    return use.found(
        "scale",
        "warning",
        f"{times(ratio)} than {named} ({seen})",
        f"normalise the track as those were, or multiply its values by {number(1 / ratio)}",
    )


def _than(ratio: float) -> str:
    return "as" if times(ratio) == "as large" else "than"
