"""Tasks of the blackout campaign."""

import hisee


@hisee.task(retries=100)
def count(ctx, number):
    ctx.add("counted")
    ctx.write(f"done/{number}", True)
