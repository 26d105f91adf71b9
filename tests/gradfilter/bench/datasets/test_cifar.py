"""CIFAR from files of the official sizes, written by the test: sparse, with the first records filled in."""

import numpy as np
import pytest
import torch

from gradfilter.bench.datasets import absent_datasets, dataset_names, load_dataset
from gradfilter.bench.errors import RefusedWorkload

TEN = {f"data_batch_{number}.bin": 30730000 for number in range(1, 6)}
TEN["test_batch.bin"] = 30730000
HUNDRED = {"train.bin": 153700000, "test.bin": 30740000}
# The red plane comes first, row by row.
PIXELS = np.arange(3072, dtype=np.uint32).reshape(3, 32, 32).astype(np.uint8)


def write_files(board, folder, sizes, labels):
    (board.datasets_dir / folder).mkdir()
    for name, size in sizes.items():
        with (board.datasets_dir / folder / name).open("wb") as file:
            file.write(bytes(labels) + PIXELS.tobytes())
            file.truncate(size)


@pytest.fixture(name="ten")
def fixture_ten(board):
    write_files(board, "cifar-10-batches-bin", TEN, [7])
    return board.datasets_dir / "cifar-10-batches-bin"


@pytest.fixture(name="hundred")
def fixture_hundred(board):
    write_files(board, "cifar-100-binary", HUNDRED, [11, 99])
    return board.datasets_dir / "cifar-100-binary"


def test_ten_is_read_as_it_is_written(board, ten):
    """
    One label byte, then three planes; the test batch is held out, and files follow one another.
    """
    data = load_dataset("cifar10", board)
    assert (10, 60000, 10000) == (data.classes, data.images, data.held_out)
    images, labels = data.load([0, 1, 10000, 50000], 32)
    assert [7, 0, 7, 7] == labels.tolist()
    red = (torch.from_numpy(PIXELS[0]).float() / 255 - 0.485) / 0.229
    assert torch.allclose(red, images[0, 0], atol=1e-5)
    assert torch.equal(images[0], images[3])


def test_hundred_has_its_fine_label(board, hundred):
    """
    The second byte is the label; the coarse one is passed over.
    """
    data = load_dataset("cifar100", board)
    assert (100, 60000, 10000) == (data.classes, data.images, data.held_out)
    images, labels = data.load([0, 50000], 16)
    assert [99, 99] == labels.tolist()
    assert (2, 3, 16, 16) == tuple(images.shape)


def test_labels_are_those_to_train_on(board, ten):
    """
    Fifty thousand labels in the order of the images; the preparation looks at every one.
    """
    data = load_dataset("cifar10", board)
    labels = data.labels()
    assert (50000, 7, 0, 7) == (len(labels), labels[0], labels[1], labels[10000])
    data.check()


def test_label_out_of_range_is_refused(board, ten):
    """
    A label byte of 10 is damage.
    """
    with (ten / "test_batch.bin").open("r+b") as file:
        file.seek(3073)
        file.write(b"\x0a")
    with pytest.raises(RefusedWorkload, match=r"test_batch\.bin has a label 10, and the classes are 0 to 9"):
        load_dataset("cifar10", board).check()


def test_every_missing_or_cut_file_is_named(board, ten):
    """
    With the size it should have; a file cut by a byte is no file.
    """
    (ten / "data_batch_2.bin").unlink()
    (ten / "data_batch_4.bin").unlink()
    with (ten / "test_batch.bin").open("r+b") as file:
        file.truncate(30729999)
    with pytest.raises(RefusedWorkload) as refusal:
        load_dataset("cifar10", board)
    sentence = str(refusal.value)
    for number in (2, 4):
        assert f"data_batch_{number}.bin is missing (30730000 bytes)" in sentence
    assert "test_batch.bin has 30729999 bytes instead of 30730000" in sentence
    assert "data_batch_1.bin" not in sentence
    assert "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz" in sentence


def test_pickled_version_is_never_opened(board):
    """
    It could carry code: what to get instead is said.
    """
    (board.datasets_dir / "cifar-10-batches-py").mkdir()
    with pytest.raises(RefusedWorkload, match="cifar-10-batches-py is the pickled version, which is never opened"):
        load_dataset("cifar10", board)


def test_link_that_leads_elsewhere_is_refused(board, ten, tmp_path):
    """
    Files belong into the board's folder.
    """
    ten.rename(tmp_path / "elsewhere")
    ten.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RefusedWorkload, match="is a link that leads out of"):
        load_dataset("cifar10", board)


def test_only_what_is_there_is_offered(board, hundred):
    """
    One of the two is there; the other says what it lacks.
    """
    assert "cifar100" in dataset_names(board)
    assert "cifar10" not in dataset_names(board)
    absent = absent_datasets(board)
    assert "data_batch_1.bin is missing" in absent["cifar10"]
    assert "cifar100" not in absent
