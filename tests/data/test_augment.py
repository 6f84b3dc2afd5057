import numpy as np
import pytest
import torch

from deeplab.data.augment import AugmentConfig, Crop, augment, paste

MEAN = (123.4, 116.6, 104.0)


def crop(picture, labels, seed=0, **settings):
    config = AugmentConfig(**{"scales": (1.0,), "mirror": False} | settings)
    random = np.random.default_rng(seed)
    made = augment(picture, labels, config, mean_255=MEAN, random=random)
    return made.picture.permute(1, 2, 0).numpy(), made.labels.numpy()


def numbered(height, width):
    """A picture in which every pixel says where it stands, and labels that say the same."""
    rows, columns = np.mgrid[:height, :width].astype(np.uint8)
    return np.stack([rows, columns, rows + columns], axis=2), (rows * 5 + columns) % 21


def test_a_small_picture_is_padded_at_the_bottom_and_the_right_with_mean_and_void():
    picture, labels = numbered(10, 12)
    got, got_labels = crop(picture, labels, crop_size_px=17)
    assert np.array_equal(got[:10, :12], picture)
    assert np.array_equal(got_labels[:10, :12], labels)
    assert (got[10:] == np.float32(MEAN)).all()  # exactly: it is 0 to the network
    assert (got[:, 12:] == np.float32(MEAN)).all()
    assert (got_labels[10:] == 255).all()
    assert (got_labels[:, 12:] == 255).all()


def test_a_crop_is_a_window_and_every_window_can_be_drawn():
    picture, labels = numbered(8, 7)
    corners = set()
    for seed in range(200):
        got, got_labels = crop(picture, labels, seed, crop_size_px=5)
        top, left = got[0, 0, :2].astype(int)
        assert np.array_equal(got, picture[top : top + 5, left : left + 5])
        assert np.array_equal(got_labels, labels[top : top + 5, left : left + 5])
        corners.add((top, left))
    assert corners == {(top, left) for top in range(4) for left in range(3)}


def test_the_mirror_turns_picture_and_labels_together_in_every_second_crop():
    picture, labels = numbered(5, 5)
    mirrored = 0
    for seed in range(200):
        got, got_labels = crop(picture, labels, seed, crop_size_px=5, mirror=True)
        is_mirrored = not np.array_equal(got, picture)
        mirrored += is_mirrored
        step = -1 if is_mirrored else 1
        assert np.array_equal(got, picture[:, ::step])
        assert np.array_equal(got_labels, labels[:, ::step])
    assert 70 < mirrored < 130  # 100 expected, standard deviation 7


@pytest.mark.parametrize("scale", [0.5, 0.75, 1.25, 1.5])
def test_scaling_is_opencvs_bilinear_for_pictures_and_nearest_for_labels(scale):
    random = np.random.default_rng(1)
    picture = random.integers(0, 256, (21, 26, 3), dtype=np.uint8)
    labels = random.integers(0, 21, (21, 26), dtype=np.uint8)
    height, width = int(21 * scale), int(26 * scale)
    got, got_labels = crop(picture, labels, crop_size_px=49, scales=(scale,))
    wanted = resized_by_hand(picture, height, width)
    # torch rounds to whole numbers after each of the two directions
    assert np.abs(got[:height, :width] - wanted).max() <= 1 + 1e-3
    rows = np.floor(np.arange(height) * (21 / height)).astype(int)
    columns = np.floor(np.arange(width) * (26 / width)).astype(int)
    assert np.array_equal(got_labels[:height, :width], labels[np.ix_(rows, columns)])
    assert (got_labels[height:] == 255).all()


def resized_by_hand(picture, height, width):
    """Bilinear with half-pixel centres and clamped borders, pixel by pixel."""
    result = np.empty((height, width, 3))
    for row in range(height):
        for column in range(width):
            y = max((row + 0.5) * picture.shape[0] / height - 0.5, 0)
            x = max((column + 0.5) * picture.shape[1] / width - 0.5, 0)
            top, left = int(y), int(x)
            bottom = min(top + 1, picture.shape[0] - 1)
            right = min(left + 1, picture.shape[1] - 1)
            down, along = y - top, x - left
            above = picture[top, left] * (1 - along) + picture[top, right] * along
            below = picture[bottom, left] * (1 - along) + picture[bottom, right] * along
            result[row, column] = above * (1 - down) + below * down
    return result


def test_every_scale_of_the_list_is_drawn_and_no_other():
    picture, labels = numbered(20, 20)
    sizes = {
        int((crop(picture, labels, seed, crop_size_px=41, scales=(0.5, 1, 2))[1] != 255).sum())
        for seed in range(60)
    }
    assert sizes == {10 * 10, 20 * 20, 40 * 40}


def test_colours_change_and_labels_do_not():
    picture, labels = numbered(9, 9)
    plain, plain_labels = crop(picture + 60, labels, crop_size_px=9)
    got, got_labels = crop(picture + 60, labels, crop_size_px=9, colour_jitter=0.4)
    assert not np.array_equal(got, plain)
    assert np.array_equal(got_labels, plain_labels)


def test_only_objects_are_pasted():
    onto = Crop(torch.zeros(3, 1, 4, dtype=torch.uint8), torch.tensor([[1, 1, 1, 1]]).byte())
    objects = Crop(
        torch.full((3, 1, 4), 9, dtype=torch.uint8), torch.tensor([[0, 255, 5, 6]]).byte()
    )
    pasted = paste(onto, objects)
    assert pasted.labels.tolist() == [[1, 1, 5, 6]]
    assert pasted.picture[0].tolist() == [[0, 0, 9, 9]]


def test_crops_of_many_classes_are_padded_with_their_void():
    picture, labels = numbered(10, 12)
    _, got_labels = crop(picture, labels.astype(np.uint16) + 290, crop_size_px=17)
    assert got_labels.dtype == np.int32
    assert np.array_equal(got_labels[:10, :12], labels.astype(int) + 290)
    assert (got_labels[10:] == 65535).all()


@pytest.mark.parametrize("scale", [0.5, 1.5])
def test_wide_label_maps_are_resized_as_narrow_ones(scale):
    picture, labels = numbered(21, 26)
    _, narrow = crop(picture, labels, crop_size_px=49, scales=(scale,))
    _, wide = crop(picture, labels.astype(np.uint16), crop_size_px=49, scales=(scale,))
    assert np.array_equal(wide, np.where(narrow == 255, 65535, narrow.astype(int)))


@pytest.mark.parametrize("num_bands", [1, 4, 6])
def test_every_band_is_cut_and_padded_as_that_of_an_rgb_picture(num_bands):
    picture, labels = numbered(10, 12)
    config = AugmentConfig(scales=(0.8, 1.2), crop_size_px=13)
    many = np.stack([picture[..., 1]] * num_bands, axis=2)
    for seed in range(4):
        one, other = (
            augment(
                given,
                labels,
                config,
                mean_255=(9.0,) * given.shape[2],
                random=np.random.default_rng(seed),
            )
            for given in (np.stack([picture[..., 1]] * 3, axis=2), many)
        )
        # other kernels of torch round other ties
        difference = other.picture.int() - one.picture[:1].int()
        assert difference.abs().max() <= 1
        assert torch.equal(one.labels, other.labels)


def test_bands_get_darker_and_flatter_as_grey_pictures_do():
    picture, labels = numbered(9, 9)
    grey = picture[..., :1] + 60
    for seed in range(5):
        config = AugmentConfig(scales=(1.0,), mirror=False, crop_size_px=9, colour_jitter=0.4)
        one, two = (
            augment(given, labels, config, mean_255=(0.0,), random=np.random.default_rng(seed))
            for given in (grey, np.repeat(grey, 2, axis=2))
        )
        assert (one.picture.int() - two.picture[:1].int()).abs().max() <= 1
