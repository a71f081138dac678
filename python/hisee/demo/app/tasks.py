"""Durable tasks of the demo plant: derived values, hourly balances, reports, and what the pump's electricity costs.

Runs in work processes; `hisee task list` shows the runs, `hisee task schedule list` when the next ones are due.
"""

import hisee

HOUR_MS = 3_600_000
KWH_PER_M3_K = 1.163  # heat of one cubic metre of water, one degree warmer
HOURS = 24
PRICES = [  # EUR per kWh, by the clock of the plant; the first line that fits counts
    {"name": "night", "price": 0.11, "from": 22, "to": 6},
    {"name": "peak", "price": 0.27, "from": 17, "to": 20, "days": "12345"},
    {"name": "day", "price": 0.19},
]


@hisee.task(queue="R", schedule="every 60", missed="skip", order_key="samples")
def sample(ctx):
    """Derived value: heat that the network takes, in kW; one sample of it and of the pump's power for the balances."""
    flow, supply, back = ctx.value("U.Flow"), ctx.value("U.T_supply"), ctx.value("U.T_return")
    heat = None if None in (flow, supply, back) else round(flow * (supply - back) * KWH_PER_M3_K, 2)
    now = ctx.now_ms()
    ctx.write(f"heat/{now}", {"rate": heat})
    ctx.write(f"pump/{now}", {"rate": ctx.value("U.P1_power")})
    ctx.set_value("U.Heat_taken", heat)
    return heat


@hisee.task(queue="R", schedule="cron 1 * * * *", order_key="balances")
def balances(ctx):
    """Hourly balances of heat and of the pump's electricity, a minute after each hour."""
    for name in ("heat", "pump"):
        ctx.enqueue("engine.balance", name=name, samples=name, unit="kWh", hours=HOURS)


@hisee.task(queue="O", schedule="cron 5 0 * * *")
def day_report(ctx, format="pdf"):
    """The day on paper."""
    ctx.enqueue("engine.report", name="Heat by the hour", source="balance heat", format=format, zone="Europe/Bratislava")


@hisee.task(schedule="cron 6 0 * * *")
def pump_cost(ctx):
    """What the pump's electricity cost: worked out by the Java service `tariff` over the last hours."""
    hour = ctx.now_ms() // HOUR_MS - HOURS
    rows = [ctx.fact(f"balance/pump/{(hour + n) * HOUR_MS}") for n in range(HOURS)]
    kwh = [None if row is None else row["amount"] for row in rows]
    ctx.enqueue("service.tariff", start=hour * HOUR_MS, zone="Europe/Bratislava", kwh=kwh, prices=PRICES)
