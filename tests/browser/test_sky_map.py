"""SkyMap as people see it: in JupyterLab, in a browser; places on it are those of matplotlib's own Mollweide."""

import numpy as np
import pytest
from matplotlib.projections.geo import MollweideAxes
from playwright.sync_api import expect
from processes import wait_until

from .panel import cells

PLACES = {"east": (60.0, 20.0), "west": (300.0, -50.0)}
COLOURS = {"east": (0, 114, 178), "west": (213, 94, 0)}
IDS = {"east": "170094456248729605", "west": "170094456248729606"}

SHOW = f"""
import pandas as pd
from skysieve_widgets import SkyMap
sky = SkyMap(galactic=False, ecliptic=False)
for name, (ra, dec) in {PLACES}.items():
    at = pd.DataFrame({{"diaSourceId": [int({IDS}[name])], "ra": [ra], "dec": [dec]}})
    sky.add(at, name, colour="#%02x%02x%02x" % {COLOURS}[name])
sky
"""
# The middle of all pixels of a colour, and the size of the canvas.
_MIDDLE = """(canvas, [red, green, blue]) => {
    const {width, height} = canvas;
    const {data} = canvas.getContext("2d").getImageData(0, 0, width, height);
    let [n, x, y] = [0, 0, 0];
    for (let i = 0; i < data.length; i += 4) {
        if (data[i] !== red || data[i + 1] !== green || data[i + 2] !== blue) continue;
        n += 1;
        x += (i / 4) % width + 0.5;
        y += Math.floor(i / 4 / width) + 0.5;
    }
    return n ? [x / n, y / n, width, height] : null;
}"""


@pytest.fixture
def shown(notebook):
    """A notebook that shows a map with two alerts, and the place where it does."""
    opened = notebook(SHOW)
    opened.run()
    sky = opened.output().locator(".sky-map")
    expect(sky).to_be_visible()
    return opened, sky


def seen(sky, name):
    """Where an alert is drawn: from -2 (left) to 2 and from -1 (below) to 1, as the map's ellipse has it."""
    found = sky.locator("canvas").evaluate(_MIDDLE, list(COLOURS[name]))
    if found is None:
        return [np.nan, np.nan]
    x, y, width, height = found
    scale = (width - 24) / 4
    return [(x - width / 2) / scale, (height / 2 - y) / scale]


def expected(name, centre=0.0):
    """The same by matplotlib, whose right ascension increases to the right."""
    ra, dec = PLACES[name]
    east = np.radians((ra - centre + 180) % 360 - 180)
    x, y = MollweideAxes.MollweideTransform(1).transform_non_affine(np.array([[east, np.radians(dec)]]))[0]
    return [-x / np.sqrt(2), y / np.sqrt(2)]


def expect_place(sky, name, centre=0.0):
    """Wait until an alert is drawn where it must be."""
    place = expected(name, centre)
    wait_until(lambda: np.allclose(seen(sky, name), place, atol=0.01), f"{name} drawn at {place}", 20)
    return place


def test_it_is_drawn_in_the_place_of_its_picture_with_east_to_the_left(shown):
    notebook, sky = shown
    expect_place(sky, "east")
    expect_place(sky, "west")
    east, west = seen(sky, "east"), seen(sky, "west")
    assert east[0] < 0 < west[0]
    assert east[1] > 0 > west[1]
    picture = notebook.output().locator(f".{notebook.value('sky.picture')}")
    expect(picture).to_have_count(1)
    expect(picture).to_be_hidden()
    for theme in ("Light", "Dark"):
        notebook.theme(f"JupyterLab {theme}")
        notebook.picture(f"sky-{theme.lower()}", sky)


def test_another_centre_turns_the_map(shown):
    notebook, sky = shown
    sky.get_by_label("centre RA").fill("300")
    sky.get_by_label("centre RA").press("Enter")
    expect(sky.get_by_label("centre RA")).to_have_value("300")
    expect_place(sky, "west", 300)
    expect_place(sky, "east", 300)
    assert notebook.value("sky.centre") == 300


def test_a_click_on_an_alert_selects_it_and_tells_where_it_is(shown):
    notebook, sky = shown
    box = sky.locator("canvas").bounding_box()
    x, y = expect_place(sky, "east")
    scale = box["width"] * (1500 - 24) / 1500 / 4
    notebook.page.mouse.click(
        box["x"] + box["width"] / 2 + x * scale, box["y"] + box["height"] / 2 - y * scale
    )
    expect(sky.locator(".sky-map-chosen")).to_have_text(f"Selected: {IDS['east']}")
    expect(sky.locator("output")).to_contain_text(f"nearest alert {IDS['east']} (east)")
    assert notebook.value("[sky.selected, [round(one) for one in sky.pointed]]") == [[IDS["east"]], [60, 20]]


def test_the_keyboard_reads_coordinates_and_selects(shown):
    notebook, sky = shown
    notebook.python("sky.pointed = [61.0, 10.0]")
    canvas = sky.locator("canvas")
    canvas.focus()
    for key in ("Shift+ArrowUp", "ArrowRight", "Enter"):
        canvas.press(key)
    expect(sky.locator(".sky-map-chosen")).to_have_text(f"Selected: {IDS['east']}")
    expect(sky.locator("output")).to_contain_text("RA 60.00°  Dec +20.00°")
    for key in ("d", "d", "ArrowLeft"):
        canvas.press(key)
    expect(sky.locator("output")).to_contain_text("RA 61.00°  Dec +20.00°")
    assert len(cells(notebook.page)) == 1
    sky.get_by_role("checkbox", name="east").press("Space")
    expect(sky.get_by_role("checkbox", name="east")).not_to_be_checked()
    expect(sky.locator("output")).to_contain_text(f"nearest alert {IDS['west']} (west)")


def test_a_page_that_is_loaded_again_shows_the_map_as_it_was(shown):
    notebook, sky = shown
    notebook.python(f"sky.selected, sky.centre = [{IDS['west']!r}], 300")
    notebook.save_and_reload()
    expect(sky.locator(".sky-map-chosen")).to_have_text(f"Selected: {IDS['west']}")
    expect_place(sky, "west", 300)
    expect(notebook.output().locator(f".{notebook.value('sky.picture')}")).to_be_hidden()
