"""How many programs JAX has compiled for a function: the one private name of JAX that is used."""


def programs(function) -> int:
    """Programs that a jitted function holds; a call that compiles adds one."""
    return function._cache_size()
