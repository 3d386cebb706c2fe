from threading import Event, Thread, current_thread
from typing import Any

import pytest

from calls.beside import beside


def test_work_goes_on_beside_the_block_and_is_over_with_it() -> None:
    begun, may_end, done = Event(), Event(), []

    def work() -> None:
        begun.set()
        may_end.wait()
        done.append(current_thread())

    with beside(work):
        begun.wait()
        assert not done
        may_end.set()
    assert done
    assert done[0] is not current_thread()


def test_what_it_raises_is_raised_by_the_block() -> None:
    passed = []
    with pytest.raises(ZeroDivisionError), beside(lambda: 1 // 0):  # type: ignore[arg-type, return-value]
        passed.append("the block")
    assert passed


def test_an_error_of_the_block_waits_for_it() -> None:
    may_end, done = Event(), []

    def work() -> None:
        may_end.wait()
        done.append(True)

    def block() -> None:
        with beside(work):
            may_end.set()
            raise KeyError

    with pytest.raises(KeyError):
        block()
    assert done


def test_without_another_thread_it_is_done_first(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_thread: Any) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Thread, "start", refuse)
    done = []
    with beside(lambda: done.append(True)):
        assert done
