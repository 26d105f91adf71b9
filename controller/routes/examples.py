"""Requests as users write them, shown in OpenAPI and accepted as they stand by a lab with such a device."""

from typing import Any

DEVICE_NAME = "this-computer"

NEW_DEVICES: dict[str, Any] = {
    "board": {
        "summary": "A board whose agent listens on the usual port",
        "value": {"name": "nano-1", "url": "http://nano-1:8101", "tags": ["desk"]},
    },
}

DEVICE_CHANGES: dict[str, Any] = {
    "maintenance": {"summary": "Keep new jobs away", "value": {"maintenance": True}},
    "tags": {"summary": "Other tags", "value": {"tags": ["desk", "fan"]}},
}

_BASELINE = {"name": "baseline", "methods": []}


def _filtered(name: str, **options: int) -> dict[str, Any]:
    return {"name": name, "methods": [{"name": "gradient_filter", "options": options}]}


JOBS: dict[str, Any] = {
    "quick": {
        "summary": "A few seconds: a tiny network, plain and with gradient filtering",
        "value": {
            "workload": {
                "kind": "training",
                "model": "tiny_cnn",
                "dataset": "digits",
                "image_size": 16,
                "batch_size": 8,
                "trainable": "last:2",
                "warm_up_steps": 2,
                "measured_steps": 10,
            },
            "variants": [_BASELINE, _filtered("filtered", patch_size=2, last=2)],
            "repetitions": 2,
            "quick": True,
            "device": {"name": DEVICE_NAME},
            "limits": {"run_s": 120, "settle_s": 0},
        },
    },
    "fine_tuning": {
        "summary": "Fine-tuning the last four convolutions of resnet18 after training on other digits",
        "value": {
            "workload": {
                "kind": "training",
                "model": "resnet18",
                "dataset": "digits",
                "image_size": 128,
                "batch_size": 16,
                "trainable": "last:4",
                "optimizer": {"learning_rate": 0.01, "momentum": 0.9, "schedule": "cosine", "clip_norm": 2.0},
                "pretraining": {"steps": 120},
            },
            "variants": [
                _BASELINE,
                _filtered("filter_p2", patch_size=2, last=4),
                _filtered("filter_p4", patch_size=4, last=4),
            ],
            "repetitions": 8,
            "device": {"name": DEVICE_NAME},
        },
    },
    "layer": {
        "summary": "One convolution's forward and backward, over two shapes",
        "value": {
            "workload": {
                "kind": "conv_layer",
                "shapes": [
                    {"batch_size": 32, "in_channels": 128, "out_channels": 128, "height": 28, "width": 28},
                    {"batch_size": 32, "in_channels": 512, "out_channels": 512, "height": 14, "width": 14},
                ],
            },
            "variants": [_BASELINE, _filtered("filter_p4", patch_size=4)],
            "repetitions": 4,
            "device": {"name": DEVICE_NAME},
        },
    },
}
