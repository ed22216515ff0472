"""What edits of elements changed, and what predictions rest on, for each folder that is there."""

from pathlib import Path

import numpy as np
import pandas as pd

from claster.analysis.crispr import CrisprFiles, CrisprSummary
from claster.analysis.perturbation.folder import ScreenFiles
from claster.analysis.perturbation.settings import ScreenRecord
from claster.dataset.layout import read_genes_table
from claster.plot import edited_profiles, effect_by_distance, element_arcs, most_affected_genes
from claster.quoting import pasteable
from claster.report.page import (
    Facts,
    Lines,
    Missing,
    Part,
    Picture,
    Pictures,
    Section,
    Subtitle,
    Table,
    Text,
    count,
    interval,
    number,
    picture,
    picture_of_file,
)
from claster.report.subject import Subject
from claster.text import read_json, read_parquet, read_record, read_table

_LINKS = 15
_PROFILES = 12
_AROUND = 250_000
_PROXIMAL = 2000


def perturbation(subject: Subject) -> Section:
    """Return effects of the screens that `claster perturb` has finished."""
    title = "Perturbation"
    folder = subject.run.path / "perturb"
    screens = sorted(path.parent for path in folder.glob("*/manifest.json"))
    if not screens:
        missing = Missing(
            "No element has been edited yet.", (pasteable(["claster", "perturb", subject.name]),)
        )
        return Section("perturbation", title, (missing,))
    parts: list[Part] = []
    for screen in screens:
        parts.append(Subtitle(screen.name))
        parts += _screen(subject, ScreenFiles(screen))
    return Section("perturbation", title, tuple(parts))


def _screen(subject: Subject, files: ScreenFiles) -> list[Part]:
    record = _read(files.manifest)
    effects, controls = read_parquet(files.effects), None
    if files.controls.is_file():
        controls = read_parquet(files.controls)
    parts: list[Part] = [_facts(record)]
    single = effects[effects["partner_id"] == ""]
    if single.empty:
        return [*parts, Text("Pairs of elements only: see effects.parquet.")]
    condition, dose = single["condition"].iloc[0], single["dose"].iloc[0]
    shown = _of(single, condition, dose)
    if single["condition"].nunique() > 1 or single["dose"].nunique() > 1:
        told = "" if pd.isna(dose) else f", dose {dose:g}"
        parts.append(
            Text(f"Figures show {condition}{told}; the tables in the folder hold the others.")
        )
    parts.append(Pictures(tuple(_overall(shown, controls, condition, dose))))
    far = shown[shown["distance_bp"].abs() >= _PROXIMAL]
    if far["effect"].notna().sum() == 0:
        return parts
    strongest = far.loc[far["effect"].abs().idxmax()]
    parts.append(_arcs(subject, far, strongest))
    if files.profiles.is_file() and record.identity.settings.centre == "gene":
        parts += _profiles(subject, files.profiles, far, strongest)
    parts.append(_links(far, files.folder))
    return parts


def _read(path: Path) -> ScreenRecord:
    return read_record(
        path,
        ScreenRecord,
        kind="the record of a screen of this version",
        remedy="run the screen again with --force, or remove its folder",
    )


def _facts(record: ScreenRecord) -> Facts:
    settings = record.identity.settings
    rows = [
        ("edit", f"{settings.edit.verb} of {', '.join(settings.edit.tracks)}"),
        ("elements from", record.identity.elements_file),
        ("genes", f"{settings.split} split, elements within {settings.reach:,} bp of the TSS"),
    ]
    rows += [(name.replace("_", " "), f"{n:,}") for name, n in record.counts.items() if n]
    return Facts(tuple(rows))


def _of(table: pd.DataFrame, condition: str, dose: float) -> pd.DataFrame:
    same = table["dose"].isna() if pd.isna(dose) else table["dose"] == dose
    return table[(table["condition"] == condition) & same].reset_index(drop=True)


def _overall(
    shown: pd.DataFrame, controls: pd.DataFrame | None, condition: str, dose: float
) -> list[Picture]:
    pictures = []
    if (shown["distance_bp"].abs() >= _PROXIMAL).any():
        beside = None if controls is None else _of(controls, condition, dose)
        fig, _ = effect_by_distance(shown, beside, proximal=_PROXIMAL)
        found = int((shown["fdr"] <= 0.1).sum())
        pictures.append(
            picture(
                fig,
                alt=f"Effect of {len(shown):,} edits against distance from the TSS; {found} with FDR <= 0.1",
                caption="Effect of each element on each gene, and of control regions.",
            )
        )
    if shown["element_id"].duplicated().any():
        fig, _ = most_affected_genes(shown)
        pictures.append(
            picture(
                fig,
                alt="How many genes lie between an element and the gene that it affects most",
                caption="Whether elements affect their nearest gene most.",
            )
        )
    return pictures


def _arcs(subject: Subject, shown: pd.DataFrame, strongest: pd.Series) -> Part:
    chrom, tss = strongest["chrom"], int(strongest["tss"])
    start, end = max(tss - _AROUND, 0), tss + _AROUND
    genes = (
        read_genes_table(subject.folders)
        if subject.manifest is not None
        else pd.DataFrame(columns=["gene_id", "name", "chrom", "start", "end", "strand"])
    )
    fig, _ = element_arcs(shown, genes, chrom=chrom, start=start, end=end)
    name = _gene_name(strongest)
    return picture(
        fig,
        alt=f"Effects of elements on genes around {name} ({chrom}:{start:,}-{end:,}) as arcs",
        caption=f"Links around {name}, which has the largest effect of an element outside its promoter: "
        "blue where the edit lowers the gene, red where it raises it.",
    )


def _profiles(
    subject: Subject, path: Path, shown: pd.DataFrame, strongest: pd.Series
) -> list[Part]:
    target = subject.spec.require_target()
    table = read_parquet(path, filters=[("window", "==", strongest["gene_id"])])
    table = table[table["condition"] == strongest["condition"]]
    bins = table.columns[-target.bins :]
    before = table[table["element_id"].fillna("") == ""]
    table = _of(table, strongest["condition"], strongest["dose"])
    of_gene = shown[shown["gene_id"] == strongest["gene_id"]]
    most = of_gene.sort_values("effect", key=np.abs, ascending=False, kind="stable")[:_PROFILES]
    after = table[table["element_id"].isin(most["element_id"])].drop_duplicates("element_id")
    if len(before) != 1 or after.empty:
        return []
    distances = after["element_id"].map(most.set_index("element_id")["distance_bp"])
    fig, _ = edited_profiles(
        before[bins].to_numpy(float)[0],
        after[bins].to_numpy(float),
        distances.to_numpy(float),
        target.binning,
    )
    name = _gene_name(strongest)
    return [
        picture(
            fig,
            alt=f"Predicted profile of {name} before and after the edit of {len(after)} elements",
            caption=f"{name} as predicted before any edit (black) and after the edit of each of the "
            f"{len(after)} elements with the largest effects; colours and marks tell where they lie.",
        )
    ]


def _links(shown: pd.DataFrame, folder: Path) -> Table:
    most = shown.sort_values("effect", key=np.abs, ascending=False, kind="stable")[:_LINKS]
    rows = [
        (
            _gene_name(row),
            row["element_id"],
            count(row["distance_bp"] / 1000),
            number(row["baseline"], 2),
            number(row["perturbed"], 2),
            number(row["effect"]),
            number(row["p"], 3),
            number(row["fdr"], 3),
        )
        for _, row in most.iterrows()
    ]
    return Table(
        f"The {len(rows)} largest effects of elements {_PROXIMAL:,} bp or more from the TSS "
        f"(all: {folder.as_posix()}/effects.parquet)",
        ("gene", "element", "distance (kb)", "before", "after", "effect (log2)", "p", "FDR"),
        tuple(rows),
    )


def _gene_name(row: pd.Series) -> str:
    return row["gene_name"] if isinstance(row["gene_name"], str) else row["gene_id"]


def crispr(subject: Subject) -> Section:
    """Return what comparisons with CRISPR screens say; nothing where there is none."""
    parts: list[Part] = []
    for summary in sorted((subject.run.path / "crispr").glob("*/summary.json")):
        files = CrisprFiles(summary.parent)
        told = read_record(files.summary, CrisprSummary, remedy="run 'claster crispr' again")
        left_out = tuple((f"not scored: {why}", f"{n:,}") for why, n in told.left_out.items())
        scores = read_table(files.scores)
        auprc = scores[scores["metric"] == "auprc"]
        rows = tuple(
            (
                *(row.subset, row.pairs, row.predictor, f"{row.links:,} of {row.n:,}"),
                interval(row.value, row.low, row.high),
            )
            for row in auprc.itertuples()
        )
        parts += [
            Subtitle(f"{told.table} ({files.folder.name})"),
            Lines(tuple(told.verdict.splitlines())),
            Facts((("pairs of the table", f"{told.rows:,}"), *left_out)),
            Pictures(
                tuple(
                    picture_of_file(
                        path, alt=f"{_words(path.stem)} of CRISPR pairs", caption=caption
                    )
                    for path, caption in (
                        (files.folder / "curves.png", "How well regulated pairs are told."),
                        (files.folder / "effects.png", "Predicted against measured effects."),
                    )
                    if path.is_file()
                )
            ),
            Table(
                "AUPRC by distance, screen and power; 'table' is of every pair, 'scored' of those with an "
                "effect",
                ("pairs", "of", "predictor", "regulated", "AUPRC"),
                rows,
            ),
        ]
    return Section("crispr", "CRISPR interference", tuple(parts))


_MOST_FIGURES = 12


def attribution(subject: Subject) -> Section:
    """Return the figures and the summary of each attribution."""
    title = "Attribution"
    folder = subject.run.path / "attributions"
    made = sorted(path.parent for path in folder.glob("*/manifest.json"))
    if not made:
        missing = Missing(
            "No attributions have been made yet.",
            (pasteable(["claster", "attribute", subject.name]),),
        )
        return Section("attribution", title, (missing,))
    parts: list[Part] = []
    for one in made:
        parts.append(Subtitle(one.name))
        parts += _summary(one / "summary.json")
        figures = sorted((one / "figures").glob("*.png"))[:_MOST_FIGURES]
        pictures = tuple(
            picture_of_file(
                path, alt=f"{_words(path.stem)} ({one.name})", caption=_words(path.stem)
            )
            for path in figures
        )
        if pictures:
            parts.append(Pictures(pictures))
    return Section("attribution", title, tuple(parts))


def _summary(path: Path) -> list[Part]:
    """Return the sentences of a JSON object, or its names and values where it holds none."""
    if not path.is_file():
        return []
    content = read_json(path, remedy="make the attribution again")
    listed = [value for value in content.values() if isinstance(value, list)]
    sentences = [item for values in listed for item in values if isinstance(item, str)]
    if sentences:
        return [Lines(tuple(sentences))]
    plain = (str, int, float)
    facts = [
        (_words(key), str(value)) for key, value in content.items() if isinstance(value, plain)
    ]
    return [Facts(tuple(facts))] if facts else []


def _words(name: str) -> str:
    return name.replace("_", " ")
