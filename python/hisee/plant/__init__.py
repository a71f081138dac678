"""The demo plant: pump station of one heating loop. Pure computation: no clock, no file but its weather, no randomness.

Lowest floor: imports nothing of hisee. Units are SI unless a name says otherwise (`_c` degrees Celsius, `_w` watts).
Equations and their sources stand in the docstrings and in docs/demo.md.
"""

from hisee.plant.hydraulics import Loop, Pump, operating_point
from hisee.plant.station import Ledger, Parameters, Station
from hisee.plant.weather import Weather

__all__ = ["Ledger", "Loop", "Parameters", "Pump", "Station", "Weather", "operating_point"]
