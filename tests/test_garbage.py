"""The collector passes over what was there before, and runs less often."""

import gc

from service.garbage import collect_less


def test_what_is_there_is_never_collected_again_and_new_objects_less_often() -> None:
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    gc.set_threshold(700, 10, 10)
    try:
        collect_less()
        assert gc.get_freeze_count() > frozen
        assert gc.get_threshold()[0] > 700
    finally:
        gc.set_threshold(*before)
