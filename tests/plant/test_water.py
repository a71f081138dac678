"""The water fits against values of IAPWS-IF97 at 0.5 MPa (computed once with iapws 1.5.5)."""

import pytest

from hisee.plant import water

# degrees, kg/m3, J/(kg K), m2/s, J/kg
IF97 = [
    (5, 1000.16285, 4203.2357, 1.517355e-6, 21516.13),
    (20, 998.38838, 4183.5544, 1.003091e-6, 84388.19),
    (40, 992.39864, 4177.5704, 6.577810e-7, 167977.64),
    (60, 983.38434, 4181.8757, 4.740149e-7, 251557.54),
    (75, 975.03330, 4190.6733, 3.871966e-7, 314345.81),
    (90, 965.50064, 4204.1319, 3.255188e-7, 377301.02),
]


@pytest.mark.parametrize(("t_c", "rho", "cp", "nu", "h"), IF97)
def test_fits_follow_if97(t_c, rho, cp, nu, h):
    assert water.density(t_c) == pytest.approx(rho, rel=1e-4)
    assert water.heat_capacity(t_c) == pytest.approx(cp, rel=5e-4)
    assert water.viscosity(t_c) == pytest.approx(nu, rel=4e-3)


def test_enthalpy_differences_follow_if97():
    (*_, h20), (*_, h75) = IF97[1], IF97[4]
    assert water.enthalpy(75) - water.enthalpy(20) == pytest.approx(h75 - h20, rel=2e-4)


def test_enthalpy_is_the_integral_of_heat_capacity():
    step = 1e-3
    for t_c in (10.0, 55.0, 95.0):
        slope = (water.enthalpy(t_c + step) - water.enthalpy(t_c - step)) / (2 * step)
        assert slope == pytest.approx(water.heat_capacity(t_c), rel=1e-7)


@pytest.mark.parametrize("t_c", [1.0, 12.5, 50.0, 75.0, 109.0])
def test_temperature_inverts_enthalpy(t_c):
    assert water.temperature(water.enthalpy(t_c)) == pytest.approx(t_c, abs=1e-10)


def test_polynomial_takes_the_lowest_power_first():
    assert water.polynomial((1.0, 2.0, 3.0), 2.0) == 1 + 2 * 2 + 3 * 4
