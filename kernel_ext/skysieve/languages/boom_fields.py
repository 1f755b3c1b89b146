"""The documents that filters of BOOM see: which of their fields are copies of the packet's.

They are described in ``src/alert/ztf.rs``, ``src/alert/lsst.rs`` and ``src/filter`` of
https://github.com/boom-astro/boom. BOOM stores no nulls: what is null in the packet is a missing field there.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from functools import cache

from skysieve.errors import ColumnError, FilterError, nearest
from skysieve.languages import terms
from skysieve.languages.terms import Term
from skysieve.packets import formats
from skysieve.packets.columns import Columns

_ZTF = """
jd fid pid diffmaglim programpi programid candid nid rcid field ra dec magpsf sigmapsf chipsf magap sigmagap
distnr magnr sigmagnr chinr sharpnr sky fwhm classtar mindtoedge seeratio aimage bimage elong nneg nbad rb
ssdistnr ssmagnr ranr decnr sgmag1 srmag1 simag1 szmag1 sgscore1 distpsnr1 ndethist ncovhist jdstarthist scorr
sgmag2 srmag2 simag2 szmag2 sgscore2 distpsnr2 sgmag3 srmag3 simag3 szmag3 sgscore3 distpsnr3 nmtchps dsnrms
ssnrms dsdiff magzpsci magzpsciunc magzpscirms zpmed exptime drb clrcoeff clrcounc neargaia maggaia
neargaiabright maggaiabright
"""
_LSST = """
diaSourceId visit detector parentDiaSourceId midpointMjdTai ra raErr dec decErr centroid_flag apFlux apFluxErr
apFlux_flag apFlux_flag_apertureTruncated isNegative snr psfFlux psfFluxErr psfChi2 psfNdata psfFlux_flag
psfFlux_flag_edge psfFlux_flag_noGoodPixels trailFlux trailFluxErr trailRa trailRaErr trailDec trailDecErr
trailLength trailLengthErr trailAngle trailAngleErr trailChi2 trailNdata trail_flag_edge scienceFlux
scienceFluxErr forced_PsfFlux_flag forced_PsfFlux_flag_edge forced_PsfFlux_flag_noGoodPixels templateFlux
templateFluxErr shape_flag shape_flag_no_pixels shape_flag_not_contained shape_flag_parent_source extendedness
reliability band isDipole pixelFlags pixelFlags_bad pixelFlags_cr pixelFlags_crCenter pixelFlags_edge
pixelFlags_nodata pixelFlags_nodataCenter pixelFlags_interpolated pixelFlags_interpolatedCenter
pixelFlags_offimage pixelFlags_saturated pixelFlags_saturatedCenter pixelFlags_suspect
pixelFlags_suspectCenter pixelFlags_streak pixelFlags_streakCenter pixelFlags_injected
pixelFlags_injectedCenter pixelFlags_injected_template pixelFlags_injected_templateCenter glint_trail
"""
_HISTORY = (
    "BOOM's own record of a year, not the packet's: write the condition over the packet's history in SQL"
)
_MATCHES = "what BOOM finds in other catalogues and surveys"
_FLUX = "BOOM works it out from the magnitude: write the condition over candidate.magpsf or candidate.magap"
_MAGNITUDE = "BOOM works it out from the flux, in single precision: write the condition over the fluxes"
_WORKED_OUT = {
    **dict.fromkeys(("prv_candidates", "prv_nondetections", "fp_hists", "sso_history"), _HISTORY),
    **dict.fromkeys(
        ("cross_matches", "aliases", "survey_matches", "ZTF", "LSST", "DECAM", "WINTER"), _MATCHES
    ),
    **dict.fromkeys(("classifications", "properties"), "BOOM's own classifiers give it"),
    "coordinates": "BOOM works it out: write the condition over the right ascension and declination",
    "ss_source": "BOOM keeps it apart: write the condition over ssSource",
}


@dataclass(frozen=True)
class Fields:
    """The fields of one survey's documents.

    Attributes
    ----------
    columns
        The survey's.
    copies
        Name of the column by path of the field.
    made
        What BOOM makes of a column, in SQL.
    worked_out
        Why other fields do not translate, by path or its first part.
    """

    columns: Columns
    copies: dict[str, str]
    made: dict[str, Term]
    worked_out: dict[str, str]

    def at(self, path: str) -> Term:
        """The value at a path.

        Raises
        ------
        FilterError
            If BOOM works it out, or there is none.

        Examples
        --------
        >>> of("ztf").at("candidate.drb").type
        'float'
        """
        if path in self.copies:
            column = self.columns[self.copies[path]]
            return Term(column.name, terms.type_of(column), "missing")
        if path in self.made:
            return self.made[path]
        if reason := self.worked_out.get(path) or self.worked_out.get(path.partition(".")[0]):
            raise FilterError(f"No packet holds {path}: {reason}.")
        raise ColumnError(
            f"BOOM's documents have no field {path!r}.{nearest(path, [*self.copies, *self.made])}"
        )

    def path_of(self, name: str) -> str:
        """The path of the field that is a copy of a column.

        Raises
        ------
        ColumnError
            If BOOM has none.
        """
        for path, column in self.copies.items():
            if column == name:
                return path
        if name in self.copies:
            raise ColumnError(
                f"BOOM's {name} is not the packet's, but a copy of {self.copies[name]}: write that."
            )
        raise ColumnError(f"BOOM's documents have no copy of {name}.{nearest(name, self.copies.values())}")


@cache
def of(survey: str) -> Fields:
    """The fields of a survey's documents.

    Raises
    ------
    FilterError
        If it is neither ``"ztf"`` nor ``"lsst"``.
    """
    if survey == "ztf":
        copies = {f"candidate.{name}": f"candidate.{name}" for name in _ZTF.split()}
        copies |= {"objectId": "objectId", "candidate.isdiffpos": "derived.is_positive", "_id": "candid"}
        band = "CASE candidate.fid WHEN 1 THEN 'g' WHEN 2 THEN 'r' WHEN 3 THEN 'i' END"
        name = "CASE WHEN lower(candidate.ssnamenr) NOT IN ('', 'null') THEN candidate.ssnamenr END"
        made = {"candidate.band": band, "candidate.ssnamenr": name}
        kinds = dict.fromkeys(made, "string")
        flux = ("psfFlux", "psfFluxErr", "snr_psf", "apFlux", "apFluxErr", "snr_ap")
        own = dict.fromkeys((f"candidate.{name}" for name in flux), _FLUX)
    elif survey == "lsst":
        copies = {f"candidate.{name}": f"diaSource.{name}" for name in _LSST.split()}
        copies |= {
            "candidate.ndethist": "diaObject.nDiaSources",
            "candidate.isdiffpos": "derived.is_positive",
        }
        copies |= {"_id": "diaSourceId"}
        made = {f"candidate.{name}": f"nullif(diaSource.{name}, 0)" for name in ("diaObjectId", "ssObjectId")}
        kinds = dict.fromkeys(made, "id")
        own = dict.fromkeys(
            (
                f"candidate.{name}"
                for name in ("magpsf", "sigmapsf", "snr_psf", "chipsf", "magap", "sigmagap", "snr_ap")
            ),
            _MAGNITUDE,
        )
        own |= {"candidate.diffmaglim": _MAGNITUDE}
        times = "BOOM works it out, in UTC: write the condition over the times in TAI, such as candidate.midpointMjdTai"
        own |= dict.fromkeys(("candidate.jd", "candidate.jdstarthist"), times)
        identity = "BOOM makes a text of either id: write the condition over candidate.diaObjectId"
        own |= dict.fromkeys(("objectId", "candidate.objectId"), identity)
    else:
        raise FilterError(f"BOOM's filters are known for the surveys 'ztf' and 'lsst', not {survey!r}.")
    values = {path: Term(text, kinds[path], "missing") for path, text in made.items()}
    return Fields(formats.get(survey).columns(), copies, values, {**_WORKED_OUT, **own})


def of_columns(columns: Container[str]) -> Fields:
    """The fields of the survey that a stream's columns are of.

    Raises
    ------
    FilterError
        If BOOM does not know it.
    """
    for survey, mark in (("ztf", "candidate.ssdistnr"), ("lsst", "diaSource.psfFlux")):
        if mark in columns:
            return of(survey)
    raise FilterError("BOOM has filters over ZTF's and LSST's packets only, and this stream holds neither.")
