"""A simulated ZTF: candidates, upper limits, forced photometry, cutouts and packets; the sky is that of all surveys.

``survey`` puts it together: ``drawing`` draws an object's alerts in full, from ``records`` and ``cutouts``, and
``restamp`` varies them.
"""
