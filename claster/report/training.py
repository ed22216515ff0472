"""How the training went."""

import re

from claster.eir.history import read_history
from claster.eir.watch import duration
from claster.plot import learning_curve
from claster.report.page import Facts, Missing, Part, Section
from claster.report.pictures import picture
from claster.report.subject import Subject

__all__ = ["training"]

_STEP = re.compile(r"checkpoint_(\d+)")
_PERFORMANCE = {"array": "Share of variance explained", "tabular": "Mean Pearson r of the bins"}


def training(subject: Subject) -> Section:
    """Return what was trained on, for how long, and the learning curve."""
    record = subject.record
    parts: list[Part] = [Facts(tuple(_facts(subject)))]
    history = read_history(subject.run, record)
    if record.members:
        parts = []
    elif history.empty:
        parts.append(
            Missing(f"No curve: EIR has not written one to {subject.run.eir.as_posix()} yet.")
        )
    else:
        found = _STEP.search(record.checkpoint or "")
        best = int(found[1]) if found and not record.resumed else None
        fig, _ = learning_curve(
            history, best=best, performance=f"{_PERFORMANCE[record.output]}\n(validation)"
        )
        last = history[history["split"] == "valid"]["loss"]
        parts.append(
            picture(
                fig,
                alt=f"Learning curve: loss and validation performance over {record.steps:,} steps"
                + (f"; the last validation loss is {last.iloc[-1]:.3g}" if len(last) else ""),
                caption="A validation loss that rises while the training loss falls is overfitting; the "
                "model with the best validation performance is kept.",
            )
        )
    return Section("training", "Training", tuple(parts))


def _facts(subject: Subject) -> list[tuple[str, str]]:
    record = subject.record
    rows = [
        (
            "samples",
            f"{record.training_samples:,} to train, {record.validation_samples:,} to validate "
            "(each gene forward and mirrored)",
        ),
        ("steps", f"{record.steps:,} of {record.batch_size} samples"),
        ("seed", "unknown" if record.seed is None else str(record.seed)),
        (
            "device",
            f"{record.device}{f' x {record.devices}' * (record.devices > 1)}, {record.precision}",
        ),
        ("started", record.started),
    ]
    if record.seconds is not None:
        rows.append(("took", duration(record.seconds)))
    if record.checkpoint:
        scored = "" if record.performance is None else f" (performance {record.performance:.4f})"
        rows.append(("model kept", record.checkpoint + scored))
    rows += [
        ("resumed", f"from step {part.step:,} with learning rate {part.rate:.2g}")
        for part in record.resumed
    ]
    return rows
