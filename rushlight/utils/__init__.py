"""Helpers around tensors, each in a module of its own, imported when it is first used."""


def __getattr__(name):
    import importlib

    if not name.startswith("_"):
        try:
            return importlib.import_module(f"{__name__}.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"{__name__}.{name}":
                raise
    from rushlight._missing import module_getattr as _module_getattr

    raise _module_getattr(__name__, name)
