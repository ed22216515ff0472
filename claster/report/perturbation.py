"""What edits of elements changed, and what predictions rest on, for each folder that is there."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from claster.analysis.crispr import CrisprFiles, CrisprSummary
from claster.analysis.perturbation.folder import ScreenFiles
from claster.analysis.perturbation.settings import ScreenRecord
from claster.dataset.layout import read_genes_table
from claster.plot import edited_profiles, effect_by_distance, element_arcs, most_affected_genes
from claster.report import page
from claster.report.subject import Subject
from claster.text import read_json, read_parquet, read_record, read_table

_LINKS = 15
_PROFILES = 12
_AROUND = 250_000
_PROXIMAL = 2000


def perturbation(subject: Subject) -> Iterator[page.Part]:
    """Yield effects of the screens that `claster perturb` has finished."""
    screens = _finished(subject.run.path / "perturb")
    if not screens:
        yield page.missing("No element has been edited yet.", ["perturb", subject.name])
    for screen in screens:
        yield page.Subtitle(screen.name)
        yield from _screen(subject, ScreenFiles(screen))


def _finished(folder: Path) -> list[Path]:
    return sorted(path.parent for path in folder.glob("*/manifest.json"))


def _screen(subject: Subject, files: ScreenFiles) -> Iterator[page.Part]:
    record = read_record(
        files.manifest,
        ScreenRecord,
        kind="the record of a screen of this version",
        remedy="run the screen again with --force, or remove its folder",
    )
    effects, controls = read_parquet(files.effects), None
    if files.controls.is_file():
        controls = read_parquet(files.controls)
    yield _facts(record)
    single = effects[effects["partner_id"] == ""]
    if single.empty:
        yield page.Text("Pairs of elements only: see effects.parquet.")
        return
    condition, dose = single["condition"].iloc[0], single["dose"].iloc[0]
    shown = _of(single, condition, dose)
    if single["condition"].nunique() > 1 or single["dose"].nunique() > 1:
        told = "" if pd.isna(dose) else f", dose {dose:g}"
        yield page.Text(
            f"Figures show {condition}{told}; the tables in the folder hold the others."
        )
    beside = None if controls is None else _of(controls, condition, dose)
    yield page.Pictures(list(_overall(shown, beside)))
    far = shown[shown["distance_bp"].abs() >= _PROXIMAL]
    if far["effect"].notna().sum() == 0:
        return
    strongest = far.loc[far["effect"].abs().idxmax()]
    yield _arcs(subject, far, strongest)
    if files.profiles.is_file() and record.identity.settings.centre == "gene":
        yield from _profiles(subject, files.profiles, far, strongest)
    yield _links(far, files.folder)


def _facts(record: ScreenRecord) -> page.Facts:
    settings = record.identity.settings
    rows = [
        ("edit", f"{settings.edit.verb} of {', '.join(settings.edit.tracks)}"),
        ("elements from", record.identity.elements_file),
        ("genes", f"{settings.split} split, elements within {settings.reach:,} bp of the TSS"),
    ]
    rows += [(name.replace("_", " "), f"{n:,}") for name, n in record.counts.items() if n]
    return page.Facts(rows)


def _of(table: pd.DataFrame, condition: str, dose: float) -> pd.DataFrame:
    same = table["dose"].isna() if pd.isna(dose) else table["dose"] == dose
    return table[(table["condition"] == condition) & same].reset_index(drop=True)


def _overall(shown: pd.DataFrame, controls: pd.DataFrame | None) -> Iterator[page.Picture]:
    if (shown["distance_bp"].abs() >= _PROXIMAL).any():
        found = int((shown["fdr"] <= 0.1).sum())
        yield page.picture(
            effect_by_distance(shown, controls, proximal=_PROXIMAL),
            alt=f"Effect of {len(shown):,} edits against distance from the TSS; {found} with FDR <= 0.1",
            caption="Effect of each element on each gene, and of control regions.",
        )
    if shown["element_id"].duplicated().any():
        yield page.picture(
            most_affected_genes(shown),
            alt="How many genes lie between an element and the gene that it affects most",
            caption="Whether elements affect their nearest gene most.",
        )


def _arcs(subject: Subject, shown: pd.DataFrame, strongest: pd.Series) -> page.Part:
    chrom, tss = strongest["chrom"], int(strongest["tss"])
    start, end = max(tss - _AROUND, 0), tss + _AROUND
    genes = pd.DataFrame(columns=["gene_id", "name", "chrom", "start", "end", "strand"])
    if subject.manifest is not None:
        genes = read_genes_table(subject.folders)
    name = _gene_name(strongest)
    return page.picture(
        element_arcs(shown, genes, chrom=chrom, start=start, end=end),
        alt=f"Effects of elements on genes around {name} ({chrom}:{start:,}-{end:,}) as arcs",
        caption=f"Links around {name}, which has the largest effect of an element outside its promoter: "
        "blue where the edit lowers the gene, red where it raises it.",
    )


def _profiles(
    subject: Subject, path: Path, shown: pd.DataFrame, strongest: pd.Series
) -> Iterator[page.Part]:
    target = subject.spec.require_target()
    table = read_parquet(path, filters=[("window", "==", strongest["gene_id"])])
    table = table[table["condition"] == strongest["condition"]]
    bins = table.columns[-target.bins :]
    before = table[table["element_id"].fillna("") == ""]
    table = _of(table, strongest["condition"], strongest["dose"])
    most = _largest(shown[shown["gene_id"] == strongest["gene_id"]], _PROFILES)
    after = table[table["element_id"].isin(most["element_id"])].drop_duplicates("element_id")
    if len(before) != 1 or after.empty:
        return
    distances = after["element_id"].map(most.set_index("element_id")["distance_bp"])
    name = _gene_name(strongest)
    yield page.picture(
        edited_profiles(
            before[bins].to_numpy(float)[0],
            after[bins].to_numpy(float),
            distances.to_numpy(float),
            target.binning,
        ),
        alt=f"Predicted profile of {name} before and after the edit of {len(after)} elements",
        caption=f"{name} as predicted before any edit (black) and after the edit of each of the "
        f"{len(after)} elements with the largest effects; colours and marks tell where they lie.",
    )


def _largest(effects: pd.DataFrame, most: int) -> pd.DataFrame:
    return effects.sort_values("effect", key=np.abs, ascending=False, kind="stable")[:most]


def _links(shown: pd.DataFrame, folder: Path) -> page.Table:
    rows = [
        (
            _gene_name(row),
            row["element_id"],
            page.count(row["distance_bp"] / 1000),
            page.number(row["baseline"], 2),
            page.number(row["perturbed"], 2),
            *(page.number(row[name]) for name in ("effect", "p", "fdr")),
        )
        for _, row in _largest(shown, _LINKS).iterrows()
    ]
    return page.Table(
        f"The {len(rows)} largest effects of elements {_PROXIMAL:,} bp or more from the TSS "
        f"(all: {folder.as_posix()}/effects.parquet)",
        ("gene", "element", "distance (kb)", "before", "after", "effect (log2)", "p", "FDR"),
        rows,
    )


def _gene_name(row: pd.Series) -> str:
    return row["gene_name"] if isinstance(row["gene_name"], str) else row["gene_id"]


_CRISPR_FIGURES = {
    "curves": "How well regulated pairs are told.",
    "effects": "Predicted against measured effects.",
}


def crispr(subject: Subject) -> Iterator[page.Part]:
    """Yield what comparisons with CRISPR screens say; nothing where there is none."""
    for summary in sorted((subject.run.path / "crispr").glob("*/summary.json")):
        files = CrisprFiles(summary.parent)
        told = read_record(files.summary, CrisprSummary, remedy="run 'claster crispr' again")
        left_out = [(f"not scored: {why}", f"{n:,}") for why, n in told.left_out.items()]
        scores = read_table(files.scores)
        rows = [
            (
                *(row.subset, row.pairs, row.predictor, f"{row.links:,} of {row.n:,}"),
                page.interval(row.value, row.low, row.high),
            )
            for row in scores[scores["metric"] == "auprc"].itertuples()
        ]
        drawn = {files.folder / f"{name}.png": caption for name, caption in _CRISPR_FIGURES.items()}
        yield page.Subtitle(f"{told.table} ({files.folder.name})")
        yield page.Lines(told.verdict.splitlines())
        yield page.Facts([("pairs of the table", f"{told.rows:,}"), *left_out])
        yield page.Pictures(
            [
                page.picture_of_file(path, alt=f"{path.stem} of CRISPR pairs", caption=caption)
                for path, caption in drawn.items()
                if path.is_file()
            ]
        )
        yield page.Table(
            "AUPRC by distance, screen and power; 'table' is of every pair, 'scored' of those with an "
            "effect",
            ("pairs", "of", "predictor", "regulated", "AUPRC"),
            rows,
        )


_MOST_FIGURES = 12


def attribution(subject: Subject) -> Iterator[page.Part]:
    """Yield the figures and the summary of each attribution."""
    made = _finished(subject.run.path / "attributions")
    if not made:
        yield page.missing("No attributions have been made yet.", ["attribute", subject.name])
    for one in made:
        yield page.Subtitle(one.name)
        yield from _summary(one / "summary.json")
        figures = sorted((one / "figures").glob("*.png"))[:_MOST_FIGURES]
        named = [(path, _words(path.stem)) for path in figures]
        if named:
            yield page.Pictures(
                [
                    page.picture_of_file(path, alt=f"{words} ({one.name})", caption=words)
                    for path, words in named
                ]
            )


def _summary(path: Path) -> Iterator[page.Part]:
    """Yield the sentences of a JSON object, or its names and values where it holds none."""
    if not path.is_file():
        return
    content = read_json(path, remedy="make the attribution again")
    listed = [value for value in content.values() if isinstance(value, list)]
    sentences = [item for values in listed for item in values if isinstance(item, str)]
    plain = {key: value for key, value in content.items() if isinstance(value, (str, int, float))}
    if sentences:
        yield page.Lines(sentences)
    elif plain:
        yield page.Facts([(_words(key), str(value)) for key, value in plain.items()])


def _words(name: str) -> str:
    return name.replace("_", " ")
