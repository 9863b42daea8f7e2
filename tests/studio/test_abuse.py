"""Hostile requests, one studio for all of them: each is told off, and nobody else is harmed."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import re
import socket
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from conftest import content_pixels
from impasto.studio import connections, guards
from impasto.studio.jobs import Workshop
from impasto.studio.limits import Limits
from studio_helpers import running

PAINT, EDITOR = "PAINT", "EDITOR"  # stand for the numbers that the page knows them by
SECRET = "the-name-of-the-rose"
TINY = 'size = 48\nlevels = 1\nsteps = 2\ncontent_layers = "conv2_1"\nstyle_layers = "conv1_1"'
# Long, and from noise: a picture painted from itself in its own style is finished at once.
LONG = TINY.replace("steps = 2", 'steps = 3000\ninitial = "noise"')
MOST = 300_000  # bytes of an upload
PATIENCE = 1.5  # seconds that the studio waits for the next piece of a request
JSON = {"content-type": "application/json"}
FORM = {"content-type": "multipart/form-data; boundary=b"}
# What hostile requests are answered with.
BAD, FORBIDDEN, NOT_THERE, STALLED, TOO_LARGE, NO_SUCH_VALUE = 400, 403, 404, 408, 413, 422


@dataclass
class Studio:
    """The studio that is abused.

    Attributes:
        address: of it.
        workshop: behind it.
        secret: a picture on its disk that is nobody's business.
        picture: an upload that can be painted.
    web: what asks it.
    """

    address: str
    workshop: Workshop
    secret: Path
    picture: str
    web: httpx.Client


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    folder = tmp_path_factory.mktemp("abused")
    secret = folder / "secret.png"
    secret.write_bytes(SECRET.encode())
    limits = Limits(bytes=MOST, pixels=100_000, steps=3000, waiting=3)
    with (
        pytest.MonkeyPatch.context() as patch,
        running(folder / "studio", limits) as (address, workshop),
        httpx.Client(base_url=address, timeout=30) as web,
    ):
        patch.setattr(guards, "PATIENCE", PATIENCE)
        patch.setattr(connections, "PATIENCE", PATIENCE)
        yield Studio(address, workshop, secret, upload(web, good_picture()), web)


@pytest.fixture(autouse=True)
def _well(studio: Studio) -> Iterator[None]:
    yield
    assert studio.web.get("/healthz", timeout=10).json()["status"] == "ok"


def good_picture() -> bytes:
    file = io.BytesIO()
    Image.fromarray(content_pixels(36, 48)).save(file, "PNG")
    return file.getvalue()


def upload(web: httpx.Client, data: bytes) -> str:
    answer = web.post("/gradio_api/upload", files={"files": ("picture.png", data)})
    assert answer.status_code == 200
    return str(answer.json()[0])


def paint_index(studio: Studio) -> int:
    """The number under which the page knows what programs call."""
    functions = studio.web.get("/config").json()["dependencies"]
    (index,) = (one["id"] for one in functions if one["api_name"] == "paint")
    return int(index)


def editor_index(studio: Studio) -> int:
    """The number of the component that a region is painted in."""
    components = studio.web.get("/config").json()["components"]
    (index,) = (one["id"] for one in components if one["props"].get("elem_id") == "brush")
    return int(index)


def file_data(path: str, **more: Any) -> dict[str, Any]:
    return {"path": path, "meta": {"_type": "gradio.FileData"}, **more}


def assert_tells_nothing(studio: Studio, text: str) -> None:
    for told in (SECRET, "Traceback", "root:", "site-packages", str(studio.workshop.folder)):
        assert told not in text


def assert_refused(studio: Studio, answer: httpx.Response, code: int) -> None:
    assert answer.status_code == code, answer.text
    assert_tells_nothing(studio, answer.text)


def ask_to_paint(studio: Studio, data: Any) -> str:
    """Where the answer to a call will be."""
    answer = studio.web.post("/gradio_api/call/paint", json={"data": data}, timeout=20)
    assert answer.status_code == 200, answer.text
    return f"/gradio_api/call/paint/{answer.json()['event_id']}"


def answer_to(studio: Studio, data: Any) -> tuple[str, Any]:
    """The last event of a call: its kind, and what it holds."""
    text = studio.web.get(ask_to_paint(studio, data), timeout=30).text
    assert_tells_nothing(studio, text)
    kind, held = text.strip().split("\n\n")[-1].split("\n")
    return kind.removeprefix("event: "), json.loads(held.removeprefix("data: "))


def assert_one_sentence(answer: tuple[str, Any]) -> None:
    kind, held = answer
    assert kind == "error"
    assert held["error"].endswith((".", "?"))
    assert "/" not in held["error"].replace("'/etc/passwd'", "")


def assert_is_empty(workshop: Workshop) -> None:
    deadline = time.monotonic() + 20
    while (len(workshop.queue) or any(workshop.folder.iterdir())) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(workshop.queue) == 0
    assert not list(workshop.folder.iterdir())


def connected(studio: Studio) -> socket.socket:
    host, _, port = studio.address.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=10)


def exchanged(studio: Studio, sent: bytes) -> bytes:
    """What comes back for these bytes until the studio has nothing more to say."""
    with connected(studio) as connection:
        connection.sendall(sent)
        connection.settimeout(PATIENCE + 3)
        received = b""
        try:
            while piece := connection.recv(65536):
                received += piece
                if b"\r\n\r\n" in received and not received.startswith(b"HTTP/1.1 100"):
                    break
        except (TimeoutError, ConnectionResetError):
            pass
    return received


def part(data: bytes, disposition: bytes = b'name="files"; filename="a.png"') -> bytes:
    head = b"Content-Disposition: form-data; " + disposition
    return b"--b\r\n" + head + b"\r\n\r\n" + data + b"\r\n--b--\r\n"


# ---------------------------------------------------------------------------------- uploads

UPLOADS: dict[str, dict[str, Any]] = {
    "one that is too large": {"files": {"files": ("a.png", b"x" * (MOST + 1))}},
    "one that is far too large": {"files": {"files": ("a.png", b"x" * 20_000_000)}},
    "many that are too large together": {
        "files": [("files", (f"{number}.png", b"x" * 200_000)) for number in range(20)]
    },
    "too many": {"files": [("files", (f"{number}.png", b"x")) for number in range(1100)]},
    "a huge field": {"files": {"files": (None, b"x" * 5_000_000)}},
    "a field in place of a file": {"files": {"files": (None, b"x")}},
    "a file that is called ..": {"files": {"files": ("..", b"x")}},
    "no boundary": {"content": b"x", "headers": {"content-type": "multipart/form-data"}},
    "no parts": {"content": b"nothing of the kind", "headers": FORM},
    "a part without a name": {"content": part(b"x", b"x"), "headers": FORM},
    "a part with a huge header": {"content": part(b"x", b"x" * 20_000), "headers": FORM},
    "not a form": {"content": b"x", "headers": {"content-type": "image/png"}},
    "nothing": {},
    "no end in sight": {"content": (b"x" * 65536 for _ in range(500)), "headers": FORM},
}


LARGE_UPLOADS = (
    "one that is too large",
    "one that is far too large",
    "many that are too large together",
    "a huge field",
    "a part with a huge header",
)


@pytest.mark.parametrize("what", UPLOADS)
def test_a_bad_upload_is_refused(studio: Studio, what: str) -> None:
    answer = studio.web.post("/gradio_api/upload", timeout=30, **UPLOADS[what])
    assert_refused(studio, answer, TOO_LARGE if what in LARGE_UPLOADS else BAD)


def test_an_upload_with_progress_and_a_field_in_it_is_refused(studio: Studio) -> None:
    files = {"files": (None, b"x")}
    assert_refused(studio, studio.web.post("/gradio_api/upload?upload_id=x", files=files), 400)


@pytest.mark.parametrize(
    "name",
    [
        "../../../../../tmp/out.png",
        "/etc/cron.d/out.png",
        "..\\..\\out.png",
        "a/../../out.png",
        "out.png\0.txt",
        "x" * 3000 + ".png",
        "%2e%2e%2fout.png",
        "$(touch out.png)",
        "\r\nSet-Cookie: a=b",
    ],
    ids=repr,
)
def test_no_upload_gets_out_of_its_folder(studio: Studio, name: str) -> None:
    disposition = f'name="files"; filename="{name}"'.encode()
    answer = studio.web.post("/gradio_api/upload", content=part(b"out", disposition), headers=FORM)
    assert "set-cookie" not in answer.headers
    if answer.status_code == 200:
        (path,) = map(Path, answer.json() or [studio.picture])
        assert path.parent.parent == Path(studio.picture).parent.parent
        assert ".." not in path.parts
    else:
        assert_refused(studio, answer, 400)


LIES: dict[str, bytes] = {
    "a length that never comes": b"Content-Length: 100000\r\n\r\n" + part(b"x"),
    "a length beyond every disk": b"Content-Length: 999999999999999\r\n\r\n" + part(b"x"),
    "a length below nothing": b"Content-Length: -1\r\n\r\n" + part(b"x"),
    "a length in words": b"Content-Length: many\r\n\r\n" + part(b"x"),
    "two lengths": b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n" + part(b"x"),
    "a length and chunks": b"Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "a chunk that is no chunk": b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n",
    "a chunk that never comes": b"Transfer-Encoding: chunked\r\n\r\nffff\r\nhello\r\n",
}


@pytest.mark.parametrize("what", LIES)
def test_whoever_lies_about_the_length_is_told_off(studio: Studio, what: str) -> None:
    head = "POST /gradio_api/upload HTTP/1.1\r\nHost: studio\r\n"
    form = "Content-Type: multipart/form-data; boundary=b\r\n"
    received = exchanged(studio, f"{head}{form}".encode() + LIES[what])
    stalls = what in ("a length that never comes", "a length beyond every disk")
    assert int(received[9:12]) == (STALLED if stalls else BAD)
    assert_tells_nothing(studio, received.decode())


# --------------------------------------------------------------------------------- pictures


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *more: bytes, depth: int = 8, colours: int = 2) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colours, 0, 0, 0))
    rows = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(more) + rows + chunk(b"IEND", b"")


def tiff(width: int, height: int) -> bytes:
    entries = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 279: 100}
    tags = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries.items())
    return struct.pack("<2sHIH", b"II", 42, 8, len(entries)) + tags + bytes(104)


def saved(kind: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(content_pixels(36, 48)).save(file, kind)
    return file.getvalue()


GOOD = good_picture()
BOMB = zlib.compress(bytes(100_000_000), 9)
BROKEN: dict[str, bytes] = {
    "a huge png": png(60_000, 60_000),
    "the hugest png": png(2**31 - 1, 2**31 - 1),
    "a huge png of one bit": png(2**30, 4, depth=1, colours=0),
    "a png of no pixels": png(0, 0),
    "a png with a text that explodes": png(48, 36, chunk(b"zTXt", b"impasto\0\0" + BOMB)),
    "a png with a profile that explodes": png(48, 36, chunk(b"iCCP", b"icc\0\0" + BOMB)),
    "a png with a chunk that is longer than the file": GOOD[:33] + b"\x7f\xff\xff\xffIDATx",
    "a png that breaks off": GOOD[: len(GOOD) // 2],
    "a png of nothing but its signature": GOOD[:8],
    "a png with a wrong checksum": GOOD[:29] + b"\0\0\0\0" + GOOD[33:],
    "a huge tiff": tiff(2**31, 2**31),
    "a tiff that points behind its end": struct.pack("<2sHI", b"II", 42, 2**31),
    "a tiff that points at itself": struct.pack("<2sHIHI", b"II", 42, 8, 0, 8),
    "a huge gif": b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\x08\x01\0\0;",
    "a gif without pictures": b"GIF89a\x30\0\x24\0\0\0\0;",
    "a huge bmp": b"BM"
    + struct.pack("<IIIIiiHHIIiiII", 99, 0, 54, 40, 2**30, 2**30, 1, 24, 0, 0, 0, 0, 0, 0),
    "a huge ppm": b"P6 99999 99999 255\n" + bytes(100),
    "a webp that breaks off": saved("WEBP")[:40],
    "a jpeg that breaks off": saved("JPEG")[:200],
    "a jpeg of nothing but its signature": b"\xff\xd8\xff\xe0",
    "an empty file": b"",
    "a text": b"What is in a name?",
    "a page": b"<html><script>alert(1)</script></html>",
    "an svg that names a file": b'<svg xmlns="http://www.w3.org/2000/svg">'
    b'<image href="/etc/passwd"/></svg>',
    "a postscript program": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) run\n",
    "an archive": b"PK\x03\x04" + bytes(100),
    "a pickle": b"\x80\x04cos\nsystem\n(S'touch out'\ntR.",
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_picture_is_told_in_one_sentence(studio: Studio, what: str) -> None:
    broken = file_data(upload(studio.web, BROKEN[what]))
    for pictures in ([broken, file_data(studio.picture)], [file_data(studio.picture), broken]):
        began = time.monotonic()
        answer = answer_to(studio, [*pictures, TINY])
        assert_one_sentence(answer)
        assert "picture" in answer[1]["error"]
        assert time.monotonic() - began < 5


def test_pixels_that_explode_are_not_read_to_their_end(studio: Studio) -> None:
    data = GOOD[:33] + chunk(b"IDAT", BOMB) + chunk(b"IEND", b"")
    began = time.monotonic()
    uploads = file_data(upload(studio.web, data)), file_data(studio.picture)
    kind, (painting,) = answer_to(studio, [*uploads, TINY])
    assert kind == "complete"
    with Image.open(io.BytesIO(studio.web.get(painting["url"]).content)) as image:
        assert image.size == (48, 36)
    assert time.monotonic() - began < 15


# ------------------------------------------------------------------------------------ paths

PATHS: dict[str, Callable[[Studio], str]] = {
    "an absolute one": lambda _: "/gradio_api/file=/etc/passwd",
    "one upwards": lambda _: "/gradio_api/file=../../../../../../etc/passwd",
    "one upwards, encoded": lambda _: "/gradio_api/file=%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "one encoded twice": lambda _: "/gradio_api/file=%252e%252e%252fetc%252fpasswd",
    "one with a zero byte": lambda _: "/gradio_api/file=/etc/passwd%00.png",
    "one that is no text": lambda _: "/gradio_api/file=%ff%fe",
    "one with a scheme": lambda _: "/gradio_api/file=file:///etc/passwd",
    "one that goes to another server": lambda _: "/gradio_api/file=http://127.0.0.1:1/",
    "one that goes to another server, the old way": lambda _: "/gradio_api/file/HTTP://a.test/",
    "one through a proxy": lambda _: "/gradio_api/proxy=http://127.0.0.1:1/",
    "the environment": lambda _: "/gradio_api/file=/proc/self/environ",
    "the secret": lambda studio: f"/gradio_api/file={studio.secret}",
    "the secret through an upload": lambda studio: (
        f"/gradio_api/file={Path(studio.picture).parent}/../../../..{studio.secret}"
    ),
    "every upload": lambda studio: f"/gradio_api/file={Path(studio.picture).parent.parent}",
    "an upload by its name alone": lambda _: "/gradio_api/file=picture.png",
    "a deep link": lambda _: "/gradio_api/deep_link?session_hash=x",
    "a component's files": lambda _: "/gradio_api/custom_component/x/client/..%2f/secret.png",
    "a reload": lambda _: "/gradio_api/dev/reload",
    "statistics": lambda _: "/monitoring/summary",
    "static files upwards": lambda _: "/static/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "assets upwards": lambda _: "/assets/..%2f..%2f..%2fetc%2fpasswd",
    "an asset with a zero byte": lambda _: "/assets/%00",
    "svelte upwards": lambda _: "/svelte/%2e%2e/%2e%2e/etc/passwd",
    "an icon of any size": lambda _: "/pwa_icon/99999999",
}


CLOSED_PATHS = (
    "one that goes to another server",
    "one that goes to another server, the old way",
    "one through a proxy",
    "a deep link",
    "a component's files",
    "a reload",
    "an asset with a zero byte",
    "an icon of any size",
)


@pytest.mark.parametrize("what", PATHS)
def test_a_path_leads_to_nothing(studio: Studio, what: str) -> None:
    with connected(studio) as connection:  # as it is: httpx would tidy it up
        request = f"GET {PATHS[what](studio)} HTTP/1.1\r\nHost: studio\r\nConnection: close\r\n\r\n"
        connection.sendall(request.encode())
        received = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    assert int(received[9:12]) == (NOT_THERE if what in CLOSED_PATHS else FORBIDDEN)
    assert SECRET not in received
    assert "root:" not in received
    assert "Traceback" not in received


KINDS: dict[str, list[tuple[str, str]]] = {
    "plain": [("content-type", "application/json")],
    "capitals": [("content-type", "Application/JSON; charset=utf-8")],
    "a kind of json": [("content-type", "application/vnd.a+json")],
    "json named like a form": [("content-type", "application/x-www-form-urlencoded+json")],
    "two, the first json": [("content-type", "application/json"), ("content-type", "text/plain")],
    "two, a form first": [
        ("content-type", "multipart/form-data"),
        ("content-type", "application/json"),
    ],
    "text": [("content-type", "text/plain")],
    "none": [],
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("where", ["call/paint", "call/v2/paint", "queue/join", "run/paint"])
def test_no_file_comes_in_under_another_content_type(studio: Studio, kind: str, where: str) -> None:
    secret = file_data(str(studio.secret))
    asked = json.dumps(
        {"data": [secret, secret, TINY], "fn_index": paint_index(studio), "session_hash": "x"}
    )
    answer = studio.web.post(f"/gradio_api/{where}", content=asked.encode(), headers=KINDS[kind])
    assert answer.status_code == 403
    assert_tells_nothing(studio, answer.text)


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".",
        "~/.ssh/id_rsa",
        "/etc/passwd\0.png",
        "file:///etc/passwd",
        "ftp://127.0.0.1/a.png",
        "//127.0.0.1/share/a.png",
        "data:image/png;base64,AAAA",
        "\ud800",
        "x" * 10_000,
    ],
    ids=lambda path: ascii(path[:30]),
)
def test_a_path_that_is_no_upload_is_no_picture(studio: Studio, path: str) -> None:
    asked = {"data": [file_data(path), file_data(studio.picture), TINY]}
    content = json.dumps(asked).encode()
    answer = studio.web.post("/gradio_api/call/paint", content=content, headers=JSON)
    assert answer.status_code == 403
    assert_tells_nothing(studio, answer.text)


def test_no_upload_leads_elsewhere(studio: Studio) -> None:
    link = Path(studio.picture).with_name("link.png")
    link.unlink(missing_ok=True)
    link.symlink_to(studio.secret)
    try:
        asked = {"data": [file_data(str(link)), file_data(studio.picture), TINY]}
        answer = studio.web.post("/gradio_api/call/paint", json=asked)
    finally:
        link.unlink()
    assert answer.status_code == 403
    assert_tells_nothing(studio, answer.text)


def test_an_address_beside_an_upload_is_not_asked(studio: Studio) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.settimeout(0.5)
        address = f"http://127.0.0.1:{other.getsockname()[1]}/a.png"
        picture = file_data(studio.picture, url=address, orig_name="../../out.png")
        assert answer_to(studio, [picture, picture, TINY])[0] == "complete"
        assert_one_sentence(answer_to(studio, [{"url": address}, picture, TINY]))
        with pytest.raises(TimeoutError):
            other.accept()


# ------------------------------------------------------------------------------------ calls

BODIES: dict[str, bytes] = {
    "nothing": b"",
    "half an object": b'{"data": [1, 2',
    "no object": b"[]",
    "null": b"null",
    "a deep nest": b'{"data": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "no data": b"{}",
    "data that is no list": b'{"data": {"a": 1}}',
    "data that is null": b'{"data": null}',
    "not text": b"\xff\xfe\xfd",
    "a huge one": b'{"data": ["' + b"x" * 2_000_000 + b'"]}',
    "a huge number": b'{"data": [' + b"9" * 10_000 + b"]}",
    "markup": b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>",
}


BODY_CODES = {
    "a huge one": TOO_LARGE,
    **dict.fromkeys(
        ("nothing", "no object", "null", "no data", "data that is no list", "data that is null"),
        NO_SUCH_VALUE,
    ),
}


@pytest.mark.parametrize("what", BODIES)
def test_a_malformed_call_is_refused(studio: Studio, what: str) -> None:
    answer = studio.web.post("/gradio_api/call/paint", content=BODIES[what], headers=JSON)
    assert_refused(studio, answer, BODY_CODES.get(what, BAD))


ENDPOINTS: dict[str, tuple[str, dict[str, Any]]] = {
    "an unknown name": ("call/none", {"data": []}),
    "an unknown name, version 2": ("call/v2/none", {}),
    "an unknown argument": ("call/v2/paint", {"none": 1}),
    "a private name": ("run/none", {"data": []}),
    "a way round the queue": ("run/paint", {"data": [None, None, ""]}),
    "no index": ("queue/join", {"data": [], "session_hash": "x"}),
    "no session": ("queue/join", {"data": [], "fn_index": PAINT}),
    "a large index": ("queue/join", {"data": [], "fn_index": 999, "session_hash": "x"}),
    "the hugest index": ("queue/join", {"data": [], "fn_index": 10**30, "session_hash": "x"}),
    "an index below nothing": ("queue/join", {"data": [], "fn_index": -1, "session_hash": "x"}),
    "an index in words": ("queue/join", {"data": [], "fn_index": "paint", "session_hash": "x"}),
    "a session that is no text": (
        "queue/join",
        {"data": [], "fn_index": PAINT, "session_hash": []},
    ),
    "an unknown component": (
        "component_server",
        {"data": 1, "component_id": 9999, "session_hash": "x", "fn_name": "x"},
    ),
    "what is private in a component": (
        "component_server",
        {"data": 1, "component_id": EDITOR, "session_hash": "x", "fn_name": "__init__"},
    ),
    "no component": ("component_server", {}),
    "nothing to cancel": ("cancel", {}),
    "a stream": ("stream/none", {"data": []}),
    "an editor": ("vibe-edit", {"prompt": "x"}),
    "a recording": ("process_recording", {}),
}


ENDPOINT_CODES = {
    **dict.fromkeys(
        (
            "a way round the queue",
            "what is private in a component",
            "a stream",
            "an editor",
            "a recording",
        ),
        NOT_THERE,
    ),
    **dict.fromkeys(
        ("an index in words", "a session that is no text", "nothing to cancel"), NO_SUCH_VALUE
    ),
}


@pytest.mark.parametrize("what", ENDPOINTS)
def test_what_is_not_there_cannot_be_called(studio: Studio, what: str) -> None:
    name, asked = ENDPOINTS[what]
    numbers = {PAINT: paint_index(studio), EDITOR: editor_index(studio)}
    asked = {
        key: numbers.get(value, value) if isinstance(value, str) else value
        for key, value in asked.items()
    }
    answer = studio.web.post(f"/gradio_api/{name}", json=asked, timeout=20)
    assert_refused(studio, answer, ENDPOINT_CODES.get(what, BAD))


def test_a_component_is_not_called_with_half_a_form(studio: Studio) -> None:
    answer = studio.web.post("/gradio_api/component_server", files={"data": ("a", b"x")})
    assert_refused(studio, answer, 400)


DATA: dict[str, list[Any]] = {
    "nothing": [],
    "too little": [None],
    "too much": [None] * 9,
    "no pictures": [None, None, ""],
    "numbers": [1, 2, 3],
    "paths": ["/etc/passwd", "/etc/passwd", ""],
    "objects": [{"a": 1}, {"a": 1}, {"a": 1}],
    "lists": [[], [[]], []],
}


@pytest.mark.parametrize("what", DATA)
def test_data_of_the_wrong_kind_is_told_in_one_sentence(studio: Studio, what: str) -> None:
    assert_one_sentence(answer_to(studio, DATA[what]))


@pytest.mark.parametrize("value", [None, "../../etc/passwd", {"a": 1}], ids=str)
def test_whatever_is_private_takes_no_wrong_data(studio: Studio, value: Any) -> None:
    functions = studio.web.get("/config").json()["dependencies"]
    for function in (one for one in functions if one["queue"] and one["backend_fn"]):
        session = f"{function['id']}-{value}"
        asked = {
            "data": [value] * len(function["inputs"]),
            "fn_index": function["id"],
            "session_hash": session,
        }
        assert studio.web.post("/gradio_api/queue/join", json=asked).status_code == 200
        answer = studio.web.get(
            "/gradio_api/queue/data", params={"session_hash": session}, timeout=20
        )
        assert "process_completed" in answer.text
        assert_tells_nothing(studio, answer.text)


RECIPES: dict[str, str] = {
    "no toml": "= ",
    "a zero byte": "\0",
    "a huge whole number": "size = " + "9" * 5000,
    "a huge number": "size = 1e400",
    "the hugest size": "size = 0x7fffffffffffffff",
    "a size below nothing": "size = -1",
    "no number": "beta = nan",
    "no end": "beta = inf",
    "a huge seed": "seed = 99999999999999999999999",
    "a billion steps": "steps = 1000000000",
    "more steps than there may be": "steps = 3001",
    "a huge canvas": "size = 30000",
    "a huge painting": "size = 48\noutput_size = 30000",
    "a thousand levels": "levels = 1000",
    "a tiny style": "style_scale = 1e-300",
    "a huge style": "style_scale = 1e300",
    "a deep nest": "x = " + "[" * 5000,
    "a long key": ".".join("a" * 5000) + " = 1",
    "a thousand layers": f'style_layers = "{"conv1_1," * 1000}"',
    "code": "optimizer = \"__import__('os').system('touch out')\"",
    "what is private": "__class__ = 1",
    "a path for a preset": "preset = '/etc/passwd'",
    "a path for weights": "weights = '/etc/passwd'",
    "a long text": "# " + "x" * 900_000 + "\nsize = ",
}


@pytest.mark.parametrize("what", RECIPES)
def test_a_hostile_recipe_is_told_in_one_sentence(studio: Studio, what: str) -> None:
    picture = file_data(studio.picture)
    began = time.monotonic()
    assert_one_sentence(answer_to(studio, [picture, picture, RECIPES[what]]))
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("line", ['initial = "{}"', 'styles = ["{}"]', 'protect = "{}"'])
def test_a_path_in_a_recipe_is_not_opened(studio: Studio, line: str) -> None:
    picture = file_data(studio.picture)
    recipe = f"{line.format(studio.secret)}\n{TINY}"
    assert answer_to(studio, [picture, picture, recipe])[0] == "complete"


# ------------------------------------------------------------------------------ connections

SLOW: dict[str, bytes] = {
    "half an upload": b"POST /gradio_api/upload HTTP/1.1\r\nHost: studio\r\n"
    b"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 5000\r\n\r\n--b\r\n",
    "half a call": b"POST /gradio_api/call/paint HTTP/1.1\r\nHost: studio\r\n"
    b'Content-Type: application/json\r\nContent-Length: 500\r\n\r\n{"data": [',
    "no body": b"POST /gradio_api/queue/join HTTP/1.1\r\nHost: studio\r\n"
    b"Content-Type: application/json\r\nContent-Length: 500\r\n\r\n",
}


@pytest.mark.parametrize("what", SLOW)
def test_whoever_does_not_go_on_is_hung_up_on(studio: Studio, what: str) -> None:
    with connected(studio) as connection:
        connection.sendall(SLOW[what])
        began = time.monotonic()
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    assert received.startswith(b"HTTP/1.1 408")
    assert PATIENCE - 0.5 < time.monotonic() - began < PATIENCE + 3
    assert_tells_nothing(studio, received.decode())


@pytest.mark.parametrize("what", SLOW)
def test_whoever_hangs_up_halfway_harms_nobody(studio: Studio, what: str) -> None:
    with connected(studio) as connection:
        connection.sendall(SLOW[what])


GOOD_REQUEST = b"GET /healthz HTTP/1.1\r\nHost: studio\r\n\r\n"
HALF_HEADS: dict[str, bytes] = {
    "nothing": b"",
    "a byte": b"G",
    "half a line": b"GET /healthz HT",
    "half a header": b"GET /healthz HTTP/1.1\r\nHost: stu",
    "all headers but no end": b"GET /healthz HTTP/1.1\r\nHost: studio\r\n",
    "half a header of a post": b"POST /gradio_api/upload HTTP/1.1\r\nHost: studio\r\nContent-Le",
    "half a second request": GOOD_REQUEST + b"GET /healthz HTTP/1.1\r\nHo",
    "a body that nobody asked for": b"GET /healthz HTTP/1.1\r\nHost: studio\r\n"
    b"Content-Length: 1000\r\n\r\nx",
}


PACES = {"and no more": None, "and a byte now and then": 0.2}


def held(studio: Studio, sent: bytes, every: float | None) -> tuple[float, bytes]:
    """How long a connection is held by these bytes, and what comes back.

    Args:
        studio: what they are sent to.
        sent: the bytes.
        every: seconds after which one more byte is sent, again and again; None for none.
    """
    began, received = time.monotonic(), b""
    with connected(studio) as connection, contextlib.suppress(ConnectionError):
        connection.sendall(sent)
        connection.settimeout(every or PATIENCE + 6)
        while time.monotonic() - began < PATIENCE + 6:
            try:
                if not (piece := connection.recv(65536)):
                    break
                received += piece
            except TimeoutError:
                connection.sendall(b"x")
    return time.monotonic() - began, received


@pytest.fixture(scope="module")
def half_requests(studio: Studio) -> dict[tuple[str, str], tuple[float, bytes]]:
    """What becomes of half requests that are sent side by side, since each is waited for."""
    cases = list(itertools.product(HALF_HEADS, PACES))
    with ThreadPoolExecutor(len(cases)) as pool:
        sent = [pool.submit(held, studio, HALF_HEADS[what], PACES[pace]) for what, pace in cases]
    return dict(zip(cases, (one.result() for one in sent), strict=True))


@pytest.mark.parametrize("what", HALF_HEADS)
@pytest.mark.parametrize("pace", PACES)
def test_no_connection_is_held_by_half_a_request(
    half_requests: dict[tuple[str, str], tuple[float, bytes]], what: str, pace: str
) -> None:
    seconds, received = half_requests[what, pace]
    assert seconds < PATIENCE + 6
    if what in ("half a line", "half a header", "all headers but no end"):
        assert received.startswith(b"HTTP/1.1 408")


def test_who_takes_nothing_of_an_answer_is_hung_up_on(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "SLOWEST", 0.5)
    page = studio.web.get("/").text
    asset = max(
        re.findall(r"assets/[^\"']+\.(?:js|css)", page),
        key=lambda path: len(studio.web.get(f"/{path}").content),
    )
    asked = f"GET /{asset} HTTP/1.1\r\nHost: studio\r\n\r\n".encode() * 200
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(10)
        connection.connect(tuple(connected(studio).getpeername()))
        connection.sendall(asked)
        time.sleep(3)
        with contextlib.suppress(ConnectionResetError):
            received = sum(len(piece) for piece in iter(lambda: connection.recv(65536), b""))
            assert received < 200 * len(studio.web.get(f"/{asset}").content)


def test_there_are_not_more_connections_than_the_system_has_room_for(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MOST", 5)
    held = [connected(studio) for _ in range(5)]
    try:
        time.sleep(0.2)
        with connected(studio) as one_more:
            assert one_more.recv(65536).startswith(b"HTTP/1.1 503")
    finally:
        for connection in held:
            connection.close()


@pytest.mark.parametrize(
    "path",
    [
        "call/paint/none",
        "call/paint/none/",
        "call/v2/paint/none",
        "call/none/none",
        "call/paint/%00",
        "queue/data?session_hash=none",
        "queue/data",
        "queue/data?session_hash=",
    ],
)
def test_an_answer_to_a_call_that_was_not_made_is_not_there(studio: Studio, path: str) -> None:
    answer = studio.web.get(f"/gradio_api/{path}")
    assert answer.status_code == 404
    assert answer.text == "There is no such call, or it has been answered already."


def test_two_may_listen_for_the_answer_to_one_call(studio: Studio) -> None:
    picture = file_data(studio.picture)
    address = ask_to_paint(studio, [picture, picture, LONG])
    with studio.web.stream("GET", address, timeout=20) as first:
        assert next(first.iter_lines()).startswith("event: ")
        with studio.web.stream("GET", address, timeout=20) as second:
            assert second.status_code == 200
    assert_is_empty(studio.workshop)


def test_fifty_half_requests_keep_nobody_out(studio: Studio) -> None:
    held = [connected(studio) for _ in range(50)]
    try:
        for connection in held:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: stu")
        assert studio.web.get("/healthz", timeout=5).status_code == 200
    finally:
        for connection in held:
            connection.close()


def test_three_hundred_connections_that_say_nothing(studio: Studio) -> None:
    for _ in range(300):
        connected(studio).close()


def test_a_painting_that_nobody_waits_for_is_given_up(studio: Studio) -> None:
    picture = file_data(studio.picture)
    address = ask_to_paint(studio, [picture, picture, LONG])
    with studio.web.stream("GET", address, timeout=20) as answer:
        assert next(answer.iter_lines()).startswith("event: ")
    assert_is_empty(studio.workshop)


def test_a_queue_that_is_full_turns_everybody_away(studio: Studio) -> None:
    picture = file_data(studio.picture)
    places = [studio.workshop.queue.enter() for _ in range(3)]
    try:
        asked = [ask_to_paint(studio, [picture, picture, TINY]) for _ in range(15)]
        for address in asked:
            assert (
                "The queue is full (at most 3 paintings)"
                in studio.web.get(address, timeout=20).text
            )
    finally:
        for place in places:
            place.leave()
    assert_is_empty(studio.workshop)


def test_many_at_once_are_painted_or_turned_away(studio: Studio) -> None:
    picture = {"data": [file_data(studio.picture)] * 2 + [TINY]}
    answers = [studio.web.post("/gradio_api/call/paint", json=picture) for _ in range(12)]
    assert {answer.status_code for answer in answers} <= {200, 503}
    for answer in answers:
        if answer.status_code == 200:
            at = f"/gradio_api/call/paint/{answer.json()['event_id']}"
            text = studio.web.get(at, timeout=30).text
            assert "event: complete" in text or "The queue is full" in text
    assert_is_empty(studio.workshop)


RAW: dict[str, bytes] = {
    "no request": b"hello\r\n\r\n",
    "another protocol": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(50) + b"\r\n\r\n",
    "a version from the future": b"GET / HTTP/X.9\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "a header without an end": b"GET /healthz HTTP/1.1\r\nHost: studio\r\nX: " + b"x" * 200_000,
    "a header with a zero byte": b"GET /healthz HTTP/1.1\r\nHost: studio\r\nX: a\0b\r\n\r\n",
    "a name with a blank": b"GET /healthz HTTP/1.1\r\nHost: studio\r\nX Y: a\r\n\r\n",
    "a path with a blank": b"GET /a b HTTP/1.1\r\nHost: studio\r\n\r\n",
    "a long path": b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: studio\r\n\r\n",
    "a method of one's own": b"BREW /healthz HTTP/1.1\r\nHost: studio\r\n\r\n",
    "a trace": b"TRACE / HTTP/1.1\r\nHost: studio\r\n\r\n",
    "a tunnel": b"CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: studio\r\n\r\n",
    "a put": b"PUT /gradio_api/upload HTTP/1.1\r\nHost: studio\r\nContent-Length: 1\r\n\r\nx",
    "a delete": b"DELETE /gradio_api/call/paint HTTP/1.1\r\nHost: studio\r\n\r\n",
    "a request inside another": b"GET /none HTTP/1.1\r\nHost: studio\r\n"
    b"Content-Length: 5\r\n\r\nGET /",
    "a websocket at nothing": b"GET /none HTTP/1.1\r\nHost: studio\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Key: YWJjZGVmZ2hpamtsbW5vcA==\r\n"
    b"Sec-WebSocket-Version: 13\r\n\r\n",
    "a websocket at the queue": b"GET /gradio_api/queue/join HTTP/1.1\r\nHost: studio\r\n"
    b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: YWJjZGVmZ2hpamtsbW5vcA==\r\n\r\n",
}


RAW_CODES = {
    **dict.fromkeys(
        (
            "a method of one's own",
            "a tunnel",
            "a request inside another",
            "a websocket at nothing",
        ),
        404,
    ),
    **dict.fromkeys(("a trace", "a put", "a delete", "a websocket at the queue"), 405),
}


@pytest.mark.parametrize("what", RAW)
def test_what_is_no_request_is_told_off(studio: Studio, what: str) -> None:
    received = exchanged(studio, RAW[what])
    assert int(received[9:12]) == RAW_CODES.get(what, 400)
    assert_tells_nothing(studio, received.decode())


@pytest.mark.parametrize(
    "header",
    [
        'Host: a.test"><script>alert(1)</script>',
        'X-Forwarded-Host: a.test"><script>alert(1)</script>',
        "X-Forwarded-Prefix: /..;/<script>alert(1)</script>",
        "Accept-Language: <script>alert(1)</script>",
        "Cookie: access-token=<script>alert(1)</script>",
    ],
)
@pytest.mark.parametrize("path", ["/", "/?__theme=<script>alert(1)</script>", "/config"])
def test_no_script_comes_back_from_a_header(studio: Studio, header: str, path: str) -> None:
    name, value = header.split(": ", 1)
    answer = studio.web.get(f"{studio.address}{path}", headers={name: value})
    assert "html" not in answer.headers["content-type"] or "<script>alert(1)" not in answer.text
    assert "a.test" not in answer.headers.get("location", "")
    assert_tells_nothing(studio, answer.text)


def test_a_path_cannot_add_a_header(studio: Studio) -> None:
    answer = studio.web.get("/gradio_api/file=a%0d%0aSet-Cookie:%20a=b")
    assert_refused(studio, answer, 404)
    assert "set-cookie" not in answer.headers


# --------------------------------------------------------------------------------- afterwards


def test_after_all_that_another_client_gets_a_painting(studio: Studio) -> None:
    picture = file_data(studio.picture)
    kind, (painting,) = answer_to(studio, [picture, picture, TINY])
    assert kind == "complete"
    answer = studio.web.get(painting["url"])
    with Image.open(io.BytesIO(answer.content)) as image:
        assert image.size == (48, 36)
    assert_is_empty(studio.workshop)
