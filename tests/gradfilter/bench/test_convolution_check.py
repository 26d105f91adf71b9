"""The check that a board's torch computes convolutions: its plain loops, and what it says of torch's answers."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.nn import functional

from gradfilter.bench.convolution_check import check_convolution, convolve_in_loops

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(("kernel", "stride"), [(1, 1), (3, 1), (3, 2), (5, 2)])
def test_plain_loops_are_a_convolution(kernel, stride):
    """
    Output and gradients of the loops are those of torch in float64, on maps whose sides differ.
    """
    torch.manual_seed(1)
    images, weight = torch.randn(2, 3, 8, 6).double(), torch.randn(4, 3, kernel, kernel).double()
    gradient = torch.randn(2, 4, 8 // stride, 6 // stride).double()
    ours = [tensor.clone().requires_grad_() for tensor in (images, weight)]
    output = functional.conv2d(ours[0], ours[1], stride=stride, padding=kernel // 2)
    output.backward(gradient)
    for expected, computed in zip(
        (output, ours[0].grad, ours[1].grad), convolve_in_loops(images, weight, gradient, stride)
    ):
        assert torch.allclose(expected.detach(), computed.double(), atol=1e-5)


def test_this_processor_convolves_right():
    """
    Small whole numbers come out exactly.
    """
    check = check_convolution("cpu")
    assert (True, 0.0, "") == (check.correct, check.largest_error, check.error)


def test_device_that_computes_nothing_is_wrong():
    """
    A kind of compute that raises is a wrong answer with torch's words, not the end of the description.
    """
    check = check_convolution("meta")
    assert (False, None, True) == (check.correct, check.largest_error, len(check.error) > 0)


def test_command_prints_a_line_for_each_kind_of_compute():
    """
    The command that an installation runs says in JSON what it found, and exits with 0 when all is right.
    """
    command = [sys.executable, "-m", "gradfilter.bench.convolution_check"]
    output = subprocess.check_output(command, cwd=str(ROOT), env={"PYTHONPATH": str(ROOT)}).decode("utf-8")
    first = json.loads(output.splitlines()[0])
    assert {"compute": "cpu", "correct": True, "largest_error": 0.0, "error": ""} == first
