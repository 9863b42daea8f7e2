"""Twenty programs at once, for five minutes: none lost, none mixed up, in order, memory flat."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from pathlib import Path

import numpy as np
import psutil
from gradio_client import Client, handle_file
from PIL import Image

from studio_helpers import running

CLIENTS, MINUTES = 20, 5
RECIPE = 'size = 48\nlevels = 1\nsteps = 2\ncontent_layers = "conv2_1"\nstyle_layers = "conv1_1"'


def own_picture(folder: Path, number: int) -> Path:
    """A picture that no other client has."""
    generator = np.random.default_rng(number)
    path = folder / f"{number}.png"
    Image.fromarray(generator.integers(0, 256, (36, 48, 3), dtype=np.uint8)).save(path)
    return path


def test_twenty_clients_at_once(tmp_path: Path) -> None:
    counts = [0] * CLIENTS
    errors: list[BaseException] = []
    style = own_picture(tmp_path, 1000)

    def keep_asking(address: str, number: int, until: float) -> None:
        try:
            content = own_picture(tmp_path, number)
            sha256 = hashlib.sha256(content.read_bytes()).hexdigest()
            client = Client(address, verbose=False)
            while time.monotonic() < until:
                painting = client.predict(
                    handle_file(content), handle_file(style), RECIPE, api_name="/paint"
                )
                with Image.open(painting) as image:
                    carried = json.loads(image.info["impasto"])
                assert carried["content"]["sha256"] == sha256
                counts[number] += 1
        except BaseException as error:
            errors.append(error)

    with running(tmp_path / "studio") as (address, workshop):
        until = time.monotonic() + 60 * MINUTES
        threads = [
            threading.Thread(target=keep_asking, args=(address, number, until))
            for number in range(CLIENTS)
        ]
        for thread in threads:
            thread.start()
        time.sleep(60)
        early = psutil.Process().memory_info().rss
        for thread in threads:
            thread.join()
        late = psutil.Process().memory_info().rss
        assert len(workshop.queue) == 0
    assert errors == []
    assert max(counts) - min(counts) <= 2
    assert late < 1.15 * early
