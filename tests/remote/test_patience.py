from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from hypothesis import given
from hypothesis import strategies as st

from claster.remote.journal import Journal, read_journal, write_journal
from claster.remote.patience import Patience, retry_after, wait_before

PATIENCE = Patience(first_wait=1.0, longest_wait=60.0)


@given(attempt=st.integers(1, 50))
def test_waits_double_up_to_the_longest(attempt):
    longest = min(60.0, 2.0 ** (attempt - 1))
    assert longest / 2 <= wait_before(attempt, asked=None, patience=PATIENCE) <= longest


def test_what_the_server_asks_for_counts_up_to_the_longest_wait():
    assert wait_before(1, asked=20.0, patience=PATIENCE) == 20.0
    assert wait_before(1, asked=3600.0, patience=PATIENCE) == 60.0
    assert wait_before(10, asked=0.0, patience=PATIENCE) >= 30.0


def test_seconds_and_dates():
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    later = format_datetime(now + timedelta(seconds=90), usegmt=True)
    assert retry_after(later, now=now) == 90.0
    assert retry_after("7") == 7.0
    assert [retry_after(text) for text in (None, "-1", "²", "tomorrow")] == [None] * 4


def test_journals_survive_or_are_none(tmp_path):
    path = tmp_path / "journal"
    assert read_journal(path) is None
    journal = Journal(url="http://x/y", etag='"1"', total=10, flushed=5)
    write_journal(path, journal)
    assert read_journal(path) == journal
    for broken in ("", "[]", '{"url": 3}', '{"url": "http://x/y", "format": 2}'):
        path.write_text(broken)
        assert read_journal(path) is None


def test_what_tells_two_files_apart():
    one = Journal(url="u", etag='"1"', last_modified="a", total=10)
    assert one.is_same_file(Journal(url="u"))
    assert one.is_same_file(Journal(url="u", etag='"1"', last_modified="b"))
    assert not one.is_same_file(Journal(url="u", etag='"2"', last_modified="a"))
    assert not one.is_same_file(Journal(url="u", last_modified="b"))
    assert not one.is_same_file(Journal(url="u", etag='"1"', total=11))
