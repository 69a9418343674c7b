"""Several installations in one store: each has a prefix of its own before all its keys, the setting `store.prefix`."""

from service.store import keys

_names = {name: key for name, key in vars(keys).items() if name.isupper() and isinstance(key, str)}
_prefixes = [""]  # of this process: none, then that of its installation


def use_prefix(prefix: str) -> None:
    """Puts the prefix of an installation before all keys and channels of this process.

    To be called before the store is used. Raises RuntimeError if the process has the prefix of another installation.
    """
    if prefix == _prefixes[-1]:
        return
    if len(_prefixes) > 1:
        raise RuntimeError(f"this process is of the installation {_prefixes[-1]!r}: {prefix!r} needs one of its own")
    _prefixes.append(prefix)
    vars(keys).update({name: prefix + key for name, key in _names.items()})


def own_patterns(prefix: str) -> tuple[str, str]:
    """Returns patterns that all keys of the installation with this prefix match, and no other's."""
    return f"{prefix}judged:*", f"{prefix}arq:*"
