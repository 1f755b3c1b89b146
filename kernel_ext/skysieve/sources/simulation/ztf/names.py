"""How ZTF calls images, cutouts and objects: names that are all of one length, whatever they name."""

from __future__ import annotations

from dataclasses import dataclass

from skysieve.sources.simulation.telescope import BandNames
from skysieve.sources.simulation.ztf.telescope import FILTER_IDS, date_digits

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_OBJECT_LETTERS = 7
_CUTOUTS = {
    "science": "_pid{pid}_targ_sci.fits.gz",
    "template": "_ref.fits.gz",
    "difference": "_pid{pid}_targ_{way}.fits.gz",
}


@dataclass(frozen=True)
class Names:
    """Names of the images of one readout channel, at visits in some bands."""

    rcid: int
    bands: BandNames

    def difference(self, jd: float, field: int, visit: int) -> str:
        """File name of a difference image.

        Examples
        --------
        >>> import numpy as np
        >>> Names(21, np.array(["r"])).difference(2460449.8784496, 386, 0)
        'ztf_20240519378449_000386_zr_c06_o_q2_scimrefdiffimg.fits'
        """
        ccd, quadrant = divmod(self.rcid, 4)
        tail = f"z{self.bands[visit]}_c{ccd + 1:02d}_o_q{quadrant + 1}_scimrefdiffimg.fits"
        return f"{stem(jd, field)}_{tail}"

    def archived(self, jd: float, field: int, visit: int) -> str:
        """Place of a difference image in the archive, as it stands in ``prv_candidates``.

        Examples
        --------
        >>> import numpy as np
        >>> Names(21, np.array(["g"])).archived(2460420.9637506, 386, 0)[:43]
        '/ztf/archive/sci/2024/0420/463750/ztf_20240'
        """
        folder = archive_stem(jd, field).removesuffix(stem(jd, field))
        return f"{folder}{self.difference(jd, field, visit)}.fz"

    def reference_id(self, field: int, visit: int) -> int:
        """Id of the reference image's processing.

        Examples
        --------
        >>> import numpy as np
        >>> Names(21, np.array(["r"])).reference_id(386, 0)  # as in a real alert
        386120221
        """
        return field * 10**6 + 120_000 + FILTER_IDS[str(self.bands[visit])] * 100 + self.rcid

    def cutout(self, which: str, candid: int, pid: int, positive: bool) -> str:
        """File name of a cutout."""
        return cutout_stem(candid) + _CUTOUTS[which].format(pid=pid, way="scimref" if positive else "refmsci")


def stem(jd: float, field: int) -> str:
    """Give what the name of an image begins with, and what differs from visit to visit.

    Examples
    --------
    >>> stem(2460449.8784496, 386)
    'ztf_20240519378449_000386'
    """
    return _stem(date_digits(jd), field)


def archive_stem(jd: float, field: int) -> str:
    """Give the same with the archive's folder before it."""
    digits = date_digits(jd)
    return f"/ztf/archive/sci/{digits[:4]}/{digits[4:8]}/{digits[8:]}/{_stem(digits, field)}"


def _stem(digits: str, field: int) -> str:
    return f"ztf_{digits}_{field:06d}"


def cutout_stem(candid: int) -> str:
    """Give what the name of a cutout begins with."""
    return f"candid{candid}"


def object_name(year: int, number: int) -> str:
    """Name of an object: two digits of a year, then seven letters.

    Examples
    --------
    >>> object_name(2018, 27)
    'ZTF18aaaaabb'
    """
    letters = []
    for _ in range(_OBJECT_LETTERS):
        number, letter = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[letter])
    return f"ZTF{year % 100:02d}{''.join(reversed(letters))}"
