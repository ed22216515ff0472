"""The first section: the verdict, and the figures that stand for it."""

from claster.analysis.summary import Comparison, Score, method_in_words
from claster.quoting import pasteable
from claster.report.page import Facts, Lead, Missing, Part, Section, Text, interval, number
from claster.report.subject import Scores, Subject

_LEVELS = {"bin": "bins", "gene": "genes"}


def overview(subject: Subject) -> Section:
    """Return the verdict of the evaluation, worst news first, and the main scores."""
    parts: list[Part] = []
    record = subject.record
    if record.status != "complete":
        parts.append(
            Missing(
                f"The training of this run is {record.status}, not complete"
                + (f" ({record.error})" if record.error else "")
                + ".",
                (
                    pasteable(
                        [
                            "claster",
                            "train",
                            record.flavour,
                            "--dataset",
                            record.dataset,
                            "--resume",
                        ]
                    ),
                ),
            )
        )
    if subject.scores is None:
        parts.append(
            unmade(subject, "This run has not been evaluated: how good it is, is not known")
        )
    else:
        parts += _verdict(subject.scores)
    return Section("overview", "Overview", tuple(parts))


def unmade(subject: Subject, sentence: str) -> Missing:
    """Return what to do where there is no evaluation or no prediction.

    Parameters
    ----------
    sentence
        What is missing, without a full stop.
    """
    commands = [["evaluate", subject.name]]
    if not subject.is_predicted:
        commands.insert(0, ["predict", subject.name])
    if subject.manifest is None:
        commands.insert(0, ["data", "build", subject.record.dataset])
    lines = tuple(pasteable(["claster", *command]) for command in commands)
    return Missing(f"{sentence}.", lines)


def _verdict(scores: Scores) -> list[Part]:
    summary = scores.summary
    lines = tuple(line for line in summary.verdict.splitlines() if line)
    good = all(entry.beats for entry in summary.comparisons)
    several = len({entry.condition for entry in summary.comparisons}) > 1
    figures: list[tuple[str, str]] = []
    for entry in summary.comparisons:
        where = f"over {_LEVELS[entry.level]}{f', {entry.condition}' if several else ''}"
        figures.append((f"Pearson r {where}", _plain(entry.network)))
        figures.append((f"best simple method, {where}", _rival(entry)))
        if entry.share and entry.share.value is not None:
            figures.append((f"of the noise ceiling {where}", f"{100 * entry.share.value:.0f} %"))
    return [
        Lead(lines, good),
        Facts(tuple(figures), large=True),
        Text(
            f"Scores are those of {summary.genes:,} {summary.split} genes, which the network has not "
            "been trained on, on log2(x + 1); the numbers in brackets are 95 % intervals over "
            f"{summary.blocks} blocks of neighbouring genes."
        ),
    ]


def _rival(entry: Comparison) -> str:
    name = method_in_words(entry.baseline).removeprefix("the ")
    return f"{number(entry.baseline_score.value).text} ({name})"


def _plain(score: Score) -> str:
    cell = interval(score.value, score.low, score.high)
    return f"{cell.text} ({cell.note})" if cell.note else cell.text
