"""When to come back: the waits between attempts, and what a server's headers can be trusted with."""

import time
from dataclasses import replace
from email.utils import formatdate
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claster.dataset.downloads.partial import Journal, find_partial
from claster.dataset.downloads.request import Patience

PATIENCE = Patience(attempts=50, first_wait=1.0, longest_wait=60.0)


@given(attempt=st.integers(1, 49))
def test_waits_double_up_to_the_longest(attempt):
    retry = PATIENCE.retry()
    for _ in range(attempt):
        retry = retry.increment(error=OSError())
    doubled = 2.0 ** (attempt - 1)
    assert min(60.0, doubled) <= retry.get_backoff_time() <= min(60.0, doubled + 0.5)


def test_a_server_that_breaks_every_connection_is_not_asked_without_a_pause(
    archive, bring, make_bigwig, faults, hurry
):
    url = archive.put("/x.bw", make_bigwig(10_000))
    archive.fail("/x.bw", *[faults.cut(5000), faults.cut(1000), faults.cut(1000)])
    bring(url, patience=replace(hurry, first_wait=0.1))
    asked = [entry.at for entry in archive.log]
    assert min(after - before for before, after in pairwise(asked)) >= 0.1


@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [
        ("0", 0.0, 0.2),
        ("0.5", 0.0, 0.2),  # no number of seconds as RFC 9110 has it
        ("-1", 0.0, 0.2),
        ("²", 0.0, 0.2),
        ("tomorrow", 0.0, 0.2),
        ("9" * 5000, 0.0, 0.2),
        ("Fri, 31 Dec 99999999999999999999 23:59:59 GMT", 0.0, 0.2),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 0.0, 0.2),
        ("1", 0.3, 0.6),
        pytest.param(formatdate(time.time() + 3600, usegmt=True), 0.3, 0.6, id="in an hour"),
    ],
)
def test_what_the_server_asks_for_counts_up_to_the_longest_wait(
    archive, bring, make_bigwig, faults, hurry, asked, least, most
):
    url = archive.put("/x.bw", make_bigwig(1000))
    archive.fail("/x.bw", faults.status(429, Retry_After=asked))
    bring(url, patience=replace(hurry, longest_wait=0.3))
    assert least <= archive.log[1].at - archive.log[0].at <= most


def journal_beside(folder, text, *, url="http://x/y"):
    (folder / ".x.bw.part").write_bytes(bytes(5))
    (folder / ".x.bw.part.json").write_text(text)
    return find_partial(folder / "x.bw", url=url)


def test_journals_survive_or_are_none(tmp_path):
    assert find_partial(tmp_path / "x.bw", url="http://x/y") == (0, None)
    journal = Journal(url="http://x/y", etag='"1"', total=10, flushed=5)
    text = journal.model_dump_json()
    assert Journal.model_validate_json(text) == journal
    assert journal_beside(tmp_path, text) == (5, 10)
    assert journal_beside(tmp_path, text, url="http://x/z") == (0, None)
    for broken in ("", "[]", '{"url": 3}', '{"url": "http://x/y", "format": 2}'):
        assert journal_beside(tmp_path, broken) == (0, None)


def test_what_tells_two_files_apart():
    one = Journal(url="u", etag='"1"', last_modified="a", total=10)
    assert one.is_same_file(Journal(url="u"))
    assert one.is_same_file(Journal(url="u", etag='"1"', last_modified="b"))
    assert not one.is_same_file(Journal(url="u", etag='"2"', last_modified="a"))
    assert not one.is_same_file(Journal(url="u", last_modified="b"))
    assert not one.is_same_file(Journal(url="u", etag='"1"', total=11))


@pytest.mark.parametrize("year", ["99999", "9" * 30, "9" * 5000])
def test_dates_that_are_none_vouch_for_nothing(year):
    date = f"Fri, 31 Dec {year} 23:59:59 GMT"
    assert Journal(url="u", last_modified=date, date=formatdate(usegmt=True)).validator is None


@pytest.mark.parametrize("spoilt", ['"v\r\n 1"', '"v1\x1b[31m"'])
def test_tags_that_cannot_be_sent_back_vouch_for_nothing(spoilt):
    assert Journal(url="u", etag=spoilt).validator is None
