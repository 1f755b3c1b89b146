"""A simulated LSST: diaSources, diaObjects, orbits, cutouts and packets; the sky is the one of all surveys.

``survey`` puts it together: ``drawing`` draws an object's alerts in full, from ``records``, ``minor_planets`` and
``cutouts``, and ``restamp`` varies them.
"""
