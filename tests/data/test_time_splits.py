import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxmrl.data.dates import read_dates
from jaxmrl.data.group_splits import lots
from jaxmrl.data.time_splits import rolling_origins, time_split
from jaxmrl.errors import DataError

PATH = Path("t.csv")
VALID, TRAIN = np.uint64(0), np.uint64(1)
"""Hashes of molecules that validate and do not, for seed 42."""

DAYS = st.lists(st.integers(0, 200), min_size=30, max_size=300).filter(lambda days: len(set(days)) > 8)


def dates_of(days) -> np.ndarray:
    return (np.datetime64("2020-01-01") + np.array(days)).astype("datetime64[s]")


def read(*texts: str) -> list[str]:
    return read_dates(PATH, "date", list(texts), list(range(2, len(texts) + 2)))[0].astype(str).tolist()


@given(DAYS)
def test_training_is_older_than_validation_and_that_than_the_test(days):
    dates = dates_of(days)
    split = time_split(dates)
    assert sorted(np.concatenate(list(split.parts().values()))) == list(range(len(dates)))
    assert dates[split.train].max() < dates[split.valid].min()
    assert dates[split.valid].max() < dates[split.test].min()


def test_time_split_meets_its_shares_where_dates_allow():
    split = time_split(dates_of(np.random.default_rng(0).permutation(1000)))
    assert [len(part) for part in split.parts().values()] == [800, 100, 100]
    years = np.repeat(np.array(["2019", "2020", "2021"], "datetime64[s]"), [10, 80, 10])
    assert [len(part) for part in time_split(years).parts().values()] == [10, 80, 10]
    with pytest.raises(DataError, match=r"three different dates.*got 2019-01-01 and 2020-01-01"):
        time_split(years[:20])


@given(DAYS, st.integers(1, 6))
def test_rolling_origins_train_on_the_past_and_test_on_the_next_block(days, cuts):
    dates, canonical = dates_of(days), lots(np.arange(len(days), dtype=np.uint64), 3)
    canonical[np.argsort(dates, kind="stable")[:2]] = VALID, TRAIN
    origins = rolling_origins(dates, canonical, cuts, 42)
    assert len(origins) == cuts
    tested = np.concatenate([origin.test for origin in origins])
    assert sorted(tested) == np.flatnonzero(dates >= np.datetime64(origins[0].cut)).tolist()
    for origin in origins:
        past = np.concatenate([origin.train, origin.valid])
        assert sorted(past) == np.flatnonzero(dates < np.datetime64(origin.cut)).tolist()
        assert len(origin.test)
    for one, after in itertools.pairwise(origins):
        assert set(one.valid) <= set(after.valid)
        assert set(one.train) < set(after.train)


def test_three_tenths_come_before_the_first_cut_and_blocks_are_equal():
    origins = rolling_origins(dates_of(range(100)), lots(np.arange(100, dtype=np.uint64), 3), 7, 42)
    assert [len(origin.train) + len(origin.valid) for origin in origins] == [30, 40, 50, 60, 70, 80, 90]
    assert [len(origin.test) for origin in origins] == [10] * 7


def test_rolling_origins_need_dates():
    with pytest.raises(DataError, match="6 cut dates need at least 7 different dates; got 3"):
        rolling_origins(dates_of([0, 1, 2] * 10), np.arange(30, dtype=np.uint64), 6, 42)
    with pytest.raises(DataError, match="3 cut dates need at least 4 different dates; got 3"):
        rolling_origins(dates_of([0, 1, 2] * 10), np.arange(30, dtype=np.uint64), 3, 42)
    canonical = np.full(30, TRAIN)
    canonical[:3] = VALID
    assert [origin.cut for origin in rolling_origins(dates_of([0, 1, 2] * 10), canonical, 2, 42)] == [
        "2020-01-02",
        "2020-01-03",
    ]


@pytest.mark.parametrize("all_of", ["TRAIN", "VALID"])
def test_the_past_of_an_origin_needs_training_and_validation(all_of):
    canonical = np.full(30, {"TRAIN": TRAIN, "VALID": VALID}[all_of])
    with pytest.raises(DataError, match="10 molecules before the cut date 2020-01-02 are too few"):
        rolling_origins(dates_of([0, 1, 2] * 10), canonical, 2, 42)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2021-03-04", "2021-03-04"),
        ("2021/3/4", "2021-03-04"),
        ("2021-03-04T12:30:05", "2021-03-04T12:30:05"),
        ("2021-03-04 12:30", "2021-03-04T12:30"),
        ("2021-03-04T23:30:00+02:00", "2021-03-04T21:30"),
        ("2021-03-04T21:30:00Z", "2021-03-04T21:30"),
        ("20210304", "2021-03-04"),
        ("2021-03", "2021-03-01"),
        ("2021", "2021-01-01"),
        ("04.03.2021", "2021-03-04"),
        ("31/03/2021", "2021-03-31"),
        ("03/31/2021", "2021-03-31"),
        ("03/31/2021 1:05 PM", "2021-03-31T13:05"),
        ("03/31/2021 1:05:30PM", "2021-03-31T13:05:30"),
        ("2021-03-04 12:30:05.250", "2021-03-04T12:30:05"),
        ("4 Mar 2021", "2021-03-04"),
        ("04-MAR-2021", "2021-03-04"),
        ("March 4, 2021", "2021-03-04"),
        ("Mar 2021", "2021-03-01"),
    ],
)
def test_usual_dates_are_read(text, day):
    assert read(text, "") == [str(np.datetime64(day, "s")), "NaT"]


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["03/04/2021", "05/06/2021"], "line 2.*may be DD/MM/YYYY or MM/DD/YYYY"),
        (["13/04/2021", "05/16/2021"], "day first.*the month"),
        (["2021-03-04", "04.03.2021"], "line 3.*written as DD.MM.YYYY, and line 2 .*as YYYY-MM-DD"),
        (["2021", "2021-03"], "in the same format"),
        (["2021-02-30"], "not a valid date between"),
        (["1021-02-03"], "not a valid date between"),
        (["44197"], "an Excel serial number"),
        (["04/03/21"], "a two-digit year"),
        (["04-Mar-21"], "a two-digit year"),
        (["soon"], "'soon' is not a date; expected dates such as"),
        (["2021-03-04 25:00"], "not a valid date between"),
        (["Foo 4, 2021"], "not a valid date between"),
        (["", "n/a"], "no cell has a date"),
    ],
)
def test_other_dates_are_refused(texts, said):
    with pytest.raises(DataError, match=said):
        read(*texts)
