"""Pump, friction and operating point against calculations that are written out here."""

from math import log10, pi, sqrt

import pytest

from hisee.plant.hydraulics import GRAVITY, Loop, Pump, friction_factor, operating_point, swamee_jain

NU = 1e-6


def test_pump_curve_by_hand():
    # s = 0.9, Q = 7 l/s: 30 * 0.81 - 200 * 0.9 * 0.007 - 130000 * 0.000049 = 24.3 - 1.26 - 6.37 = 16.67 m
    assert Pump().head(0.007, 0.9) == pytest.approx(16.67, abs=1e-9)


def test_shaft_power_by_hand():
    # x = 0.007 / (0.9 * 0.009) = 0.8641975; eta = 0.68 * 0.8641975 * 1.1358025 = 0.6674592
    # P = 990 * 9.80665 * 0.007 * 16.67 / 0.6674592 = 1697.32 W
    assert Pump().efficiency(0.007, 0.9) == pytest.approx(0.6674592, rel=1e-6)
    assert Pump().shaft_power(0.007, 0.9, 990) == pytest.approx(1697.32, rel=1e-5)


def test_power_is_hydraulic_power_over_efficiency():
    pump = Pump()
    for flow in (0.001, 0.005, 0.008):
        hydraulic = 990 * GRAVITY * flow * pump.head(flow, 0.8)
        assert pump.shaft_power(flow, 0.8, 990) == pytest.approx(hydraulic / pump.efficiency(flow, 0.8))


def test_power_against_a_closed_valve_is_finite_and_positive():
    # limit for Q -> 0: rho g H0 s Q_best / (2 eta_best) = 1000 * 9.80665 * 30 * 0.009 / 1.36 = 1946.91 W
    assert Pump().shaft_power(0.0, 1.0, 1000) == pytest.approx(1946.91, rel=1e-5)


def test_affinity_laws():
    pump, s = Pump(), 0.7
    assert pump.head(0.008 * s, s) == pytest.approx(pump.head(0.008, 1.0) * s**2)
    assert pump.efficiency(0.008 * s, s) == pytest.approx(pump.efficiency(0.008, 1.0))
    assert pump.shaft_power(0.008 * s, s, 990) == pytest.approx(pump.shaft_power(0.008, 1.0, 990) * s**3)


def test_swamee_jain_by_hand():
    # Re = 1e5, e/D = 1e-3: 0.001 / 3.7 = 2.70270e-4; 5.74 / 1e5^0.9 = 5.74 / 31622.78 = 1.81515e-4
    # lg(4.51785e-4) = -3.345068; squared 11.18948; 0.25 / 11.18948 = 0.0223424
    assert swamee_jain(1e5, 1e-3) == pytest.approx(0.0223424, rel=1e-5)


@pytest.mark.parametrize(("reynolds", "relative"), [(1e4, 1e-4), (1e5, 1e-3), (1e6, 5e-4), (2e5, 1e-2)])
def test_swamee_jain_is_close_to_colebrook(reynolds, relative):
    root = 0.02**-0.5
    for _ in range(50):  # Colebrook: 1/sqrt(f) = -2 lg(e/3.7D + 2.51 / (Re sqrt(f)))
        root = -2 * log10(relative / 3.7 + 2.51 * root / reynolds)
    assert swamee_jain(reynolds, relative) == pytest.approx(root**-2, rel=0.03)


def test_friction_is_laminar_below_2300_and_has_no_step():
    assert friction_factor(1000, 1e-3) == pytest.approx(0.064)
    for edge in (2300.0, 4000.0):
        below, above = friction_factor(edge * (1 - 1e-9), 1e-3), friction_factor(edge * (1 + 1e-9), 1e-3)
        assert below == pytest.approx(above, rel=1e-6)


def test_head_loss_by_hand():
    # D = 0.1 m, v = 1 m/s: Q = pi * 0.01 / 4 = 0.00785398; Re = 0.1 / 1e-6 = 1e5; f = 0.0223424 as above
    # (0.0223424 * 1000 / 0.1 + 10) * 1 / (2 * 9.80665) = 233.424 / 19.6133 = 11.9013 m
    loop = Loop(length=1000, diameter=0.1, roughness=1e-4, minor_losses=10)
    assert loop.head_loss(pi * 0.01 / 4, NU) == pytest.approx(11.9013, rel=1e-5)
    assert loop.head_loss(0.0, NU) == 0.0


def quadratic_loop() -> tuple[Loop, float]:
    """No pipe, only fittings: head loss = K Q^2."""
    loop = Loop(length=0.0, diameter=0.1, minor_losses=300)
    return loop, 300 / (2 * GRAVITY * loop.area**2)


@pytest.mark.parametrize("speed", [0.3, 0.6, 0.9, 1.0])
def test_operating_point_equals_the_root_of_the_quadratic(speed):
    # a0 s^2 + a1 s Q + (a2 - K) Q^2 = 0
    pump, (loop, k) = Pump(), quadratic_loop()
    a, b, c = pump.a2 - k, pump.a1 * speed, pump.a0 * speed**2
    by_formula = (-b - sqrt(b * b - 4 * a * c)) / (2 * a)
    assert operating_point(pump, loop, speed, NU) == pytest.approx(by_formula, rel=1e-9)


def test_operating_point_by_hand():
    # a0 = 20, a1 = 0, a2 = -100000 and K = 100000: 20 = 200000 Q^2, Q = 0.01 m3/s, H = 10 m
    loop = Loop(length=0.0, diameter=0.1)
    loop = Loop(length=0.0, diameter=0.1, minor_losses=100_000 * 2 * GRAVITY * loop.area**2)
    pump = Pump(a0=20, a1=0, a2=-1e5)
    flow = operating_point(pump, loop, 1.0, NU)
    assert flow == pytest.approx(0.01, rel=1e-9)
    assert pump.head(flow, 1.0) == pytest.approx(10.0, rel=1e-9)


def test_quadratic_loop_follows_the_affinity_laws():
    pump, (loop, _) = Pump(), quadratic_loop()
    full, part = operating_point(pump, loop, 1.0, NU), operating_point(pump, loop, 0.5, NU)
    assert part == pytest.approx(full / 2, rel=1e-9)


@pytest.mark.parametrize("guess", [0.0, 1e-9, 0.004, 0.5])
def test_operating_point_does_not_depend_on_the_guess(guess):
    pump, loop = Pump(), Loop()
    flow = operating_point(pump, loop, 0.9, 4e-7, guess)
    assert flow == pytest.approx(operating_point(pump, loop, 0.9, 4e-7), abs=1e-11)
    assert pump.head(flow, 0.9) == pytest.approx(loop.head_loss(flow, 4e-7), abs=1e-7)


def test_crawling_pump_in_the_laminar_region_is_solved():
    pump, loop = Pump(), Loop()
    flow = operating_point(pump, loop, 0.003, 1.5e-6)
    assert 0 < loop.reynolds(flow, 1.5e-6) < 2300
    assert pump.head(flow, 0.003) == pytest.approx(loop.head_loss(flow, 1.5e-6), rel=1e-6)


def test_pump_at_rest_moves_nothing():
    assert operating_point(Pump(), Loop(), 0.0, NU) == 0.0
    assert Pump().shaft_power(0.0, 0.0, 990) == 0.0
    assert Pump().efficiency(0.0, 0.0) == 0.0
