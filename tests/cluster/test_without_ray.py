"""Nothing of Ray is imported without the flag, and what is wrong is one sentence."""

from __future__ import annotations

import importlib
import socketserver
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from impasto import InputError
from impasto.cli.app import run
from impasto.cli.clusters import Cluster
from impasto.cluster import engine
from impasto.cluster.engine import needs_for
from impasto.messages.message import Message
from impasto.process import memory
from impasto.process.notices import heard_by


def test_nothing_of_ray_is_imported_without_the_flag() -> None:
    code = (
        "import sys, impasto.cli.app, impasto.cluster.batch, impasto.cluster.canvas, "
        "impasto.cluster.sheets; print('ray' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"


def test_without_the_extra_the_sentence_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"pip install 'impasto\[cluster\]'"):
        engine.ray()


@pytest.mark.usefixtures("small_pictures")
def test_workers_without_a_cluster_are_refused_and_nothing_is_written(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["stylize", "content.png", "style.png", "-o", "out.png", "--workers", "2"]) == 2
    assert "--ray local" in capsys.readouterr().err
    assert not Path("out.png").exists()


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "[::1]:1"])
def test_an_address_where_nothing_answers_is_refused_at_once(
    address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("ray")
    assert run(["doctor", "--ray", address]) == 2
    assert "--ray local" in capsys.readouterr().err


@pytest.mark.parametrize(
    "address", ["nowhere", "10.0.0.1", "10.0.0.1:99999", "10.0.0.1:port", "http://10.0.0.1:8265"]
)
def test_what_is_no_address_is_refused(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("ray")
    assert run(["doctor", "--ray", address]) == 2
    assert f"'{address}' is not the address of a Ray cluster" in capsys.readouterr().err


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.0 505 Version Not Supported\r\n", b"SSH-2.0-x\r\n", b""]
)
def test_a_server_that_is_not_ray_is_refused_at_once(answer: bytes) -> None:
    pytest.importorskip("ray")

    class Other(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(100)
            self.request.sendall(answer)

    with socketserver.TCPServer(("127.0.0.1", 0), Other) as server:
        threading.Thread(target=server.handle_request).start()
        address = f"127.0.0.1:{server.server_address[1]}"
        with (
            pytest.raises(InputError, match=f"What answers at '{address}' is not Ray"),
            engine.connected(address),
        ):
            pass


def test_a_machine_without_a_cluster_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray")

    def init(*_: object, **__: object) -> None:
        raise ConnectionError("Could not find any running Ray instance. Please specify the one")

    monkeypatch.setattr(ray, "init", init)
    with (
        pytest.raises(InputError, match="This machine belongs to no Ray cluster"),
        engine.connected("auto"),
    ):
        pass


def test_more_workers_than_this_machine_has_memory_for_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("ray")
    monkeypatch.setattr(memory, "free", lambda: 2.4e9)
    with (
        pytest.raises(InputError, match=r"4 workers need about 3 GB .* use at most 3\."),
        engine.connected("local", workers=4),
    ):
        pass


class NoGpu:
    """Ray, connected to a cluster without a GPU."""

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 4.0}


@pytest.mark.parametrize(
    ("device", "code"), [("cuda", "cluster.no-gpu"), ("mps", "cluster.device")]
)
def test_a_device_that_the_cluster_lacks_is_refused(
    monkeypatch: pytest.MonkeyPatch, device: str, code: str
) -> None:
    monkeypatch.setattr(engine, "ray", NoGpu)
    with pytest.raises(InputError) as raised:
        needs_for(device, None)
    assert raised.value.code == code


@pytest.mark.usefixtures("small_pictures")
@pytest.mark.parametrize("flag", ["--initial", "--protect"])
def test_a_broken_picture_of_the_recipe_is_refused_before_a_cluster_is_asked(
    flag: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Cluster, "connected", lambda _: pytest.fail("it connects"))
    Path("broken.png").write_bytes(b"no picture")
    Path("other.png").write_bytes(Path("content.png").read_bytes())
    command = ["stylize", "content.png", "other.png", "style.png", "-o", "out/", flag, "broken.png"]
    said = []
    for where in ([], ["--ray", "local"]):
        assert run([*command, *where]) == 2
        said.append(capsys.readouterr().err)
    assert "broken.png" in said[0]
    assert said[0] == said[1]


@pytest.mark.parametrize("chosen", ["", "10.0.0.1:6379"])
def test_which_of_several_clusters_is_used_is_told_unless_it_was_chosen(
    chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray = pytest.importorskip("ray")
    services = importlib.import_module("ray._private.services")
    monkeypatch.setenv("RAY_ADDRESS", chosen)
    monkeypatch.setattr(ray, "init", lambda *_, **__: None)
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    monkeypatch.setattr(services, "find_gcs_addresses", lambda: {"10.0.0.1:6379", "10.0.0.1:7000"})
    context = SimpleNamespace(gcs_address="10.0.0.1:7000")
    monkeypatch.setattr(ray, "get_runtime_context", lambda: context)
    heard: list[Message] = []
    with heard_by(heard.append), engine.connected("auto"):
        pass
    told = [str(message) for message in heard]
    assert len(told) == (0 if chosen else 1)
    assert all("The one at 10.0.0.1:7000 is used" in one for one in told)
