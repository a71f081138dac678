"""Pump curve, friction of the loop, and the point where the two meet. Flow in m3/s, head in metres of water."""

from __future__ import annotations

from dataclasses import dataclass
from math import log10, pi, sqrt

GRAVITY = 9.80665  # m/s2, standard value
LAMINAR, TURBULENT = 2300.0, 4000.0  # Reynolds numbers between which the friction factor is interpolated


@dataclass(frozen=True, slots=True, kw_only=True)
class Pump:
    """Centrifugal pump with variable speed; `speed` s is the share of nominal speed.

    Affinity laws (Q ~ s, H ~ s^2, P ~ s^3; e.g. White, Fluid Mechanics, ch. 11) applied to the parabola
    H = a0 + a1 Q + a2 Q^2 of nominal speed give H = a0 s^2 + a1 s Q + a2 Q^2.
    """

    a0: float = 30.0  # m
    a1: float = -200.0  # m / (m3/s)
    a2: float = -1.3e5  # m / (m3/s)2
    best_flow: float = 0.009  # m3/s at nominal speed, where the efficiency peaks
    best_efficiency: float = 0.68

    def head(self, flow: float, speed: float) -> float:
        """m."""
        return self.a0 * speed * speed + self.a1 * speed * flow + self.a2 * flow * flow

    def slope(self, flow: float, speed: float) -> float:
        """dH/dQ, m / (m3/s); never positive."""
        return self.a1 * speed + 2 * self.a2 * flow

    def efficiency(self, flow: float, speed: float) -> float:
        """Parabola through 0 and the best point, a function of Q/s alone: eta = eta_best x (2 - x), x = Q / (s Q_best)."""
        x = flow / (speed * self.best_flow) if speed > 0 else 0.0
        return self.best_efficiency * x * (2 - x)

    def shaft_power(self, flow: float, speed: float, density: float) -> float:
        """W. P = rho g Q H / eta with x cancelled, so that it stays finite against a closed valve."""
        if speed <= 0:
            return 0.0
        x = flow / (speed * self.best_flow)
        return density * GRAVITY * self.head(flow, speed) * speed * self.best_flow / (self.best_efficiency * (2 - x))


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """Closed pipe loop: supply and return pipe together, so no static head."""

    length: float = 2400.0  # m
    diameter: float = 0.1071  # m, inner (DN 100)
    roughness: float = 0.1e-3  # m, steel pipe in service
    minor_losses: float = 60.0  # sum of zeta: valves, bends, the boiler and the customers' stations

    @property
    def area(self) -> float:
        """m2."""
        return pi * self.diameter**2 / 4

    def reynolds(self, flow: float, viscosity: float) -> float:
        return flow / self.area * self.diameter / viscosity

    def head_loss(self, flow: float, viscosity: float) -> float:
        """m. Darcy-Weisbach: h = (f L / D + sum of zeta) v^2 / 2g (e.g. White, Fluid Mechanics, ch. 6)."""
        v = flow / self.area
        friction = friction_factor(self.reynolds(flow, viscosity), self.roughness / self.diameter) if flow > 0 else 0.0
        return (friction * self.length / self.diameter + self.minor_losses) * v * v / (2 * GRAVITY)


def friction_factor(reynolds: float, relative_roughness: float) -> float:
    """Darcy friction factor.

    Turbulent: Swamee and Jain 1976 (J. Hydraulics Div. ASCE 102, 657), f = 0.25 / [lg(e/3.7D + 5.74/Re^0.9)]^2.
    Laminar: 64/Re. Between Re 2300 and 4000 a straight line joins the two, so that the solver meets no step.
    """
    if reynolds <= LAMINAR:
        return 64 / reynolds
    if reynolds >= TURBULENT:
        return swamee_jain(reynolds, relative_roughness)
    share = (reynolds - LAMINAR) / (TURBULENT - LAMINAR)
    return (1 - share) * 64 / LAMINAR + share * swamee_jain(TURBULENT, relative_roughness)


def swamee_jain(reynolds: float, relative_roughness: float) -> float:
    return 0.25 / log10(relative_roughness / 3.7 + 5.74 / reynolds**0.9) ** 2


def operating_point(pump: Pump, loop: Loop, speed: float, viscosity: float, guess: float = 0.0) -> float:
    """Flow in m3/s where pump head equals head loss; 0 for a pump at rest.

    The difference falls strictly with flow, so the root is unique: Newton's method, kept inside a bracket that
    shrinks at every round; a step that would leave the bracket is replaced by its middle.
    """
    if speed <= 0:
        return 0.0
    low, high = 0.0, run_out_flow(pump, speed)
    flow = guess if low < guess < high else (low + high) / 2
    for _ in range(100):
        surplus = pump.head(flow, speed) - loop.head_loss(flow, viscosity)
        low, high = (flow, high) if surplus > 0 else (low, flow)
        step = surplus / (loss_slope(loop, flow, viscosity) - pump.slope(flow, speed))
        following = flow + step if low < flow + step < high else (low + high) / 2
        if abs(following - flow) < 1e-12:
            return following
        flow = following
    return flow


def run_out_flow(pump: Pump, speed: float) -> float:
    """Flow at which the pump's head is used up: the positive root of its parabola, m3/s."""
    root = sqrt(pump.a1**2 - 4 * pump.a0 * pump.a2)
    return speed * (-pump.a1 - root) / (2 * pump.a2)


def loss_slope(loop: Loop, flow: float, viscosity: float) -> float:
    """d(head loss)/dQ by a central difference: good enough for Newton's direction, the bracket does the rest."""
    step = 1e-4 * flow
    return (loop.head_loss(flow + step, viscosity) - loop.head_loss(flow - step, viscosity)) / (2 * step)
