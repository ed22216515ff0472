"""What the check calls fine builds, and what the build refuses the check has refused."""

import gzip
import re
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from claster.dataset.build import build_dataset
from claster.dataset.doctor.check import check_dataset
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError

SIGNALS = ("ATAC.bw", "H3K27ac.bw", "plus.bw", "minus.bw")
FILES = (*SIGNALS, "contacts.cool", "genes.tsv", "chrom.sizes")

LEVELS = {
    "zeros": lambda starts: starts * 0.0,
    "negative": lambda starts: starts * 0.0 - 2,
    "mostly negative": lambda starts: np.where(starts % 500 == 0, 3.0, -2.0),
    "some negative": lambda starts: np.where(starts % 500 == 0, -3.0, 2.0),
    "a NaN": lambda starts: np.where(starts == 90_000, np.nan, 2.0),
    "infinite": lambda starts: np.where(starts == 90_000, np.inf, 2.0),
}
PLACES = {
    "a part": {"spans": [("chr1", 100_000, 180_000)]},
    "one chromosome": {"sizes": {"chr1": 400_000}},
    "short names": {"sizes": {"1": 400_000, "2": 200_000}},
    "other names": {"sizes": {"scaffold1": 400_000}},
    "other lengths": {"sizes": {"chr1": 400_000, "chr2": 210_000}},
    "no data": {"spans": [("chr1", 0, 50), ("chr2", 0, 50)], "values": lambda starts: starts * 0.0},
    "read ends": {"width": 1},
}
GENES = {
    "starts at ends": lambda rows: [_cells(row, {2: row.split("\t")[1]}) for row in rows],
    "no strand": lambda rows: [_cells(rows[0], {5: "."}), *rows[1:]],
    "past the end": lambda rows: [_cells(rows[-1], {1: "199000", 2: "260000"}), *rows[:-1]],
    "unknown chromosome": lambda rows: [_cells(row, {0: "chrUn"}) for row in rows[:9]] + rows[9:],
    "all elsewhere": lambda rows: [_cells(row, {0: "chrUn"}) for row in rows],
    "twice": lambda rows: [*rows, *rows[:4]],
    "none": lambda rows: [],
    "without ID": lambda rows: [_cells(rows[0], {6: ""}), *rows[1:]],
    "of another type": lambda rows: [_cells(row, {7: "lincRNA"}) for row in rows],
    "on one chromosome": lambda rows: [row for row in rows if row.startswith("chr1")],
    "few": lambda rows: rows[:3],
    "short names": lambda rows: [row.removeprefix("chr") for row in rows],
}
MATRICES = {
    "no weights": {"weights": False},
    "other resolution": {"resolution": 2000},
    "near the diagonal": {"near": 1},
    "shallow": {"depth": 0.5},
    "one chromosome": {"sizes": {"chr1": 400_000}},
    "other names": {"sizes": {"scaffold1": 400_000}},
    "short names": {"sizes": {"1": 400_000, "2": 200_000}},
    "other lengths": {"sizes": {"chr1": 400_000, "chr2": 210_000}},
}
WEIGHTS = {
    "none known": slice(None),
    "none of chr1 known": slice(0, 400),
    "none of chr2 known": slice(400, None),
    "some known": slice(10, 60),
}
TEXTS = {
    "genome.fa": {
        "small letters": str.lower,
        "without headers": lambda text: text.replace(">", ""),
        "without chr2": lambda text: text.partition(">chr2")[0],
        "of other names": lambda text: text.replace(">chr", ">scaffold"),
        "short names": lambda text: text.replace(">chr", ">"),
        "a base more": lambda text: text.replace(">chr1\n", ">chr1\nA"),
        "twice": lambda text: text + text,
        "all N": lambda text: re.sub("[ACGT]", "N", text),
        "lines of Windows": lambda text: text.replace("\n", "\r\n"),
        "one long line": lambda text: re.sub(r"(?<=[ACGT])\n(?=[ACGT])", "", text),
        "of a protein": lambda text: text.replace("A", "M"),
        "empty": lambda text: "",
    },
    "genome.fa.fai": {
        "of other lengths": lambda text: text.replace("400000", "300000"),
        "of other places": lambda text: text.replace("\t6\t", "\t9\t"),
        "no index": lambda text: "no index\n",
        "empty": lambda text: "",
    },
    "elements.bed": {
        "nowhere": lambda text: text.replace("chr", "scaffold"),
        "short names": lambda text: text.replace("chr", ""),
        "without end": lambda text: "chr1\t100\n",
        "turned round": lambda text: "chr1\t300\t100\te1\n",
        "twice": lambda text: text + text,
        "past the end": lambda text: text.replace("900", "900000"),
        "in quotes": lambda text: text.replace("chr1", '"chr1"'),
        "an ID with a slash": lambda text: text.replace("e1", "e/1"),
        "empty": lambda text: "",
    },
    "blacklist.bed": {
        "nowhere": lambda text: text.replace("chr", "scaffold"),
        "short names": lambda text: text.replace("chr", ""),
        "turned round": lambda text: "chr1\t300\t100\n",
        "all of chr1": lambda text: "chr1\t0\t400000\n",
        "everything": lambda text: "chr1\t0\t400000\nchr2\t0\t200000\n",
        "past the end": lambda text: "chr1\t100\t900000\n",
        "from 1e3 on": lambda text: "chr1\t1e3\t2000\n",
        "empty": lambda text: "",
    },
    "chrom.sizes": {
        "shorter": lambda text: text.replace("400000", "399000"),
        "without chr2": lambda text: "chr1\t400000\n",
        "short names": lambda text: text.replace("chr", ""),
        "in quotes": lambda text: text.replace("chr1", '"chr1"'),
        "two lengths": lambda text: text + "chr1\t9\n",
        "0 bp": lambda text: text.replace("200000", "0"),
        "with commas": lambda text: text.replace("400000", "400,000"),
        "empty": lambda text: "",
    },
    "genes.gtf": {
        "GENCODE's": str,
        "Ensembl's": lambda text: text.replace("gene_type", "gene_biotype").replace("chr", ""),
        "without quotes": lambda text: text.replace('"', ""),
        "without types": lambda text: re.sub("gene_type [^;]+; ", "", text),
        "without genes": lambda text: text.replace("\tgene\t", "\texon\t"),
        "lines of Windows": lambda text: text.replace("\n", "\r\n"),
        "GFF3": lambda text: re.sub('([a-z_]+) "([^"]+)"', r"\1=\2", text),
        "from 0 on": lambda text: text.replace("\t6001\t", "\t0\t"),
        "without strand": lambda text: text.replace("\t+\t", "\t.\t", 1),
        "twice": lambda text: text + text,
        "names that are missing values": lambda text: text.replace("chr1G3", "NA").replace(
            "chr1G5", "nan"
        ),
        "named so all": lambda text: re.sub('gene_name "[^"]+"', 'gene_name "A"', text),
        "twins": lambda text: text.replace("chr2G3.1", "ENSG00000000001.2_PAR_Y").replace(
            "chr1G3.1", "ENSG00000000001.2"
        ),
        "with a comment": lambda text: f"##gff-version 2\n#!x\n{text}#end\n",
        "empty": lambda text: "",
    },
    "values.tsv": {
        "as it is": str,
        "of words": lambda text: text.replace("\t5\n", "\tfive\n"),
        "below 0": lambda text: text.replace("\t5\n", "\t-5\n"),
        "infinite": lambda text: text.replace("\t5\n", "\tinf\n"),
        "unknown": lambda text: text.replace("\t5\n", "\tNA\n"),
        "all unknown": lambda text: re.sub(r"\t\d+", "\tNA", text),
        "all 0": lambda text: re.sub(r"\t\d+", "\t0", text),
        "twice": lambda text: text + text.partition("\n")[2],
        "with commas": lambda text: text.replace("\t", ","),
        "of other genes": lambda text: text.replace("chr", "x"),
        "short": lambda text: text[:-3],
        "in quotes": lambda text: re.sub("(chr[^\t]+)", r'"\1"', text),
        "an open quote": lambda text: text.replace("chr1G3", '"chr1G3'),
        "empty": lambda text: "",
    },
}
"""Kinds of text, and what is done to one in which nothing is wrong."""


def _swapped(file):
    for name in ("bin1_id", "bin2_id"):
        file[f"pixels/{name}"][:2] = file[f"pixels/{name}"][:2][::-1]


def _dataset(name, change):
    """Replace one of a cooler's arrays."""

    def replace(file):
        values = change(file[name][:])
        attributes = dict(file[name].attrs)
        del file[name]
        file[name] = values
        file[name].attrs.update(attributes)

    return replace


def _put(name, value, at=slice(3, 5)):
    """Set some values of one of a cooler's arrays."""

    def put(values):
        if np.asarray(value).dtype.kind == "f":
            values = values.astype(float)
        values[at] = value
        return values

    return _dataset(name, put)


def _gone(name):
    return lambda file: file.__delitem__(name)


HDF5 = {
    **{f"no {name}": _gone(name) for name in (
        "pixels", "pixels/count", "pixels/bin1_id", "bins", "bins/start", "bins/end", "bins/chrom",
        "bins/weight", "chroms", "chroms/length", "indexes", "indexes/bin1_offset", "indexes/chrom_offset",
    )},
    **{f"no attribute {name}": lambda file, name=name: file.attrs.__delitem__(name) for name in (
        "bin-size", "bin-type", "storage-mode", "nbins", "format",
    )},
    **{f"counts as {kind}": _dataset("pixels/count", lambda values, kind=kind: values.astype(kind))
       for kind in ("f4", "f8", "f2", "i1", "u8", "S4", "?")},
    **{f"weights as {kind}": _dataset("bins/weight", lambda values, kind=kind: values.astype(kind))
       for kind in ("f4", "f2", "i4", "S4", "?")},
    **{f"a count of {value}": _put("pixels/count", value) for value in (np.nan, np.inf, -3.0, 0, 2.5)},
    **{f"a weight of {value}": _put("bins/weight", value)
       for value in (np.nan, np.inf, -3.0, 0.0, 1e-300, 1e300)},
    "all weights 0": _put("bins/weight", 0.0, slice(None)),
    "all counts 0": _put("pixels/count", 0, slice(None)),
    "fewer weights": _dataset("bins/weight", lambda values: values[:-3]),
    "fewer counts": _dataset("pixels/count", lambda values: values[:-3]),
    "a table of weights": _dataset("bins/weight", lambda values: np.stack([values, values])),
    "bins beyond": _put("pixels/bin2_id", 10**6),
    "bins below 0": _put("pixels/bin1_id", -1),
    "rows turned round": _dataset("pixels/bin1_id", lambda values: values[::-1]),
    "two pixels exchanged": _swapped,
    "index of zeros": _put("indexes/bin1_offset", 0, slice(None)),
    "index beyond": _put("indexes/bin1_offset", 10**9),
    "places of chromosomes beyond": _put("indexes/chrom_offset", 10**9, slice(1, 2)),
    "bins off the grid": _dataset("bins/start", lambda values: values + 7),
    "starts of words": _dataset("bins/start", lambda values: values.astype("S8")),
    "lengths of 0": _put("chroms/length", 0, slice(None)),
    "names of bytes beyond ASCII": _dataset("chroms/name", lambda values: np.array([b"chr\xff", b"chr2"])),
    "names twice": _dataset("chroms/name", lambda values: np.array([b"chr1", b"chr1"])),
    "bin size 0": lambda file: file.attrs.__setitem__("bin-size", 0),
    "bin size of words": lambda file: file.attrs.__setitem__("bin-size", "fixed"),
    "another bin size": lambda file: file.attrs.__setitem__("bin-size", 2000),
    "bins of all widths": lambda file: file.attrs.__setitem__("bin-type", "variable"),
    "square": lambda file: file.attrs.__setitem__("storage-mode", "square"),
    "a strange storage": lambda file: file.attrs.__setitem__("storage-mode", 7),
    "weights that divide": lambda file: file["bins/weight"].attrs.update({"divisive_weights": True}),
    "weights that perhaps divide": lambda file: file["bins/weight"].attrs.update({"divisive_weights": "x"}),
    "a group for counts": lambda file: (file.__delitem__("pixels/count"), file.create_group("pixels/count")),
    "a link to nowhere": lambda file: (
        file.__delitem__("pixels/count"),
        file.__setitem__("pixels/count", h5py.SoftLink("/nowhere")),
    ),
}  # fmt: skip
"""What is done to a cooler inside its file."""

SETTINGS = (
    {"contacts": None},
    {"contacts/balance": False},
    {"contacts/balance": "KR"},
    {"contacts/max_missing": 0.0},
    {"contacts/rows": 300},
    {"contacts/map": "paper_square", "contacts/rows": None},
    {"target": None},
    {"target/smoothing": 0, "target/bin": 30},
    {"target/strands": "sense"},
    {"target/strands": "apart"},
    {"target/transform": "log1p", "target/statistic": "sum"},
    {"target/conditions/0/minus_values": "positive"},
    {"target/bins": 501},
    {"tracks/0/scale": "q99"},
    {"tracks/1/scale": "mean", "tracks/1/transform": "asinh"},
    {"tracks/0/floor": 1e6},
    {"window/bins": 5001},
    {"window/bins": 3001, "edges": "pad"},
    {"window/layout": "rows"},
    {"summary": "mean_covered"},
    {"on_error": "drop"},
    {"splits/valid": [], "splits/test": []},
    {"splits": {"folds": 3}},
    {"splits/test": ["chr1", "chr2"]},
    {"splits/test": ["chr9"]},
    {"splits/allow_shared_windows": True},
    {"regions": ["chr1:0-120,000"]},
    {"regions": ["chr1:0-5,000"]},
    {"genes/types": None},
    {"genes/types": ["lincRNA"]},
    {"genes/exclude_chromosomes": ["chr1"]},
    {"genes/exclude_chromosomes": ["chr1", "chr2"]},
    {"chrom_sizes": None},
    {"scales_from": "unbuilt"},
)


ZOOMS = ("/resolutions/1000", "/resolutions/2000", "/resolutions/x", "/13", "/cells/A")
"""Groups of a file that a matrix may lie in."""


def _cells(row, changes):
    cells = row.split("\t")
    for column, value in changes.items():
        cells[column] = value
    return "\t".join(cells)


def _set(content, changes):
    for path, value in changes.items():
        *parts, last = path.split("/")
        here = content
        for part in parts:
            here = here[int(part)] if isinstance(here, list) else here.get(part)
            if here is None:
                return
        here[last] = value


FAULTS = st.one_of(
    st.tuples(st.just("level"), st.sampled_from(SIGNALS), st.sampled_from(sorted(LEVELS))),
    st.tuples(st.just("place"), st.sampled_from(SIGNALS), st.sampled_from(sorted(PLACES))),
    st.tuples(st.just("cut"), st.sampled_from(FILES), st.sampled_from([0, 0.2, 0.5, 0.9, 0.999])),
    st.tuples(st.just("pack"), st.sampled_from(FILES), st.just("")),
    st.tuples(st.just("genes"), st.just("genes.tsv"), st.sampled_from(sorted(GENES))),
    st.tuples(st.just("matrix"), st.just("contacts.cool"), st.sampled_from(sorted(MATRICES))),
    st.tuples(st.just("weights"), st.just("contacts.cool"), st.sampled_from(sorted(WEIGHTS))),
    st.tuples(st.just("exchange"), st.just("plus.bw"), st.just("minus.bw")),
    st.tuples(st.just("hdf5"), st.just("contacts.cool"), st.sampled_from(sorted(HDF5))),
    *(
        st.tuples(st.just("text"), st.just(name), st.sampled_from(sorted(TEXTS[name])))
        for name in TEXTS
    ),
    st.tuples(st.just("zoom"), st.just("contacts.cool"), st.sampled_from(ZOOMS)),
    st.tuples(st.just("settings"), st.just(""), st.sampled_from(SETTINGS)),
)


def _gtf(rows):
    cells = [row.split("\t") for row in rows]
    return "".join(
        f"{chrom}\tHAVANA\tgene\t{int(start) + 1}\t{end}\t.\t{strand}\t.\t"
        f'gene_id "{gene}"; gene_type "{kind}"; gene_name "{name}";\n'
        for chrom, start, end, name, _, strand, gene, kind in cells
    )


def _values(rows):
    return "gene\trpkm\n" + "".join(f"{row.split('\t')[6]}\t{n}\n" for n, row in enumerate(rows))


def _spoil(folder, content, fault, small):
    kind, name, how = fault
    path = folder / name
    sign = -1.0 if name == "minus.bw" else 1.0
    match kind:
        case "level":
            small.track(path, values=LEVELS[how], sign=sign)
        case "place":
            small.track(path, sign=sign, **PLACES[how])
        case "cut":
            path.write_bytes(path.read_bytes()[: int(how * path.stat().st_size)])
        case "pack":
            path.write_bytes(gzip.compress(path.read_bytes()))
        case "genes":
            path.write_text("\n".join([small.header, *GENES[how](small.genes())]) + "\n")
        case "matrix":
            small.cooler(path, **MATRICES[how])
        case "weights":
            small.cooler(path)
            with h5py.File(path, "r+") as file:
                weights = file["bins/weight"]
                values = weights[:]
                values[WEIGHTS[how]] = np.nan
                weights[:] = values
        case "hdf5":
            with h5py.File(path, "r+") as file, suppress(KeyError):  # gone already
                HDF5[how](file)
        case "zoom":
            with h5py.File(path, "r") as one, h5py.File(folder / "zoom", "w") as file:
                group = file.create_group(how)
                group.attrs.update(one.attrs)
                for part in one:
                    one.copy(part, group)
            (folder / "zoom").replace(path)
        case "text":
            if name == "genes.gtf":
                path.write_text(_gtf(small.genes()))
                content["genes"]["file"] = name
            elif name == "values.tsv":
                path.write_text(_values(small.genes()))
                content["target"] = {"table": name, "id": "gene", "value": "rpkm"}
            path.write_text(TEXTS[name][how](path.read_text()))
        case "exchange":
            plus, minus = folder / "plus.bw", folder / "minus.bw"
            kept = plus.read_bytes()
            shutil.copy(minus, plus)
            minus.write_bytes(kept)
        case "settings":
            _set(content, how)


def _agree(pristine, small, faults):
    with tempfile.TemporaryDirectory() as place:
        folder = Path(shutil.copytree(pristine, Path(place) / "source"))
        content = small.content() | {"data": str(folder)}
        for fault in faults:
            _spoil(folder, content, fault, small)
        try:
            spec = DatasetSpec.model_validate({k: v for k, v in content.items() if v is not None})
        except ValueError:
            return
        report = check_dataset(spec.within(Path(place) / "project"))
        said = [f"{f.item}: {f.evidence}" for f in report.findings if f.verdict == "fault"]
        try:
            built, refused = build_dataset(spec.within(Path(place) / "project")), ""
        except ClasterError as error:
            built, refused = None, str(error)
        assert bool(said) == bool(refused), f"check: {said or 'fine'}; build: {refused or 'runs'}"
        assert built is None or sum(built.manifest.genes_kept.values())


@pytest.mark.slow
@seed(7)
@settings(max_examples=16, database=None)
@given(st.lists(FAULTS, min_size=0, max_size=3))
def test_check_and_build_agree(pristine, small, faults):
    _agree(pristine, small, faults)


@pytest.mark.slow
@seed(11)
@settings(max_examples=150, database=None)
@given(st.lists(FAULTS, min_size=1, max_size=3))
def test_check_and_build_agree_on_many(pristine, small, faults):
    _agree(pristine, small, faults)
