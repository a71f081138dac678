"""The pump station in time: boiler, supply water, emitters, building, return water, and the book of mass and energy.

Three stores: supply water (boiler and supply pipe), return water (emitters and return pipe), one building. Both waters
are well mixed; transport delay is left out. A step is explicit Euler on *energies and masses*, and every flux is
written into the ledger as it is applied: the balance holds to rounding error whatever the step is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import exp

from hisee.plant import water
from hisee.plant.hydraulics import Loop, Pump, operating_point
from hisee.plant.weather import Weather


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """A loop of 48 customers: 800 kW at 12 degrees of frost, 75/50 degrees."""

    pump: Pump = field(default_factory=Pump)
    loop: Loop = field(default_factory=Loop)
    supply_kg: float = 14_000.0
    return_kg: float = 26_000.0
    emitters_w_per_k: float = 19_400.0  # of all emitters together
    building_w_per_k: float = 25_000.0  # transmission and ventilation
    building_j_per_k: float = 3.6e9  # with the line above a time constant of 40 h
    gains_w: float = 60_000.0  # people, appliances, sun
    pipe_w_per_k: float = 480.0  # of each pipe, 0.4 W/(m K) over 1200 m
    ground_c: float = 10.0
    boiler_max_w: float = 1_100_000.0
    boiler_ramp_s: float = 900.0  # from nothing to full power
    boiler_gain_w_per_k: float = 60_000.0
    room_set_c: float = 20.0
    design_outdoor_c: float = -12.0
    leak_kg_per_s: float = 0.0005
    make_up_band_kg: float = 50.0  # the valve opens this far below the full mass ...
    make_up_kg_per_s: float = 0.2  # ... and closes at the full mass
    make_up_c: float = 12.0


@dataclass(slots=True)
class Ledger:
    """What crossed the border so far: joules and kilograms."""

    boiler: float = 0.0
    pump: float = 0.0
    gains: float = 0.0
    make_up: float = 0.0
    leak: float = 0.0
    pipes: float = 0.0
    building: float = 0.0
    make_up_kg: float = 0.0
    leak_kg: float = 0.0

    def net(self) -> float:
        """J that should now be stored on top of the first store."""
        return self.boiler + self.pump + self.gains + self.make_up - self.leak - self.pipes - self.building

    def turnover(self) -> float:
        """J that came in: what the balance error is measured against."""
        return self.boiler + self.pump + self.gains + self.make_up


@dataclass(frozen=True, slots=True)
class Fluxes:
    """One instant: temperatures in degrees Celsius, powers in W, flow in m3/s and in kg/s."""

    outdoor_c: float
    supply_set_c: float
    flow: float
    flow_kg_per_s: float
    emitter_out_c: float
    emitted_w: float
    boiler_w: float
    asked_w: float  # what the boiler's controller wants, before the ramp
    pump_w: float
    supply_pipe_w: float
    return_pipe_w: float
    building_w: float


def supply_set_c(outdoor_c: float, design_supply_c: float, room_c: float, design_outdoor_c: float) -> float:
    """Weather compensation: the straight heating curve of a linear emitter at constant flow.

    Demand is proportional to room - outdoor and emission to supply - room (see `emission`), hence
    T_supply = T_room + (T_design - T_room) (T_room - T_outdoor) / (T_room - T_design_outdoor), never below the room.
    """
    share = (room_c - outdoor_c) / (room_c - design_outdoor_c)
    return room_c + (design_supply_c - room_c) * max(0.0, share)


def emission(supply_c: float, room_c: float, flow_kg_per_s: float, ua_w_per_k: float) -> float:
    """Temperature at which water leaves the emitters.

    Exchanger with one side at constant temperature: T_out = T_room + (T_in - T_room) exp(-NTU), NTU = UA / (m cp)
    (e.g. Incropera, Fundamentals of Heat and Mass Transfer, ch. 11.4, capacity ratio 0).
    """
    if flow_kg_per_s <= 0:
        return room_c
    ntu = ua_w_per_k / (flow_kg_per_s * water.heat_capacity((supply_c + room_c) / 2))
    return room_c + (supply_c - room_c) * exp(-ntu)


def ramped(power_w: float, wanted_w: float, limit_w: float) -> float:
    """Power after a step in which it may move by `limit_w` at most."""
    return power_w + max(-limit_w, min(limit_w, wanted_w - power_w))


class Station:
    """The plant. Same start, same inputs, same steps: same numbers, bit for bit."""

    def __init__(self, weather: Weather, parameters: Parameters | None = None, *, time_s: float = 0.0) -> None:
        p = self.parameters = parameters or Parameters()
        self.weather, self.time_s = weather, time_s
        self.speed = 0.9  # input: share of nominal pump speed
        self.design_supply_c = 75.0  # input: head of the heating curve
        self.supply_kg, self.return_kg = p.supply_kg, p.return_kg
        self.supply_c, self.return_c, self.room_c = 50.0, 40.0, p.room_set_c
        self.boiler_w, self.filling = 0.0, False
        self.supply_j = self.supply_kg * water.enthalpy(self.supply_c)
        self.return_j = self.return_kg * water.enthalpy(self.return_c)
        self.ledger = Ledger()
        self._guess = 0.0  # where the hydraulic solver starts; moves with the steps, so that looking changes nothing
        self._first_j, self._first_kg = self.stored(), self.mass_kg()

    def stored(self) -> float:
        """J in water and building."""
        return self.supply_j + self.return_j + self.parameters.building_j_per_k * self.room_c

    def mass_kg(self) -> float:
        return self.supply_kg + self.return_kg

    def balance_error(self) -> float:
        """Share of the energy that came in which the stores and the ledger disagree about."""
        return abs(self.stored() - self._first_j - self.ledger.net()) / max(1.0, self.ledger.turnover())

    def mass_error_kg(self) -> float:
        return abs(self.mass_kg() - self._first_kg - self.ledger.make_up_kg + self.ledger.leak_kg)

    def fluxes(self) -> Fluxes:
        """All flows of heat and water that follow from the present state and inputs."""
        p = self.parameters
        outdoor = self.weather.outdoor_c(self.time_s)
        mean_c = (self.supply_c + self.return_c) / 2  # friction is shared by a hot and a cooler pipe
        flow = operating_point(p.pump, p.loop, self.speed, water.viscosity(mean_c), self._guess)
        rho = water.density(self.return_c)  # the pump stands in the return
        mass_flow = flow * rho
        leaving = emission(self.supply_c, self.room_c, mass_flow, p.emitters_w_per_k)
        wanted_c = supply_set_c(outdoor, self.design_supply_c, p.room_set_c, p.design_outdoor_c)
        return Fluxes(
            outdoor_c=outdoor,
            supply_set_c=wanted_c,
            flow=flow,
            flow_kg_per_s=mass_flow,
            emitter_out_c=leaving,
            emitted_w=mass_flow * (water.enthalpy(self.supply_c) - water.enthalpy(leaving)),
            boiler_w=self.boiler_w,
            asked_w=self._asked_w(wanted_c, mass_flow),
            pump_w=p.pump.shaft_power(flow, self.speed, rho),
            supply_pipe_w=p.pipe_w_per_k * (self.supply_c - p.ground_c),
            return_pipe_w=p.pipe_w_per_k * (self.return_c - p.ground_c),
            building_w=p.building_w_per_k * (self.room_c - outdoor),
        )

    def step(self, step_s: float) -> None:
        """Advance by `step_s` seconds; at most 600, the waters' time constants are some 30 minutes."""
        if not 0 < step_s <= 600:
            raise ValueError(f"plant: step of {step_s} s is outside 0..600 s")
        f, p = self.fluxes(), self.parameters
        self._guess = f.flow
        self._move_water(f, step_s)
        self._heat(f, step_s)
        self._make_up(step_s)
        self.supply_c = water.temperature(self.supply_j / self.supply_kg, self.supply_c)
        self.return_c = water.temperature(self.return_j / self.return_kg, self.return_c)
        self.boiler_w = ramped(self.boiler_w, f.asked_w, p.boiler_max_w * step_s / p.boiler_ramp_s)
        self.time_s += step_s

    def run(self, duration_s: float, step_s: float = 60.0) -> None:
        """Advance by whole steps and a shorter last one."""
        whole, rest = divmod(duration_s, step_s)
        for _ in range(int(whole)):
            self.step(step_s)
        if rest > 1e-9:
            self.step(rest)

    def _move_water(self, f: Fluxes, step_s: float) -> None:
        """As much water leaves the supply as enters it, at each one's enthalpy; the difference heats the building."""
        moved = f.flow_kg_per_s * step_s
        self.supply_j += moved * (water.enthalpy(self.return_c) - water.enthalpy(self.supply_c))
        self.return_j += moved * (water.enthalpy(f.emitter_out_c) - water.enthalpy(self.return_c))

    def _heat(self, f: Fluxes, step_s: float) -> None:
        """Boiler, pump (all shaft power ends as heat in the water), pipes, emitters, gains, weather."""
        p, book = self.parameters, self.ledger
        self.supply_j += (f.boiler_w + f.pump_w - f.supply_pipe_w) * step_s
        self.return_j -= f.return_pipe_w * step_s
        self.room_c += (f.emitted_w + p.gains_w - f.building_w) * step_s / p.building_j_per_k
        book.boiler += f.boiler_w * step_s
        book.pump += f.pump_w * step_s
        book.gains += p.gains_w * step_s
        book.pipes += (f.supply_pipe_w + f.return_pipe_w) * step_s
        book.building += f.building_w * step_s

    def _make_up(self, step_s: float) -> None:
        """The return pipe leaks at its own temperature; a valve with a band refills it with cold water."""
        p, book = self.parameters, self.ledger
        missing = p.supply_kg + p.return_kg - self.mass_kg()
        self.filling = missing > p.make_up_band_kg or (self.filling and missing > 0)
        leak = p.leak_kg_per_s * step_s
        fresh = min(p.make_up_kg_per_s * step_s, missing) if self.filling else 0.0
        leak_j, fresh_j = leak * water.enthalpy(self.return_c), fresh * water.enthalpy(p.make_up_c)
        self.return_kg += fresh - leak
        self.return_j += fresh_j - leak_j
        book.make_up_kg, book.leak_kg = book.make_up_kg + fresh, book.leak_kg + leak
        book.make_up, book.leak = book.make_up + fresh_j, book.leak + leak_j

    def _asked_w(self, wanted_c: float, flow_kg_per_s: float) -> float:
        """Feed-forward of the heat that the flow takes at the wanted temperature, plus a proportional correction."""
        p = self.parameters
        if flow_kg_per_s <= 0:
            return 0.0
        carried = flow_kg_per_s * (water.enthalpy(wanted_c) - water.enthalpy(self.return_c))
        losses = p.pipe_w_per_k * (self.supply_c - p.ground_c)
        correction = p.boiler_gain_w_per_k * (wanted_c - self.supply_c)
        return max(0.0, min(p.boiler_max_w, carried + losses + correction))
