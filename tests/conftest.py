"""How long hypothesis looks: ``--hypothesis-profile=thorough`` looks longer."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "default", deadline=None, max_examples=40, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("thorough", settings.get_profile("default"), max_examples=1000)
settings.load_profile("default")
