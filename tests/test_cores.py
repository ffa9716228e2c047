import math
import os
import threading

import pytest
import torch

from netspace.cores import cores, even_share, in_parallel


def test_work_in_parallel_keeps_its_order_and_runs_in_single_threads() -> None:
    before = torch.get_num_threads()
    seen = in_parallel(lambda i: (i, torch.get_num_threads(), threading.current_thread().name), range(8))
    assert [i for i, _, _ in seen] == list(range(8))
    assert {threads for _, threads, _ in seen} == {1}
    assert torch.get_num_threads() == before
    assert in_parallel(lambda _: threading.current_thread(), [0]) == [threading.current_thread()]


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="threads cannot be held on a core here")
def test_threads_stay_on_a_core_each_where_there_is_one_for_each() -> None:
    everyone, count = threading.Barrier(cores().count), cores().count

    def place(_: int) -> frozenset[int]:
        everyone.wait()
        return frozenset(os.sched_getaffinity(0))

    here = os.sched_getaffinity(0)
    places = set(in_parallel(place, range(count))) if count > 1 else {frozenset(here)}
    assert len(places) == (count if len(here) == count else 1)
    assert set.union(*map(set, places)) == set(here)
    assert os.sched_getaffinity(0) == here


@pytest.mark.parametrize("count", [1, 2, 47, 3000, 6144, 6145, 100_000])
def test_shares_are_even_and_not_too_large(count: int) -> None:
    share = even_share(count, 3072)
    assert 1 <= share <= 3072
    shares = math.ceil(count / share)
    assert shares <= cores().count * math.ceil(count / (cores().count * 3072))
    assert shares * share - count < shares
