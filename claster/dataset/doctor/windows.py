"""How many genes of a dataset would get a window, by split and reason."""

import pandas as pd

from claster.dataset.choice import lacks_training, more_training
from claster.dataset.doctor.findings import Finding
from claster.dataset.doctor.setting import Setting
from claster.dataset.doctor.wording import count_of, percent
from claster.dataset.layout import SPLITS
from claster.dataset.spec import DatasetSpec
from claster.genome.regions import covered_shares
from claster.genome.selection import DROP_REASONS, GeneSelection
from claster.genome.windows import window_table

__all__ = ["check_blacklisted", "check_windows"]


def check_blacklisted(blacklist: pd.DataFrame, setting: Setting, *, file: str) -> list[Finding]:
    """Tell which share of the windows is without data by the blacklist. Check ``windows``.

    How many genes it drops stands under ``genes`` of the windows.
    """
    if setting.centres.empty:
        return []
    windows = window_table(setting.centres, setting.spec.window.binning)
    shares = covered_shares(windows, blacklist)
    evidence = (
        f"covers {percent(float(shares.mean()))} of the windows' bases, at most "
        f"{percent(float(shares.max()))} of one; {count_of(int((shares > 0).sum()), 'window')} "
        f"of {len(shares):,} hold some of it"
    )
    return [Finding("blacklist", file, "windows", "fine", evidence)]


def check_windows(
    selection: GeneSelection, spec: DatasetSpec, *, once_mended: bool = False
) -> list[Finding]:
    """Tell how many genes are kept, by split, and why the others are not.

    Checks ``genes`` (a fault where none is left) and ``splits`` (a fault where one that the YAML names
    is empty or a dataset with a target has no gene to train on, a note where it holds nothing out). Genes
    whose contact map has too many unknown cells are only dropped by the build itself. `once_mended` says
    that other faults come first.
    """
    kept, dropped = selection.kept, selection.dropped
    counts: dict[str, int] = {split: int((kept["split"] == split).sum()) for split in SPLITS}
    by_split = ", ".join(f"{n:,} {split}" for split, n in counts.items())
    why = "; ".join(
        f"{n:,} because {DROP_REASONS[str(reason)]}"
        for reason, n in dropped["reason"].value_counts().items()
    )
    if spec.contacts and spec.contacts.max_missing < 1:
        later = f"fewer where over {percent(spec.contacts.max_missing)} of a contact map is unknown"
        why = f"{why}; {later}".removeprefix("; ")
    if once_mended:
        why = f"{why}; once the faults are mended".removeprefix("; ")
    seen = f"{len(kept):,} of {count_of(len(kept) + len(dropped), 'gene')} would get a window"
    if kept.empty:
        return [
            Finding(
                "windows",
                "",
                "genes",
                "fault",
                f"{seen}: {why}",
                "check 'genes', 'regions' and 'window' in the YAML, and the files that lack data",
            )
        ]
    results = [
        Finding(
            "windows", "", "genes", "fine", f"{seen}: {by_split}" + (f" ({why})" if why else "")
        )
    ]
    for split, rules in (("valid", spec.splits.valid), ("test", spec.splits.test)):
        if rules and not counts[split]:
            results.append(
                Finding(
                    "windows",
                    "",
                    "splits",
                    "fault",
                    f"no gene is left in the {split} split ({', '.join(rules)})",
                    f"choose other chromosomes or regions for '{split}' ({spec.place('splits', split)})",
                )
            )
    if lacks_training(selection, spec):
        seen = "no gene is left for training"
        results.append(
            Finding("windows", "", "splits", "fault", seen, more_training(selection, spec))
        )
    if spec.target and not counts["valid"] and not counts["test"]:
        results.append(
            Finding(
                "windows",
                "",
                "splits",
                "note",
                "no gene is held out, so nothing tells how well a model does on genes that it has not seen",
                _to_hold_out(kept, spec),
            )
        )
    return results


def _to_hold_out(kept: pd.DataFrame, spec: DatasetSpec) -> str:
    """Return a rule for 'test' that leaves genes to train on, where one can be named."""
    last = kept["chrom"].iloc[-1]
    rule = last
    if kept["chrom"].nunique() == 1:
        cut = int(kept["tss"].quantile(0.8))
        if not (kept["tss"] < cut - spec.window.binning.width).any():
            return "bring genes of another chromosome to hold out"
        rule = f'"{last}:{cut:,}-{kept["tss"].max() + 1:,}"'
    return f"name chromosomes or regions under 'splits', such as 'test: [{rule}]'"
