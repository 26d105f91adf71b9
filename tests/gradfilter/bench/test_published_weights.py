"""Weights that libraries publish: fetched once by a preparation, from a hub on loopback here."""

import importlib.util
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from gradfilter.bench.board import Board
from gradfilter.bench.errors import RefusedWorkload
from gradfilter.bench.models import build_model, published_weights

ROOT = Path(__file__).resolve().parents[3]
SMALLEST = {"model": "test_resnet", "weights": "pretrained", "image_size": 32, "trainable": "head"}
has_hub = importlib.util.find_spec("safetensors") is not None
needs_hub = pytest.mark.skipif(not has_hub, reason="timm 0.6 of Python 3.6 publishes pickles, which are refused")


class Hub:
    """Serves safetensors by path, as huggingface.co does."""

    def __init__(self):
        self.files = {}
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self):
                content = next((text for end, text in hub.files.items() if self.path.endswith(end)), None)
                self.send_response(404 if content is None else 200)
                self.send_header("Content-Length", str(len(content or b"")))
                self.send_header("ETag", '"' + str(len(content or b"")) + '"')
                self.send_header("X-Repo-Commit", "0" * 40)
                self.end_headers()
                return content or b""

            def do_GET(self):
                self.wfile.write(self.do_HEAD())

            def log_message(self, *ignored):
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:" + str(self._server.server_port)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(name="hub")
def fixture_hub():
    hub = Hub()
    yield hub
    hub.close()


@pytest.fixture(name="board")
def fixture_board(tmp_path):
    return Board(tmp_path / "cache", tmp_path / "datasets", tmp_path / "weights")


def as_safetensors(state):
    from safetensors.torch import save  # noqa: PLC0415 (not on every Python)

    return save({name: value.contiguous() for name, value in state.items()})


@needs_hub
def test_preparation_fetches_once_and_runs_need_no_network(hub, board, start_worker, spec):
    """
    A preparation downloads into the board's cache; a measured run without any network starts from it.
    """
    weights = build_model("test_resnet", 1000, 5, board).state_dict()
    hub.files["/timm/test_resnet.r160_in1k/resolve/main/model.safetensors"] = as_safetensors(weights)
    worker = start_worker(board.cache_dir, HF_ENDPOINT=hub.url)
    worker.tell(json.dumps(spec(SMALLEST, purpose="prepare")))
    run = worker.finish()
    assert 0 == run.status, run.failure
    assert list(board.cache_dir.glob("huggingface/hub/models--timm--test_resnet*"))

    worker = start_worker(board.cache_dir, HF_HUB_OFFLINE="1", HF_HOME="/nowhere")
    worker.tell(json.dumps(spec(SMALLEST)))
    run = worker.finish()
    facts = {name: value for event in run.of("environment") for name, value in event["values"].items()}
    assert 0 == run.status, run.failure
    assert ("timm test_resnet.r160_in1k", ["fc"]) == (facts["weights_origin"], facts["weights_not_loaded"])


@needs_hub
def test_preparation_without_network_says_what_to_do(board, start_worker, spec):
    """
    Without network and cache a preparation is refused; it never starts from random weights instead.
    """
    worker = start_worker(board.cache_dir, "--weights-dir", str(board.weights_dir), HF_HUB_OFFLINE="1")
    worker.tell(json.dumps(spec(SMALLEST, purpose="prepare")))
    run = worker.finish()
    assert (1, "refused", "weights") == (run.status, run.failure["kind"], run.failure["field"])
    assert "Connect this board to the network for one preparation, or put a file" in run.failure["message"]
    assert str(board.weights_dir) in run.failure["message"]
    assert not list(board.cache_dir.glob("start-*"))


@needs_hub
@pytest.mark.skipif(
    importlib.util.find_spec("segmentation_models_pytorch") is None,
    reason="segmentation-models-pytorch is not installed",
)
def test_segmentation_model_takes_its_encoders_weights(hub, board):
    """
    Of a segmentation model the encoder alone is published; decoder and head stay as they were, and are named.
    """
    encoder = build_model("fpn_mobilenet_v2", 2, 5, board).encoder.state_dict()
    hub.files["/config.json"] = b"{}"
    hub.files["/model.safetensors"] = as_safetensors(encoder)
    code = """
import json
from pathlib import Path
from gradfilter.bench.board import Board
from gradfilter.bench.models import build_model, published_weights
from gradfilter.bench.weights_loading import load_weights
board = Board(Path("cache"), Path("datasets"), Path("weights"))
model = build_model("fpn_mobilenet_v2", 2, 0, board)
published = published_weights("fpn_mobilenet_v2", board)
left = load_weights(model, published.state, published.origin, published.covers)
print(json.dumps([published.origin, left, model.encoder.features[0][0].weight.sum().item()]))
"""
    output = subprocess.check_output(
        [sys.executable, "-c", code],
        env=dict(os.environ, PYTHONPATH=str(ROOT), HF_ENDPOINT=hub.url, HF_HOME=str(board.cache_dir)),
        cwd=str(ROOT),
    )
    origin, left, total = json.loads(output.decode("utf-8"))
    assert origin.endswith("encoder mobilenet_v2, imagenet")
    assert ["decoder", "segmentation_head"] == left
    assert total == pytest.approx(encoder["features.0.0.weight"].sum().item())


@pytest.mark.skipif(has_hub, reason="timm 1.0 publishes safetensors")
def test_weights_published_as_pickles_are_refused(board):
    """
    The weights of timm 0.6 could run code; the refusal says how to bring them.
    """
    with pytest.raises(RefusedWorkload, match=r"as pickle files, which can run code .* Save them as .npz") as refusal:
        published_weights("resnet18", board)
    assert "weights" == refusal.value.field


def test_timm_model_that_was_never_published_is_refused(board):
    """
    Some of timm's architectures have no weights at all.
    """
    with pytest.raises(RefusedWorkload, match="nobody publishes weights for model 'vovnet39a'"):
        published_weights("vovnet39a", board)
