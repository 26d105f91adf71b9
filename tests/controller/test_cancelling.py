"""Tasks end when they are told to, also those that miss the first word."""

import asyncio

from controller.cancelling import end


def test_a_task_that_loses_a_cancellation_ends_all_the_same():
    """The word is said again until it is heard."""

    async def deaf_once():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.Event().wait()

    async def story():
        tasks = [asyncio.create_task(deaf_once()), asyncio.create_task(asyncio.sleep(0))]
        await asyncio.sleep(0.01)
        await end(tasks)
        return [task.done() for task in tasks]

    assert [True, True] == asyncio.run(story())
