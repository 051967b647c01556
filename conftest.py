"""What pytest looks at: doctests of modules that need torch only where torch is."""

from importlib.util import find_spec

_NEED_TORCH = [
    "python/clinometer/losses/*.py",
    "python/clinometer/training/evaluator/mixed_pool.py",
    "python/clinometer/training/adapter_map.py",
]

collect_ignore_glob = [] if find_spec("torch") else _NEED_TORCH
# Needs mteb as well, and its one example is not run.
collect_ignore_glob += ["python/clinometer/integrations/mteb/tasks.py"]
