"""Settings that every test shares."""

import os

from hypothesis import settings

os.environ["MPLBACKEND"] = "Agg"

# A busy machine makes single examples slow without any fault of the code.
settings.register_profile("claster", deadline=None)
settings.load_profile("claster")
