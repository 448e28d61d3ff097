"""Loads a configuration with DeepSpeed's own classes. Torch, which they import and do not need, is a stand-in."""

import abc
import importlib.abc, importlib.machinery, os, sys, types

os.environ["DS_ACCELERATOR"] = "cpu"


class Anything(abc.ABCMeta):
    """A class whose every attribute is another: enough to import what never runs."""

    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything(name, (), {})

    def __call__(cls, *arguments, **named):
        if len(arguments) == 1 and callable(arguments[0]) and not named:
            return arguments[0]
        return Anything(cls.__name__, (), {})
    def __or__(cls, other): return cls
    def __lt__(cls, other): return False
    def __ge__(cls, other): return True
    def __iter__(cls): return iter(())


class Torch(types.ModuleType):
    __path__ = []
    __version__ = "2.8.0"

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything(name, (), {})


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        return Torch(spec.name)

    def exec_module(self, module):
        pass


sys.meta_path.insert(0, Finder())


def load(configuration):
    """Reads a configuration as DeepSpeed does when training starts; what is wrong with it is a ValueError."""
    from deepspeed.runtime.precision_config import get_bfloat16_config, get_float16_config
    from deepspeed.runtime.zero.config import get_zero_config

    zero = get_zero_config(configuration)
    get_bfloat16_config(configuration)
    get_float16_config(configuration)
    return zero
