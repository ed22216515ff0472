"""What a YAML file says: every key once, words as they are written, nothing without end."""

import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from claster.dataset.load import load_dataset, read_experiment
from claster.dataset.yaml_file import read_keys, read_yaml, to_yaml
from claster.errors import ClasterError

WORDS = st.characters(max_codepoint=0xFFFD, exclude_categories=["Cs", "Cc"])
BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 10)}]\n"
    for before, name in zip("abcdefg", "bcdefgh", strict=True)
)


@pytest.fixture
def written(tmp_path):
    """Return a function that writes a YAML file of text or bytes and returns its path."""

    def write(content):
        path = tmp_path / "x.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3\n", "line 3: the key 'a' is there twice, first in line 1"),
        ("t:\n  - {name: A,\n     file: a, file: b}\n", "line 3: the key 'file' is there twice, in one"),
        ("t: [{a: 1}]\n'a': 1\nt: 2\n", "line 3: the key 't' is there twice, first in line 1"),
        ("a: 1\n'a': 2\n", "line 2: the key 'a' is there twice, first in line 1"),
        ("x: &x {k: 1}\ny: {<<: *x, <<: *x}\n", "line 2: the key '<<' is there twice"),
        ("a: 1\n---\nb: 2\n", "line 2: this is not YAML .*another document"),
        ("a:\n\t- b\n", r"line 2: this is not YAML .*cannot start any token"),
        ("", "holds no keys: start"),
        ("# only a comment\n", "holds no keys: start"),
        ("[a, b]\n", "holds no keys, but a list"),
        ("word\n", "holds no keys, but a word"),
        ("a: {1: x}\n", "line 1: '1' as a key"),
        ("? [a, b]\n: x\n", "line 1: a list or keys as a key"),
        ("a: !!python/object:os.system x\n", "line 1: a value of the kind"),
        ("a: !!set {b, c}\n", "line 1: a value of the kind set"),
        ("a: !!int twelve\n", "line 1: 'twelve' is no int"),
        ("a: &a [*a]\n", "nested more than 50 deep, or leads back into itself"),
        ("a: " + "[" * 5000, "nested more than 50 deep"),
        ("a: *gone\n", "line 1: this is not YAML"),
        (f"a: {'7' * 5000}\n", "line 1: '777.* is no int"),
        (BOMB, "comes to more than 200,000 values"),
        (b"a: \xff\xfe\n", "x.yaml"),
        (b"a: \x01\n", "x.yaml"),
        (r'a: "\0"', "line 1: .* holds characters that cannot be printed"),
        (r'a: "\e[31m"', "line 1: .* holds characters that cannot be printed"),
        (r'a: "\ud800"', "line 1: .* holds characters that cannot be printed"),
        (r'"\0": a', "line 1: .* holds characters that cannot be printed"),
    ],
)  # fmt: skip
def test_what_has_no_plain_meaning_is_refused_in_one_line(written, text, said):
    with pytest.raises(ClasterError, match=said) as caught:
        read_keys(written(text), remedy="start again")
    assert "\n" not in str(caught.value)


def test_words_are_words_and_numbers_numbers(written):
    text = """\
words: [no, off, NO, yes, on, 010, 12:30, 2024-01-01, 0x1f, 1_000, X, '1', =]
numbers: [1, -2, 1e3, 2.5, 1.0e-05, .5, +7, 0]
truth: [true, False]
none: [~, null, ]
"""
    found = read_yaml(written(text))[0]
    assert found["words"] == [
        *("no", "off", "NO", "yes", "on", "010", "12:30", "2024-01-01", "0x1f", "1_000"),
        *("X", "1", "="),
    ]
    assert found["numbers"] == [1, -2, 1000.0, 2.5, 1e-5, 0.5, 7, 0]
    assert found["truth"] == [True, False]
    assert found["none"] == [None, None]


def test_anchors_and_merge_keys_count(written):
    path = written("base: &b {transform: log1p, clip: 5}\ntrack: {<<: *b, clip: 7}\n")
    content, places = read_yaml(path)
    assert content["track"] == {"transform": "log1p", "clip": 7}
    assert places.of(("track", "clip")).endswith("line 2")


@settings(derandomize=True, max_examples=60)
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False)
        | st.text(WORDS, max_size=8),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.text("abcxyz-_", min_size=1, max_size=5), inner, max_size=4)
        ),
        max_leaves=12,
    )
)
def test_what_is_written_with_json_is_read_as_it_was(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("yaml") / "x.yaml"
    path.write_text(json.dumps({"content": content}), encoding="utf-8")
    assert read_yaml(path)[0] == {"content": content}


def test_a_key_twice_in_a_dataset_and_in_an_experiment(world):
    path = world / "configurations/datasets/small.yaml"
    text = path.read_text()
    path.write_text(text + "name: other\n")
    last = text.count("\n") + 1
    with pytest.raises(
        ClasterError, match=rf"line {last}: the key 'name' is there twice, first in line 1"
    ):
        load_dataset("small")
    path.write_text(text)
    experiments = world / "configurations/experiments"
    experiments.mkdir()
    (experiments / "two.yaml").write_text("about: x\nof: a\nof: b\n")
    with pytest.raises(ClasterError, match="line 3: the key 'of' is there twice, first in line 2"):
        read_experiment("two")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"window": {"bin": 100, "bins": True}}, "window.bins|line .*: window: true is neither"),
        ({"simulation": {"seed": True}}, "true is neither a number nor a name"),
        ({"tracks": [{"name": "A", "file": "a", "clip": float("inf")}]}, "finite"),
        ({"genes": {"file": "genes.tsv", "types": ["a", "b", "a"]}}, "'a' is there twice"),
        ({"splits": {"test": ["chr2", "chr2"]}}, "'chr2' is there twice"),
        ({"tracks": [{"name": 7, "file": "a"}]}, "must be a word, not 7"),
    ],
)
def test_values_that_are_something_else(edited, change, said):
    with pytest.raises(ClasterError, match=said):
        edited(lambda content: content.update(change))


def test_a_whole_number_stands_for_a_chromosome(edited):
    spec = edited(
        lambda content: content.update(
            splits={"valid": [1], "test": [2]},
            regions=[1, "2"],
            genes={"file": "genes.tsv", "exclude_chromosomes": [3]},
        )
    )
    assert spec.splits.valid == ("1",)
    assert spec.regions == ("1", "2")
    assert spec.genes.exclude_chromosomes == ("3",)


@pytest.mark.parametrize(
    ("written_word", "meant"), [("yes", True), ("Off", False), ("KR", "KR"), ("true", True)]
)
def test_balance_by_word(world, written_word, meant):
    path = world / "configurations/datasets/small.yaml"
    content = yaml.safe_load(path.read_text())
    del content["contacts"]
    contacts = f"contacts: {{file: c.cool, resolution: 1000, rows: 4, balance: {written_word}}}\n"
    path.write_text(yaml.safe_dump(content) + contacts)
    assert load_dataset("small").contacts.balance == meant


@pytest.mark.parametrize("word", ["1e3", "010", "no", "0x1", "12:30", "~", "<<", "2024-01-01", "é"])
def test_what_is_written_reads_the_same_in_both_versions_of_yaml(tmp_path, word):
    content = {"b": {word: [word, 1e-05, 1e16, None, True, 7]}, "a": 0.1}
    path = tmp_path / "x.yaml"
    path.write_text(to_yaml(content))
    found, _ = read_yaml(path)
    assert found == content == yaml.load(path.read_text(), Loader=yaml.FullLoader)
    assert list(found) == ["b", "a"]
    assert [type(value) for value in found["b"][word]] == [str, float, float, type(None), bool, int]
