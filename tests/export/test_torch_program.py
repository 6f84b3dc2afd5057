import dataclasses
import json
import zipfile

import numpy as np
import pytest
import torch
from tests.export.tiny import STRIDE, card, tiny_network
from torch import nn

from deeplab.export import export_program, read_check_pictures
from deeplab.export.torch_program import TorchProgramEngine
from deeplab.inference.torch_engine import TorchEngine
from deeplab.network_card import NetworkCard


@pytest.fixture(scope="module")
def program_path(tmp_path_factory):
    path = tmp_path_factory.mktemp("program") / "tiny.pt2"
    agreement = export_program(tiny_network(), card(), path, pictures=read_check_pictures()[:1])
    assert agreement.num_sizes >= 4
    assert agreement.same_labels > 0.999
    return path


@pytest.mark.parametrize("size", [(1, 5, 5), (1, 97, 33), (3, 40, 64), (1, 7, 161)])
def test_the_program_scores_batches_of_any_size_as_the_network(program_path, size):
    batch = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    found = TorchProgramEngine(program_path).class_scores(batch)
    expected = TorchEngine(tiny_network(), card()).class_scores(batch)
    # batch norms are folded: float32 sums in another order
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_pictures_within_one_output_stride_are_refused(program_path):
    with pytest.raises(ValueError, match=r"failed on 1 picture\(s\) of 4x1 pixels"):
        TorchProgramEngine(program_path).class_scores(np.zeros((1, 1, 4, 3), np.uint8))


def test_torch_alone_loads_it_and_the_card(program_path):
    extra_files = {"card.json": ""}
    program = torch.export.load(program_path, extra_files=extra_files)
    scores = program.module()(torch.zeros((1, 30, 41, 3), dtype=torch.uint8))
    assert scores.shape == (1, 3, 8, 11)
    found = NetworkCard.from_metadata(json.loads(extra_files["card.json"]))
    assert found == dataclasses.replace(card(), preprocessing=tiny_network().preprocessing)


def test_the_program_names_nothing_of_the_machine_it_was_made_on(program_path):
    with zipfile.ZipFile(program_path) as archive:
        assert not any(b".py" in archive.read(name) for name in archive.namelist())


def test_nothing_in_the_program_is_a_pickle_of_objects(program_path):
    with zipfile.ZipFile(program_path) as archive:
        configs = [archive.read(name) for name in archive.namelist() if name.endswith(".json")]
    assert configs
    assert not any(b'"use_pickle": true' in one or b'"use_pickle":true' in one for one in configs)


def test_a_network_that_takes_one_size_only_is_refused(tmp_path):
    class FixedSize(nn.Module):
        def forward(self, x):
            return x[:, :, ::STRIDE, ::STRIDE].reshape(2, 3, 41, 49)

    network = tiny_network()
    network.backbone, network.head = FixedSize(), nn.Identity()
    path = tmp_path / "fixed.pt2"
    with pytest.raises(ValueError, match=r"cannot be exported by torch|failed on 1 picture"):
        export_program(network, card(), path, pictures=read_check_pictures())
    assert not path.exists()


def test_another_file_name_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"programs of torch end in \.pt2"):
        export_program(tiny_network(), card(), tmp_path / "out.pt", pictures=read_check_pictures())


def test_a_file_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "text.pt2"
    path.write_text("no program")
    with pytest.raises(ValueError, match=r"text\.pt2: not a program of torch"):
        TorchProgramEngine(path)
