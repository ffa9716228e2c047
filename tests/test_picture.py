import numpy as np
import trimesh

from netspace.picture import picture, sheet


def ball_at(x: float, y: float, z: float = 0.0, radius: float = 0.2) -> trimesh.Trimesh:
    mesh = trimesh.creation.icosphere(subdivisions=2, radius=radius)
    mesh.apply_translation((x, y, z))
    return mesh


def place(image: np.ndarray) -> tuple[float, float]:
    """Centre of what is drawn, as shares of the width and of the height from the top."""
    rows, columns = np.nonzero(image[..., 3])
    return columns.mean() / image.shape[1], rows.mean() / image.shape[0]


def test_nothing_gives_a_transparent_picture_of_the_asked_size() -> None:
    image = picture(None, 48)
    assert image.shape == (48, 48, 4)
    assert image.dtype == np.uint8
    assert not image.any()


def test_a_mesh_is_drawn_in_its_colour_on_a_transparent_background() -> None:
    image = picture(ball_at(0, 0, radius=0.5), 48, colour=(200, 0, 0))
    drawn = image[..., 3] > 0
    assert 0.08 < drawn.mean() < 0.2  # a disc of radius 0.5 in a picture 2.5 wide: 12.6%
    assert image[drawn][:, 0].max() > 150
    assert not image[..., 1:3].any()
    assert not image[0, 0].any()


def test_seen_from_the_front_x_is_right_and_y_is_up() -> None:
    front = (0.0, 0.0)
    x, y = place(picture(ball_at(0.5, 0), 48, view=front))
    assert (x > 0.6, abs(y - 0.5) < 0.05) == (True, True)
    x, y = place(picture(ball_at(0, 0.5), 48, view=front))
    assert (abs(x - 0.5) < 0.05, y < 0.4) == (True, True)


def test_what_is_nearer_hides_what_is_behind() -> None:
    near, far = ball_at(0, 0, 0.6, radius=0.3), ball_at(0, 0, -0.6, radius=0.3)
    both = trimesh.util.concatenate([near, far])
    np.testing.assert_allclose(
        picture(both, 32, view=(0.0, 0.0))[16, 16].astype(int),
        picture(near, 32, view=(0.0, 0.0))[16, 16].astype(int),
        atol=12,
    )


def test_a_picture_is_the_same_every_time() -> None:
    assert np.array_equal(picture(ball_at(0.1, 0.2), 32), picture(ball_at(0.1, 0.2), 32))


def test_a_sheet_places_pictures_in_rows_on_an_opaque_background() -> None:
    full = np.full((4, 4, 4), 255, np.uint8)
    full[..., :3] = 10
    out = sheet([[full], [np.zeros((4, 4, 4), np.uint8), full]])
    assert out.shape == (8, 8, 3)
    assert (out[:4, :4] == 10).all()
    assert (out[:4, 4:] == 255).all()
    assert (out[4:, :4] == 255).all()
    assert (out[4:, 4:] == 10).all()
