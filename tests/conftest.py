"""How properties are tried: without a deadline, since a busy machine is no fault of the code."""

import hypothesis

hypothesis.settings.register_profile("mgm", deadline=None)
hypothesis.settings.load_profile("mgm")
