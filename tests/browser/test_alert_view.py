"""AlertView as people see it: in JupyterLab, in a browser."""

import time

import pytest
from playwright.sync_api import expect
from skysieve_widgets import light_curve
from skysieve_widgets.light_curve import magnitudes

from widgets import packets

SHOW = """
from skysieve_widgets import AlertView
from widgets import packets
view = AlertView({alert})
view
"""


@pytest.fixture
def shown(notebook):
    """A notebook that shows an alert, and the place where it does."""

    def show(alert="packets.made(3)"):
        opened = notebook(SHOW.format(alert=alert))
        opened.run()
        view = opened.output().locator(".sky-alert")
        expect(view).to_be_visible()
        return opened, view

    return show


def drawn(view):
    """How many points there are, by kind and band."""
    read = "points => points.map(point => [point.dataset.kind, point.dataset.band])"
    return sorted(map(tuple, view.locator(".sky-point").evaluate_all(read)))


def sources(view):
    images = view.locator(".sky-cutouts img")
    expect(images).to_have_count(3)
    return images.evaluate_all("images => images.map(image => image.src)")


def test_cutouts_light_curve_values_and_links_are_those_of_the_packet(shown):
    alert = packets.made(3)
    _, view = shown()
    assert len(set(sources(view))) == 3
    expect(view.locator(".sky-cutouts img").first).to_have_attribute(
        "alt", "Science: north up, east to the left"
    )
    curve = light_curve(alert)
    assert drawn(view) == sorted(zip(curve["kind"], curve["band"], strict=True))
    assert "25 detections, 40 forced measurements" in view.locator(".sky-curve > svg").get_attribute(
        "aria-label"
    )
    cell = view.get_by_role("row", name="diaSource.diaSourceId").get_by_role("cell").first
    expect(cell).to_have_text(str(alert["diaSource"]["diaSourceId"]))
    links = view.locator("a").evaluate_all("links => links.map(link => link.href)")
    assert [link.split("/")[2] for link in links] == [
        "simbad.cds.unistra.fr",
        "aladin.cds.unistra.fr",
        "www.wis-tns.org",
    ]


def test_stretch_and_colours_are_one_thing_in_the_browser_and_in_python(shown):
    notebook, view = shown()
    before = sources(view)
    begin = time.perf_counter()
    view.get_by_label("Stretch").select_option("log")
    expect(view.locator(".sky-cutouts img").first).not_to_have_attribute("src", before[0])
    print(f"stretch to redraw: {time.perf_counter() - begin:.3f} s")
    assert notebook.value("view.stretch") == "log"
    notebook.python("view.colour_map = 'viridis'")
    expect(view.get_by_label("Colours")).to_have_value("viridis")
    science, _, difference = sources(view)
    assert science not in before
    assert difference not in before


def test_flux_and_magnitude_and_time_change_over_by_keyboard(shown):
    notebook, view = shown()
    curve = view.locator(".sky-curve > svg")
    expect(curve).to_contain_text("Difference flux")
    view.get_by_role("radio", name="flux").focus()
    notebook.page.keyboard.press("ArrowRight")
    expect(curve).to_contain_text("Difference magnitude (AB)")
    table = magnitudes(light_curve(packets.made(3)))
    seen = table[table["mag"].notna() | table["limit"].notna()]
    assert drawn(view) == sorted(zip(seen["kind"], seen["band"], strict=True))
    assert view.locator("[data-limit]").count() == int(table["limit"].notna().sum()) > 0
    view.get_by_role("radio", name="days ago").check()
    expect(curve).to_contain_text("Days before this alert")
    end = time.monotonic() + 20
    while (told := notebook.value("[view.magnitudes, view.days_ago]")) != [
        True,
        True,
    ] and time.monotonic() < end:
        time.sleep(0.2)  # what was pressed is on its way to Python
    assert told == [True, True]
    notebook.python("view.magnitudes = False")
    expect(curve).to_contain_text("Difference flux")


def test_a_search_leaves_the_values_that_python_names(shown):
    notebook, view = shown()
    everything = notebook.value("len(view.values)")
    rows = view.locator(".sky-values tr:not([hidden])")
    expect(rows).to_have_count(everything)
    view.get_by_label("Search the values").fill("psf FLUX")
    expect(view.get_by_role("status")).to_have_text(f"2 of {everything} values")
    assert rows.locator("th").all_inner_texts() == notebook.value("view.values['name'].tolist()")
    notebook.python("view.search = ''")
    expect(rows).to_have_count(everything)


def test_a_page_that_is_loaded_again_shows_the_view_as_it_was(shown):
    notebook, view = shown()
    notebook.python("view.stretch, view.magnitudes, view.search = 'zscale', True, 'snr'")
    before = sources(view)
    notebook.save_and_reload()
    expect(view.get_by_label("Stretch")).to_have_value("zscale")
    expect(view.get_by_role("radio", name="AB magnitude")).to_be_checked()
    expect(view.locator(".sky-values tr:not([hidden])")).to_have_count(1)
    assert sources(view)[1] == before[1]


def test_an_alert_without_cutouts_and_history_says_so(shown):
    _, view = shown("packets.hand_made()")
    expect(view.locator(".sky-cutouts img").last).to_have_attribute(
        "alt", "Difference: no cutout\nnot in the packet"
    )
    assert drawn(view) == [("detection", "i")]


@pytest.mark.real_data
def test_a_ztf_alert_has_limits_and_says_that_its_orientation_is_supposed(shown):
    packets.need_data()
    _, view = shown("packets.ztf_alerts()[0]")
    assert "upper limit" in {kind for kind, _ in drawn(view)}
    expect(view.locator(".sky-cutouts small").first).to_have_text("WCS assumed: the packet has none")


def test_text_of_a_packet_is_text(shown):
    notebook, view = shown(
        """(alert := packets.hand_made(), alert["diaSource"].update(band="<img src=x>"))[0]"""
    )
    expect(view.locator(".sky-heading")).to_contain_text("<img src=x> band")
    assert view.locator("img:not([src^=data])").count() == 0
    assert notebook.output().locator("img[src=x]").count() == 0


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_it_is_read_in_both_themes(shown, theme):
    notebook, view = shown()
    notebook.theme(f"JupyterLab {theme}")
    sources(view)
    ink, paper = view.evaluate(
        """view => [getComputedStyle(view.querySelector('.sky-curve text')).fill,
            getComputedStyle(view.closest('.jp-Notebook')).backgroundColor]"""
    )
    assert abs(_brightness(ink) - _brightness(paper)) > 0.5
    notebook.picture(f"alert-{theme.lower()}", view)


def _brightness(colour: str) -> float:
    parts = [float(part) for part in colour[colour.index("(") + 1 : -1].split(",")]
    solid = parts[3] if len(parts) == 4 else 1.0
    return solid * sum(parts[:3]) / 765 + (1 - solid) * 0.5
