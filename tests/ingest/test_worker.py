"""The worker in this process, when what it needs is not to be had."""

import asyncio
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async
from pytest_django import Settings

from calls.directory.models import Feed, WorkerStatus
from ingest.worker import Plan, Worker

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
