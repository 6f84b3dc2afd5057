import torch

from deeplab.crf.torch_lattice import Lattice, build_lattice, filter_values


def _features(num_features: int, num_points: int = 60, spread: float = 2.0) -> torch.Tensor:
    torch.manual_seed(num_features)
    return torch.rand(num_features, num_points) * spread


def _matrix(lattice: Lattice, num_points: int) -> torch.Tensor:
    return filter_values(torch.eye(num_points, dtype=torch.float64), lattice)


def _elevated(features: torch.Tensor) -> torch.Tensor:
    """Points in the lattice's plane (V, N), by a matrix of orthonormal columns."""
    num_axes = len(features) + 1
    basis = torch.zeros(num_axes, len(features), dtype=torch.float64)
    for column in range(len(features)):
        basis[: column + 1, column] = 1
        basis[column + 1, column] = -(column + 1)
        basis[:, column] /= ((column + 1) * (column + 2)) ** 0.5
    return basis @ features.double() * num_axes * (2 / 3) ** 0.5


def _slow_vertices(features: torch.Tensor) -> list[list[tuple[int, ...]]]:
    """Corners around each point, by the definition: the lattice points nearest to it, by remainder.

    A corner of remainder c is congruent to (c, ..., c) modulo V; of all such points of the plane
    it is the one that lies nearest.
    """
    num_axes = len(features) + 1
    corners = []
    for point in _elevated(features).T.tolist():
        around = []
        for remainder in range(num_axes):
            quotients = [round((value - remainder) / num_axes) for value in point]
            errors = [
                value - remainder - num_axes * quotient
                for value, quotient in zip(point, quotients, strict=True)
            ]
            # The quotients have to sum to -remainder: move those that lose least by it.
            excess = sum(quotients) + remainder
            order = sorted(range(num_axes), key=lambda i: errors[i], reverse=excess < 0)
            for axis in order[: abs(excess)]:
                quotients[axis] -= 1 if excess > 0 else -1
            around.append(tuple(num_axes * quotient + remainder for quotient in quotients))
        corners.append(around)
    return corners


def test_vertices_are_the_nearest_lattice_points_of_each_remainder() -> None:
    for num_features in (1, 2, 3, 5, 7):
        features = _features(num_features)
        lattice = build_lattice(features, torch.float64)
        numbers: dict[tuple[int, ...], set[int]] = {}
        for corners, rows in zip(
            _slow_vertices(features), lattice.vertices_NV.tolist(), strict=True
        ):
            for corner, row in zip(corners, rows, strict=True):
                numbers.setdefault(corner, set()).add(row)
        assert all(len(rows) == 1 for rows in numbers.values())
        assert len({*set.union(*numbers.values())}) == len(numbers)
        assert len(lattice.starts) == len(numbers) + 1


def test_neighbours_are_the_lattice_points_one_step_along_an_axis() -> None:
    features = _features(3, spread=1.0)
    lattice = build_lattice(features, torch.float64)
    row_of = {
        corner: row
        for corners, rows in zip(
            _slow_vertices(features), lattice.vertices_NV.tolist(), strict=True
        )
        for corner, row in zip(corners, rows, strict=True)
    }
    nothing = len(row_of)
    for axis, table in enumerate(lattice.blurred_VM3.tolist()):
        for corner, row in row_of.items():
            above = tuple(c + 3 if i == axis else c - 1 for i, c in enumerate(corner))
            below = tuple(c - 3 if i == axis else c + 1 for i, c in enumerate(corner))
            assert table[row] == [row, row_of.get(above, nothing), row_of.get(below, nothing)]
        assert table[nothing] == [nothing] * 3


def test_corners_weighted_by_barycentric_coordinates_make_the_point() -> None:
    features = _features(5)
    lattice = build_lattice(features, torch.float64)
    weights = lattice.slice_weights_NV * (1 + 2.0**-5)
    corners = torch.tensor(_slow_vertices(features), dtype=torch.float64)
    found = (weights.unsqueeze(2) * corners).sum(1)
    # float32 coordinates of up to 20
    torch.testing.assert_close(found.T, _elevated(features), rtol=0, atol=1e-5)
    assert weights.min() >= 0
    torch.testing.assert_close(weights.sum(1), torch.ones(60, dtype=torch.float64))


def test_backward_is_the_transpose() -> None:
    lattice = build_lattice(_features(4), torch.float64)
    values = torch.eye(60, dtype=torch.float64, requires_grad=True)
    matrix = filter_values(values, lattice)
    # The gradient of <G, K X> towards X is K^T G, for every G.
    gradient = torch.rand(60, 60, dtype=torch.float64)
    (given,) = torch.autograd.grad(matrix, values, gradient)
    torch.testing.assert_close(given, matrix.detach().T @ gradient)
    assert not torch.allclose(matrix, matrix.T)  # else the order of axes would not matter


def test_gradients_pass_a_numerical_check_twice() -> None:
    lattice = build_lattice(_features(3, 12), torch.float64)
    values = torch.rand(12, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: filter_values(x, lattice), values)
    assert torch.autograd.gradgradcheck(lambda x: filter_values(x, lattice) ** 2, values)


def test_a_point_far_from_all_others_hears_only_itself() -> None:
    features = torch.tensor([[0.0, 0.1, 900.0], [0.0, 0.0, -900.0]])
    matrix = _matrix(build_lattice(features, torch.float64), 3)
    assert matrix[2, :2].tolist() == matrix[:2, 2].tolist() == [0, 0]
    assert matrix[0, 1] > 0
    assert matrix[2, 2] > 0


def test_many_features_far_apart_do_not_mix_up_vertices() -> None:
    # Here coordinates do not fit into 63 bits; shifting every point by a vector of the lattice
    # changes none of their relations, but all of the numbers.
    features = _features(10, 200)
    features[:, 100:] += 20_000 * _features(10, 100, spread=1.0)
    lattice = build_lattice(features, torch.float64)
    near = build_lattice(features[:, :100], torch.float64)
    torch.testing.assert_close(_matrix(lattice, 200)[:100, :100], _matrix(near, 100))


def test_the_type_of_values_does_not_change_the_vertices() -> None:
    features = _features(5)
    single, double = (build_lattice(features, dtype) for dtype in (torch.float32, torch.float64))
    assert torch.equal(single.vertices_NV, double.vertices_NV)
    assert torch.equal(single.blurred_VM3, double.blurred_VM3)
    values = torch.rand(60, 3)
    # float32 sums of some dozens of numbers below 1
    torch.testing.assert_close(
        filter_values(values, single).double(),
        filter_values(values.double(), double),
        rtol=1e-5,
        atol=1e-6,
    )
