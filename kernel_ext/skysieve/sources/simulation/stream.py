"""The stream of simulated alerts: visit after visit, objects that are new and objects that are seen again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from skysieve.sources.outgoing import Packet
from skysieve.sources.simulation.population import KINDS
from skysieve.sources.simulation.sighting import OBJECTS_PER_SEED, Drawn, Sighting
from skysieve.sources.simulation.sky import ecliptic_to_equatorial, separation, sun_longitude
from skysieve.sources.simulation.solar_system import seen
from skysieve.sources.simulation.survey import Pool, Survey, make_pool
from skysieve.sources.simulation.telescope import Telescope, Visit

PROPORTIONS = {kind.label: kind.share for kind in KINDS}
POOL = 200
_SHARES = np.array([kind.share for kind in KINDS])
_ALERTS_PER_VISIT = 40
_SEEDS = 2**16


@dataclass(frozen=True, slots=True)
class SimulatedAlert:
    """One alert packet, and what it really is.

    Attributes
    ----------
    packet
        What to send. The header ``truth`` holds the label in UTF-8; the packet's body does not know it.
    truth
        Label of the object, such as ``"SN Ia"``: one of ``PROPORTIONS``.
    alert_id
        Id of the alert (LSST's diaSourceId, ZTF's candid), which is its Kafka key, too.
    """

    packet: Packet
    truth: str
    alert_id: int


def stream(
    survey: Survey, count: int | None, *, seed: int, pool: int, nights: int | None
) -> Iterator[SimulatedAlert]:
    """Simulate the alerts of a survey; see :func:`skysieve.sources.simulation.simulate`."""
    if count is not None and count < 0:
        raise ValueError(f"count must not be negative, but is {count}")
    if seed < 0:
        raise ValueError(f"seed must not be negative, but is {seed}")
    if pool < 1:
        raise ValueError(f"pool must be above 0, but is {pool}")
    if nights is not None and nights < 1:
        raise ValueError(f"nights must be above 0, but is {nights}")
    if nights is not None and count is not None and count < nights:
        raise ValueError(f"{nights} nights need at least as many alerts, not {count}")
    return _stream(survey, count, seed, make_pool(survey, seed, pool), nights) if count != 0 else iter(())


def _stream(
    survey: Survey, count: int | None, seed: int, pool: Pool, nights: int | None
) -> Iterator[SimulatedAlert]:
    headers = [(("truth", kind.label.encode()),) for kind in KINDS]
    sky = _Sky(survey.telescope, seed, pool)
    number = 0
    visits = survey.telescope.visits(
        _sizes(survey.telescope, count, nights), _ALERTS_PER_VISIT, len(pool[0]) // 2
    )
    for visit in visits:
        for drawn, sighting in sky.observe(visit):
            if number == count:
                return
            value, alert_id = drawn.stampers[len(sighting.mjd) - 1].stamp(sighting)
            kind = KINDS.index(drawn.measured.kind)
            yield SimulatedAlert(
                Packet(value, str(alert_id).encode(), headers[kind]), KINDS[kind].label, alert_id
            )
            number += 1


def _sizes(telescope: Telescope, count: int | None, nights: int | None) -> Mapping[int, int] | None:
    """Alerts of each night; None if night follows night as they fill."""
    if nights is None:
        return None
    total = 2 * telescope.fields_per_night * _ALERTS_PER_VISIT * nights if count is None else count
    return {night: total * (night + 1) // nights - total * night // nights for night in range(nights)}


@dataclass(slots=True)
class _Followed:
    """An object of a field, and the number of the visit in the stream that comes next for it."""

    drawn: Drawn
    sighting: Sighting
    motion: tuple[float, float]  # degrees of right ascension and declination a day
    next: int


@dataclass(slots=True)
class _Field:
    ra: float
    dec: float
    followed: list[_Followed] = field(default_factory=list)


class _Sky:
    """What is followed where."""

    def __init__(self, telescope: Telescope, seed: int, pool: Pool) -> None:
        self._telescope, self._pool = telescope, pool
        self._rng = np.random.default_rng([seed, 1])
        self._fields: dict[tuple[int, int], tuple[int, _Field]] = {}
        self._owed = self._rng.uniform(0, 1, len(KINDS))  # alerts of each kind that its share still asks for
        self._number = (seed % _SEEDS) * OBJECTS_PER_SEED

    def observe(self, visit: Visit) -> list[tuple[Drawn, Sighting]]:
        """Alerts of a visit, in random order."""
        field = self._field(visit)
        again = self._seen_again(field, visit)
        self._owed += _SHARES * visit.size
        for one in again:
            self._owed[KINDS.index(one.drawn.measured.kind)] -= 1
        new = [self._new(field, visit, kind) for kind in self._kinds(visit.size - len(again))]
        field.followed.extend(one for one in new if len(one.drawn.measured.alerts) > 1)
        alerts = [*again, *new]
        noise = self._rng.normal(size=len(alerts)).tolist()
        sweep = (self._telescope.shutter_seconds / 86400 * self._rng.uniform(-1, 1, len(alerts))).tolist()
        order = self._rng.permutation(len(alerts)).tolist()
        for slot, n in enumerate(order):
            sighting = alerts[n].sighting
            sighting.mjd.append(visit.mjd + sweep[n])
            sighting.noise.append(noise[n])
            sighting.slot.append(slot)
        return [(alerts[n].drawn, alerts[n].sighting) for n in order]

    def _field(self, visit: Visit) -> _Field:
        *name, generation = visit.field
        known = self._fields.get((name[0], name[1]))
        if known is None or known[0] != generation:
            # Within 60 degrees of the point opposite the Sun.
            opposite = sun_longitude(visit.mjd) + 180
            place = opposite + self._rng.uniform(-60, 60), self._rng.uniform(*self._telescope.latitudes)
            known = generation, _Field(*ecliptic_to_equatorial(*place))
            self._fields[name[0], name[1]] = known
        return known[1]

    def _seen_again(self, field: _Field, visit: Visit) -> list[_Followed]:
        """Objects that this visit detects once more. Those that give no further alert are forgotten."""
        again: list[_Followed] = []
        followed: list[_Followed] = []
        for one in field.followed:
            alerts, seen_before = one.drawn.measured.alerts, len(one.sighting.mjd)
            if one.next == alerts[seen_before]:
                self._move(one, visit.mjd)
                place = one.sighting.ra, one.sighting.dec
                if (
                    len(again) == visit.size
                    or separation(field.ra, field.dec, *place) > self._telescope.field_radius
                ):
                    continue
                again.append(one)
                seen_before += 1
            one.next += 1
            if seen_before < len(alerts):
                followed.append(one)
        field.followed = followed
        return again

    @staticmethod
    def _move(one: _Followed, mjd: float) -> None:
        sighting, days = one.sighting, mjd - one.sighting.mjd[0]
        sighting.ra = (sighting.first[0] + one.motion[0] * days) % 360
        sighting.dec = sighting.first[1] + one.motion[1] * days

    def _kinds(self, count: int) -> list[int]:
        """What the new objects are: whatever its share asks for most."""
        kinds = []
        for _ in range(count):
            kind = int(self._owed.argmax())
            self._owed[kind] -= 1
            kinds.append(kind)
        return kinds

    def _new(self, field: _Field, visit: Visit, kind: int) -> _Followed:
        distance, angle, which = self._rng.uniform(size=3).tolist()
        distance, angle = self._telescope.field_radius * distance**0.5, 2 * np.pi * angle
        dec = field.dec + distance * np.sin(angle)
        ra = (field.ra + distance * np.cos(angle) / np.cos(np.radians(field.dec))) % 360
        choice = self._pool[kind][visit.start]
        drawn = choice[int(which * len(choice))].drawn
        motion = (0.0, 0.0)
        if KINDS[kind].solar_system:
            view = seen(ra, dec, visit.mjd, drawn.measured.subject.distance, 20.0)
            motion = view["ephRateRa"] / float(np.cos(np.radians(dec))), view["ephRateDec"]
        sighting = Sighting(self._number, float(ra), float(dec), (float(ra), float(dec)))
        self._number += len(drawn.measured.alerts)
        return _Followed(drawn, sighting, motion, drawn.measured.start + 1)
