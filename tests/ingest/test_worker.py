"""The worker in this process, when what it needs is not to be had."""

import asyncio
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone
from pytest_django import Settings

from calls.directory.models import Feed, WorkerStatus
from ingest.models import JournalPosition
from ingest.worker import Plan, Worker, old_and_stored

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_feed_whose_journal_cannot_be_made_says_so_and_harms_no_other(
    tmp_path: Path, settings: Settings
) -> None:
    settings.SMDR_DATA_DIR = tmp_path
    good = await Feed.objects.acreate(name="Head office")
    bad = await Feed.objects.acreate(name="Branch")
    obstacle = tmp_path / "journal" / str(bad.pk)
    obstacle.parent.mkdir()
    obstacle.touch()
    worker = Worker(Plan())
    work = asyncio.create_task(worker.run())
    await worker.ready.wait()
    assert set(worker.feeds) == {good.pk}
    status = await WorkerStatus.objects.aget(feed=bad)
    assert "The journal cannot be made: Not a directory" in status.error
    obstacle.unlink()
    async with asyncio.timeout(60):
        while bad.pk not in worker.feeds or (await WorkerStatus.objects.aget(feed=bad)).error:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    worker.stop()
    await work
    assert await sync_to_async(WorkerStatus.objects.filter(signed_off=True).count)() == 2


async def test_a_feed_that_takes_long_to_end_holds_up_no_other(tmp_path: Path, settings: Settings) -> None:
    settings.SMDR_DATA_DIR = tmp_path
    kept = await Feed.objects.acreate(name="Head office")
    ended = await Feed.objects.acreate(name="Branch")
    worker = Worker(Plan())
    work = asyncio.create_task(worker.run())
    await worker.ready.wait()
    loading, may_end = worker.feeds[ended.pk].loading, threading.Event()
    join = loading.join

    def join_slowly() -> None:
        may_end.wait()
        join()

    loading.join = join_slowly  # type: ignore[method-assign] - as one whose database is slow
    await Feed.objects.filter(pk=ended.pk).aupdate(active=False)
    await until(lambda: ended.pk not in worker.feeds)
    before = (await WorkerStatus.objects.aget(feed=kept)).heartbeat_at
    async with asyncio.timeout(60):
        while not await WorkerStatus.objects.filter(feed=kept, heartbeat_at__gt=before).aexists():  # noqa: ASYNC110 - a database rings no bell
            await asyncio.sleep(0.05)
    assert not (await WorkerStatus.objects.aget(feed=ended)).signed_off
    may_end.set()
    async with asyncio.timeout(60):
        while await WorkerStatus.objects.filter(feed=ended, signed_off=False).aexists():  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    worker.stop()
    await work


def test_a_worker_long_gone_stays_known_while_its_lines_wait() -> None:
    feed = Feed.objects.create(name="Head office")
    long_ago = timezone.now() - timedelta(days=3)
    for name, accepted, sequence in (("all stored", 7, 8), ("some wait", 7, 5), ("took in nothing", 0, 1)):
        WorkerStatus.objects.create(
            feed=feed, worker=name, heartbeat_at=long_ago, started_at=long_ago, accepted=accepted, journal=len(name)
        )
        JournalPosition.objects.create(feed=feed, journal=len(name), sequence=sequence)
    assert set(old_and_stored([feed.pk], timezone.now()).values_list("worker", flat=True)) == {
        "all stored",
        "took in nothing",
    }


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - it is a thread's, which rings no bell here
            await asyncio.sleep(0.05)
