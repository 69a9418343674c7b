"""What an error reply asks for."""

from worker.providers.failures import LOADING_SECONDS, is_retryable, read_failure

LOADING = b'{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}'


def test_a_model_that_is_being_loaded_is_given_some_seconds() -> None:
    failure = read_failure(503, {}, LOADING)
    assert (failure.retry_after, is_retryable(failure)) == (LOADING_SECONDS, True)


def test_a_wait_that_the_server_itself_asks_for_comes_first() -> None:
    assert read_failure(503, {"retry-after": "1"}, LOADING).retry_after == 1


def test_other_errors_ask_for_no_wait() -> None:
    assert read_failure(503, {}, b"busy").retry_after is None
    assert read_failure(500, {}, LOADING).retry_after is None
