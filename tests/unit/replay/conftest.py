"""Property tests judge results, not the speed of a shared machine."""

from hypothesis import settings

settings.register_profile("steady", deadline=None, database=None, max_examples=40)
settings.load_profile("steady")
