"""What pytest looks at: doctests of modules that need torch only where torch is."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("torch") else ["python/clinometer/losses/*.py"]
