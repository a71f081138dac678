"""Tasks whose effects can be counted."""

import time

import hisee


@hisee.task(retries=200, retry_s=0.01)
def count(ctx, ms=0.0, key="sum"):
    """Add one to the sum and to a fact of this task alone, after some work."""
    time.sleep(ms / 1000)
    ctx.add(key)
    ctx.add(f"effect/{key}/{ctx.task_id}")


@hisee.task
def place(ctx, list):
    """Note the order in which tasks are run: one fact per place."""
    return ctx.task_id


@hisee.task(retries=0)
def fail(ctx, text="no"):
    raise ValueError(text)


@hisee.task(retries=0)
def publish(ctx, value):
    ctx.set_value("U.Sum", value)
    ctx.send("notify", {"subject": "Sum", "text": f"is {value}"})


@hisee.task
def spread(ctx, count):
    """Put further tasks together with the end of this one."""
    for _ in range(count):
        ctx.enqueue("tasks.count", key="spread")


@hisee.task
def note(ctx, path, word):
    """Append a word to a file: the order in which tasks are run, whatever is committed when."""
    with open(path, "a") as file:
        file.write(word + "\n")


@hisee.task(retries=0)
def long(ctx, seconds):
    """Work that lasts, with progress."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        ctx.progress(1 - left / seconds, "on the way")
        time.sleep(0.02)
    ctx.write(f"long/{ctx.task_id}", "done")
    return "done"
