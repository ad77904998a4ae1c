"""The place where coremltools has these: `pyruntime.utils.load_spec`, `save_spec`, `compile_model`, …"""

from pyruntime.models.utils import *  # noqa: F403  (the list of names stands there)
from pyruntime.models.utils import __all__ as __all__
