"""The environment of the processes that are started."""

from service.launch.interpreter import FRUGAL, python_environ


def test_allocators_are_frugal_unless_the_environment_says_otherwise() -> None:
    assert FRUGAL.items() <= python_environ({}).items()
    assert python_environ({"MALLOC_ARENA_MAX": "8"}) | {"MALLOC_ARENA_MAX": "2"} == python_environ({})
