"""The frame as polynomials over the surroundings of one line: the fast and bit-stable form of `Frame`.

Only additions and multiplications, in a stated order: the same bits on every machine, which library
functions of trigonometry do not give. Within the stated box the metres differ from `Frame` by less than
1e-6 m.
"""

import math
from collections.abc import Callable, Sequence
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from geodata.projection import WGS84_E, WGS84_E2, Frame

Reals = NDArray[np.float64]

FORWARD_ERROR_M_MAX: Final = 1e-7
SCALE_ERROR_MAX: Final = 1e-10
SLOPE_ERROR_MAX: Final = 1e-13
"""Of the gradient of ln k, per metre: it moves no length of 80 km by a millimetre."""
BEND_ERROR_MAX: Final = 1e-7
"""Of the second derivative of 1/k; what it is multiplied with stays below 1e-3 within 80 km."""
_MERCATOR_BELOW_N: Final = 1e-9
_DEGREE_MAX: Final = 40


class FrameSeries:
    """Polynomials for places within `lon_reach_deg` of `lon_centre`, between `south` and `north` (degrees).

    `lon_centre` is on the line's own turn of the globe, so that no wrapping is needed. Coefficients run
    from the constant upwards: `northing_m` over `(lat - lat_mid) * lat_factor`, `sine_m` and `cosine_m`
    over the square of the longitude's offset in degrees. The scale k is a function of
    `q = y - cone (x^2 + y^2) / 2` alone; over `t = (q - q_mid) * q_factor` run `inverse_scale` (1/k), `bend`
    (its second derivative by t) and `slope` (the derivative of ln k by q, per metre).
    """

    def __init__(
        self, frame: Frame, lon_centre: float, lon_reach_deg: float, south: float, north: float
    ) -> None:
        self.n, self.unit_m = frame.n, frame.unit_m
        self.cone = self.n / self.unit_m
        self.half_cone = 0.5 * self.cone
        self.is_mercator = abs(self.n) < _MERCATOR_BELOW_N
        self.lon_centre, self.lon_reach_deg, self.south, self.north = lon_centre, lon_reach_deg, south, north
        self.lat_mid, self.lat_factor = (south + north) / 2.0, 2.0 / (north - south)
        psi0 = _isometric(frame.lat0_deg)
        self.northing_m = _chebyshev(
            lambda t: self._northing_m(self.lat_mid + t / self.lat_factor, psi0), FORWARD_ERROR_M_MAX
        )
        self.sine_m, self.cosine_m = self._longitude_series()
        # q is a function of latitude alone, and so is the scale.
        q_south, q_north = self._q_m(south, psi0), self._q_m(north, psi0)
        margin = 0.05 * (q_north - q_south)
        self.q_mid, self.q_factor = (q_south + q_north) / 2.0, 2.0 / (q_north - q_south + 2.0 * margin)
        radius0 = _parallel_radius(frame.lat0_deg)

        def inverse_scale(t: float) -> float:
            dpsi = self._dpsi(self.q_mid + t / self.q_factor)
            return _parallel_radius(_latitude(dpsi + psi0)) / radius0 * math.exp(self.n * dpsi)

        self.inverse_scale = _chebyshev(inverse_scale, SCALE_ERROR_MAX)
        exact = _chebyshev(inverse_scale, SCALE_ERROR_MAX / 100.0)
        first = _derivative(exact)
        second = _derivative(first)
        self.bend = _chebyshev(lambda t: _value(second, t), BEND_ERROR_MAX)
        self.slope = _chebyshev(
            lambda t: -self.q_factor * _value(first, t) / _value(exact, t), SLOPE_ERROR_MAX
        )

    @classmethod
    def around(cls, frame: Frame, lon: Reals, lat: Reals, reach_m: float) -> Self:
        """The series for all places within `reach_m` of the places `lon` (continuous), `lat`."""
        south = max(float(np.min(lat)) - reach_m / 110_000.0, -89.5)
        north = min(float(np.max(lat)) + reach_m / 110_000.0, 89.5)
        west, east = float(np.min(lon)), float(np.max(lon))
        centre = frame.lon0_deg + 360.0 * round(((west + east) / 2.0 - frame.lon0_deg) / 360.0)
        narrowest = math.cos(math.radians(max(abs(south), abs(north))))
        reach_deg = max(east - centre, centre - west) + min(reach_m / (111_000.0 * narrowest), 60.0)
        return cls(frame, centre, reach_deg, south, north)

    def forward(self, lon: Reals, lat: Reals) -> tuple[Reals, Reals]:
        """Metres of places inside the box; `lon` continuous, degrees. Shape (n,)."""
        rooms = np.empty((5, len(lon)))
        self.forward_into(rooms[0], rooms[1], lon - self.lon_centre, lat, rooms[2:])
        return rooms[0], rooms[1]

    def forward_into(
        self, x: Reals, y: Reals, offset: Reals, lat: Reals, rooms: Sequence[Reals] | Reals
    ) -> None:
        """The same into `x` and `y`, of longitudes less `lon_centre`; three `rooms` are written over."""
        square, shrink, lift = rooms
        np.subtract(lat, self.lat_mid, out=square)
        square *= self.lat_factor
        horner_into(y, self.northing_m, square)
        np.multiply(y, self.cone, out=shrink)
        np.subtract(1.0, shrink, out=shrink)
        np.multiply(offset, offset, out=square)
        horner_into(x, self.sine_m, square)
        x *= offset
        x *= shrink
        horner_into(lift, self.cosine_m, square)
        lift *= square
        lift *= shrink
        y += lift

    def extent(self) -> tuple[float, float, float, float]:
        """West, south, east and north (m) of a rectangle that holds the whole box in the plane."""
        steps = np.linspace(-1.0, 1.0, 257)
        lon, lat = self.lon_centre + steps * self.lon_reach_deg, self.lat_mid + steps / self.lat_factor
        ends = np.ones(len(steps))
        x, y = self.forward(
            np.concatenate([lon, lon, ends * lon[0], ends * lon[-1]]),
            np.concatenate([ends * self.south, ends * self.north, lat, lat]),
        )
        margin = 1_000.0 + 1e-4 * float(np.ptp(x) + np.ptp(y))
        return (
            float(x.min()) - margin,
            float(y.min()) - margin,
            float(x.max()) + margin,
            float(y.max()) + margin,
        )

    def scale_slope(self, x: Reals, y: Reals) -> tuple[Reals, Reals]:
        """Gradient of ln k at places, per metre, shape (n,)."""
        rooms = np.empty((3, len(x)))
        self.scale_slope_into(rooms[0], rooms[1], x, y, rooms[2])
        return rooms[0], rooms[1]

    def scale_slope_into(self, slope_x: Reals, slope_y: Reals, x: Reals, y: Reals, room: Reals) -> None:
        """The same into `slope_x` and `slope_y`; `room` is written over."""
        self._t_into(slope_y, x, y, slope_x)
        horner_into(room, self.slope, slope_y)
        np.multiply(x, -self.cone, out=slope_x)
        slope_x *= room
        np.multiply(y, -self.cone, out=slope_y)
        slope_y += 1.0
        slope_y *= room

    def along(self, x: Reals, y: Reals, off_x: Reals, off_y: Reals) -> tuple[Reals, Reals, Reals]:
        """Mean of 1/k along the straight way from (x, y) back by (off_x, off_y): geodesic / planar length;
        and the gradient of ln k at its middle, per metre.

        Along the way q is a parabola; the mean is the value at the middle with the second-order term of
        both curvatures, as good as Simpson's rule.
        """
        rooms = np.empty((7, len(x)))
        square = off_x * off_x + off_y * off_y
        self.along_into(rooms[0], rooms[1], rooms[2], x, y, off_x, off_y, square, rooms[3:])
        return rooms[0], rooms[1], rooms[2]

    def along_into(
        self,
        mean: Reals,
        slope_x: Reals,
        slope_y: Reals,
        x: Reals,
        y: Reals,
        off_x: Reals,
        off_y: Reals,
        square: Reals,
        rooms: Sequence[Reals] | Reals,
    ) -> None:
        """The same into the first three; `square`: the squared length of the way; four `rooms` are written
        over."""
        middle_x, middle_y, t, room = rooms
        np.multiply(off_x, -0.5, out=middle_x)
        middle_x += x
        np.multiply(off_y, -0.5, out=middle_y)
        middle_y += y
        self._t_into(t, middle_x, middle_y, room)
        # The gradient of ln k is `slope` times that of q.
        horner_into(room, self.slope, t)
        np.multiply(middle_x, -self.cone, out=slope_x)
        np.multiply(middle_y, -self.cone, out=slope_y)
        slope_y += 1.0
        # By how much t changes along the way.
        np.multiply(slope_x, off_x, out=middle_x)
        np.multiply(slope_y, off_y, out=middle_y)
        middle_x += middle_y
        middle_x *= self.q_factor
        middle_x *= middle_x
        slope_x *= room
        slope_y *= room
        # The parabola's own curvature, and that of 1/k over a straight change.
        np.multiply(room, square, out=middle_y)
        middle_y *= self.cone
        horner_into(room, self.bend, t)
        room *= middle_x
        room += middle_y
        room *= 1.0 / 24.0
        horner_into(mean, self.inverse_scale, t)
        mean += room

    def _t_into(self, t: Reals, x: Reals, y: Reals, room: Reals) -> None:
        np.multiply(x, x, out=t)
        np.multiply(y, y, out=room)
        t += room
        t *= -self.half_cone
        t += y
        t -= self.q_mid
        t *= self.q_factor

    def _northing_m(self, lat_deg: float, psi0: float) -> float:
        """Northing on the central meridian: unit (1 - exp(-n dpsi)) / n."""
        dpsi = _isometric(lat_deg) - psi0
        return self.unit_m * (dpsi if self.is_mercator else -math.expm1(-self.n * dpsi) / self.n)

    def _q_m(self, lat_deg: float, psi0: float) -> float:
        """unit (1 - exp(-2 n dpsi)) / (2 n), which in the plane is y - n (x^2 + y^2) / (2 unit)."""
        dpsi = _isometric(lat_deg) - psi0
        return self.unit_m * (
            dpsi if self.is_mercator else -math.expm1(-2.0 * self.n * dpsi) / (2.0 * self.n)
        )

    def _dpsi(self, q_m: float) -> float:
        q = q_m / self.unit_m
        return q if self.is_mercator else -math.log1p(-2.0 * self.n * q) / (2.0 * self.n)

    def _longitude_series(self) -> tuple[list[float], list[float]]:
        """unit sin(n lam) / (n lam) and unit (1 - cos(n lam)) / (n lam^2) over lam^2, lam in degrees."""
        radian = math.radians(1.0)
        reach = abs(self.n) * math.radians(self.lon_reach_deg)
        sine, cosine = [self.unit_m * radian], [self.unit_m * radian * radian * self.n / 2.0]
        term = self.unit_m * max(reach, 1e-12)
        for k in range(1, _DEGREE_MAX):
            term *= reach * reach / (2 * k * (2 * k + 1))
            if k > 1 and term < FORWARD_ERROR_M_MAX / 10.0:
                break
            shrink = (self.n * radian) ** 2
            sine.append(-sine[-1] * shrink / (2 * k * (2 * k + 1)))
            cosine.append(-cosine[-1] * shrink / ((2 * k + 1) * (2 * k + 2)))
        return sine, cosine


def horner_into(into: Reals, coefficients: list[float], t: Reals) -> None:
    """The polynomial of `coefficients` (two or more, from the constant upwards) at `t`."""
    np.multiply(t, coefficients[-1], out=into)
    for coefficient in coefficients[-2:0:-1]:
        into += coefficient
        into *= t
    into += coefficients[0]


def _value(coefficients: list[float], t: float) -> float:
    total = 0.0
    for coefficient in reversed(coefficients):
        total = total * t + coefficient
    return total


def _derivative(coefficients: list[float]) -> list[float]:
    return [k * c for k, c in enumerate(coefficients)][1:]


def _chebyshev(function: Callable[[float], float], error_max: float) -> list[float]:
    """Power coefficients on [-1, 1] of the lowest Chebyshev interpolant within `error_max`."""
    for degree in range(2, _DEGREE_MAX):
        count = degree + 1
        nodes = [math.cos(math.pi * (j + 0.5) / count) for j in range(count)]
        values = [function(node) for node in nodes]
        series = [
            math.fsum(values[j] * math.cos(math.pi * k * (j + 0.5) / count) for j in range(count))
            * 2.0
            / count
            for k in range(count)
        ]
        series[0] /= 2.0
        coefficients = np.polynomial.chebyshev.cheb2poly(series).tolist()
        trials = [math.cos(math.pi * j / count) for j in range(count + 1)]
        if max(abs(_value(coefficients, t) - function(t)) for t in trials) <= error_max:
            break
    return [float(c) for c in coefficients]


def _isometric(lat_deg: float) -> float:
    phi = math.radians(lat_deg)
    return math.asinh(math.tan(phi)) - WGS84_E * math.atanh(WGS84_E * math.sin(phi))


def _latitude(psi: float) -> float:
    phi = math.atan(math.sinh(psi))
    for _ in range(8):
        phi = math.atan(math.sinh(psi + WGS84_E * math.atanh(WGS84_E * math.sin(phi))))
    return math.degrees(phi)


def _parallel_radius(lat_deg: float) -> float:
    sin_lat = math.sin(math.radians(lat_deg))
    return math.cos(math.radians(lat_deg)) / math.sqrt(1.0 - WGS84_E2 * sin_lat * sin_lat)
